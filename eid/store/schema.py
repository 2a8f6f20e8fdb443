"""The tables, as SQLAlchemy Core values; times are seconds since 1970 (``_us``: microseconds), secrets are hashed or sealed.

Nothing here is a personal datum in clear: numbers and network addresses are keyed hashes, names
and other data are sealed under a key of the person (``person_keys``), itself sealed. That table
is backed up apart from the others, so that erasing a key erases the person from every backup.
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
    Column("representative", String(64)),
    Column("lock_ground", String(32)),
    Column("profile", LargeBinary),
    Column("password", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("proofed_at", BigInteger),
    Column("version", Integer, nullable=False),
    Column("devices_after", BigInteger),
)

person_keys = Table(
    "person_keys",
    metadata,
    Column("account", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
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
        # on PostgreSQL too, by the migration; to say it here loads that dialect into every worker
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
    Column("peaks", LargeBinary, nullable=False),
    Column("start", Text),
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

audit_blocks = Table(
    "audit_blocks",
    metadata,
    Column("node", String(64), primary_key=True),
    Column("block", BigInteger, primary_key=True),
    Column("root", LargeBinary, nullable=False),
)

openings = Table(
    "openings",
    metadata,
    Column("commitment", LargeBinary, primary_key=True),
    Column("account", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("openings_account", "account"),
)

consents = Table(
    "consents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("client", String(256), nullable=False),
    Column("what", Text, nullable=False),
    Column("purpose", String(256), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("text_version", String(64), nullable=False),
    Column("act", String(64), nullable=False),
    Column("given_at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("withdrawn_at", BigInteger),
    Index("consents_account", "account"),
)

factors = Table(
    "factors",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("method", String(16), nullable=False),
    Column("secret", LargeBinary),
    Column("counter", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Column("removed_at", BigInteger),
    Column("suspended_at", BigInteger),
    Index("factors_account", "account"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("occasion", String(32), nullable=False),
    Column("factor", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Index("notices_account", "account"),
    Index("notices_due_at", "due_at"),
)

cases = Table(
    "cases",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("account", String(64)),
    Column("other", String(64)),
    Column("opened_at", BigInteger, nullable=False),
    Column("opened_by", String(64), nullable=False),
    Column("due_at", BigInteger),
    Column("decision", String(32)),
    Column("decided_at", BigInteger),
    Column("decided_by", String(64)),
    Index("cases_account", "account"),
    Index("cases_decided_at", "decided_at"),
)

kiosks = Table(
    "kiosks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("jwk", Text, nullable=False),
    Column("enrolled_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("seen_at", BigInteger),
    Column("health", Text, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("link", LargeBinary, nullable=False),
)

kiosk_batches = Table(
    "kiosk_batches",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kiosk", String(64), ForeignKey("kiosks.id"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("most", Integer, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("kiosk_batches_expires_at", "expires_at"),
)

visits = Table(
    "visits",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kiosk", String(64), ForeignKey("kiosks.id"), nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("code", String(64), nullable=False),
    Column("place", String(8)),
    Column("sealed", LargeBinary, nullable=False),
    Index("visits_received_us", "received_us"),
)
