"""Enrolled kiosks, their batches, and the visits that they bring."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of kiosks."""
    op.create_table(
        "kiosks",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("jwk", sa.Text, nullable=False),
        sa.Column("enrolled_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("seen_at", sa.BigInteger),
        sa.Column("health", sa.Text, nullable=False),
        sa.Column("counter", sa.BigInteger, nullable=False),
        sa.Column("link", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "kiosk_batches",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("kiosk", sa.String(64), sa.ForeignKey("kiosks.id"), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("most", sa.Integer, nullable=False),
        sa.Column("issued_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("kiosk_batches_expires_at", "kiosk_batches", ["expires_at"])
    op.create_table(
        "visits",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("kiosk", sa.String(64), sa.ForeignKey("kiosks.id"), nullable=False),
        sa.Column("received_us", sa.BigInteger, nullable=False),
        sa.Column("counter", sa.BigInteger, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("place", sa.String(8)),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("visits_received_us", "visits", ["received_us"])
