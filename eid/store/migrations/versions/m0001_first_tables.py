"""Accounts, identifiers, grants, throttles and the record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "meta",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )
    _accounts()
    _clients()
    _grants()
    _audit()
    _people()
    _cases()


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("username", sa.String(64), nullable=False, unique=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("holder_match", sa.String(16), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("roles", sa.String(256), nullable=False),
        sa.Column("representative", sa.String(64)),
        sa.Column("lock_ground", sa.String(32)),
        sa.Column("profile", sa.LargeBinary),
        sa.Column("password", sa.LargeBinary),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("proofed_at", sa.BigInteger),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "person_keys",
        sa.Column("account", sa.String(64), sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "identifiers",
        sa.Column("number_hash", sa.LargeBinary, primary_key=True),
        sa.Column("account", sa.String(64), sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("since", sa.BigInteger, primary_key=True),
        sa.Column("until", sa.BigInteger),
    )
    op.create_index("identifiers_account", "identifiers", ["account"])
    op.create_index(
        "identifiers_live",
        "identifiers",
        ["number_hash"],
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    )


def _clients() -> None:
    op.create_table(
        "clients",
        sa.Column("client_id", sa.String(128), primary_key=True),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )


def _grants() -> None:
    op.create_table(
        "grants",
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("family", sa.String(64)),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index("grants_family", "grants", ["family"])
    op.create_index("grants_expires_at", "grants", ["expires_at"])
    op.create_table(
        "throttles",
        sa.Column("scope", sa.LargeBinary, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("blocked_until", sa.BigInteger, nullable=False),
        sa.Column("forget_at", sa.BigInteger, nullable=False),
    )
    op.create_index("throttles_forget_at", "throttles", ["forget_at"])


def _audit() -> None:
    op.create_table(
        "audit_chains",
        sa.Column("node", sa.String(64), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("peaks", sa.LargeBinary, nullable=False),
        sa.Column("start", sa.Text),
    )
    op.create_table(
        "audit_rows",
        sa.Column("node", sa.String(64), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("account", sa.String(64)),
        sa.Column("client", sa.String(256)),
        sa.Column("interaction", sa.String(128)),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("commitment", sa.LargeBinary),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    op.create_index("audit_rows_account", "audit_rows", ["account"])
    op.create_table(
        "audit_heads",
        sa.Column("node", sa.String(64), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("signed", sa.Text, nullable=False),
    )
    op.create_table(
        "audit_blocks",
        sa.Column("node", sa.String(64), primary_key=True),
        sa.Column("block", sa.BigInteger, primary_key=True),
        sa.Column("root", sa.LargeBinary, nullable=False),
    )


def _people() -> None:
    op.create_table(
        "openings",
        sa.Column("commitment", sa.LargeBinary, primary_key=True),
        sa.Column("account", sa.String(64), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("openings_account", "openings", ["account"])
    op.create_table(
        "consents",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(64), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("client", sa.String(256), nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("purpose", sa.String(256), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("text_version", sa.String(64), nullable=False),
        sa.Column("act", sa.String(64), nullable=False),
        sa.Column("given_at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger),
    )
    op.create_index("consents_account", "consents", ["account"])
    op.create_table(
        "factors",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(64), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("secret", sa.LargeBinary),
        sa.Column("counter", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger),
        sa.Column("removed_at", sa.BigInteger),
    )
    op.create_index("factors_account", "factors", ["account"])


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("account", sa.String(64)),
        sa.Column("other", sa.String(64)),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("opened_by", sa.String(64), nullable=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("decision", sa.String(32)),
        sa.Column("decided_at", sa.BigInteger),
        sa.Column("decided_by", sa.String(64)),
    )
    op.create_index("cases_account", "cases", ["account"])
    op.create_index("cases_decided_at", "cases", ["decided_at"])
