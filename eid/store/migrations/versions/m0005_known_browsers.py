"""Since when a browser must have logged in to be a known one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the moment of the last new password; no browser is forgotten by this."""
    op.add_column("accounts", sa.Column("devices_after", sa.BigInteger))
