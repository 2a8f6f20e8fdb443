"""Factors that a recovery suspended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add since when a factor is suspended; none is."""
    op.add_column("factors", sa.Column("suspended_at", sa.BigInteger))
