"""The tables, as SQLAlchemy Core values; times are seconds since 1970, secrets are hashed or sealed.

Nothing here is a personal datum in clear: numbers and network addresses are keyed hashes, names
and other data are sealed under a key of the person (``accounts.data_key``), itself sealed.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("username", String(64), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("level", Integer, nullable=False),
    Column("holder_match", String(16), nullable=False),
    Column("source", String(32), nullable=False),
    Column("roles", String(256), nullable=False),
    Column("data_key", LargeBinary, nullable=False),
    Column("profile", LargeBinary),
    Column("password", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("proofed_at", BigInteger),
    Column("version", Integer, nullable=False),
)

identifiers = Table(
    "identifiers",
    metadata,
    Column("number_hash", LargeBinary, primary_key=True),
    Column("account", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("since", BigInteger, primary_key=True),
    Column("until", BigInteger),
    Index("identifiers_account", "account"),
    Index(
        "identifiers_live",
        "number_hash",
        unique=True,
        sqlite_where=text("until IS NULL"),
        postgresql_where=text("until IS NULL"),
    ),
)

grants = Table(
    "grants",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    Column("family", String(64)),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("version", Integer, nullable=False),
    Index("grants_family", "family"),
    Index("grants_expires_at", "expires_at"),
)

throttles = Table(
    "throttles",
    metadata,
    Column("scope", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("blocked_until", BigInteger, nullable=False),
    Column("forget_at", BigInteger, nullable=False),
    Index("throttles_forget_at", "forget_at"),
)

clients = Table(
    "clients",
    metadata,
    Column("client_id", String(128), primary_key=True),
    Column("metadata", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

audit_chains = Table(
    "audit_chains",
    metadata,
    Column("node", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

audit_rows = Table(
    "audit_rows",
    metadata,
    Column("node", String(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("account", String(64)),
    Column("client", String(256)),
    Column("interaction", String(128)),
    Column("detail", Text, nullable=False),
    Column("commitment", LargeBinary),
    Column("hash", LargeBinary, nullable=False),
    Index("audit_rows_account", "account"),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("node", String(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("signed", Text, nullable=False),
)
