"""The store: accounts, one-time grants and the record, over SQLite or PostgreSQL.

>>> import tempfile
>>> from datetime import UTC, datetime
>>> from pathlib import Path
>>> from eid.levels.account import Account
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> with tempfile.TemporaryDirectory() as folder:
...     store = open_store(f"sqlite:///{folder}/eid.db", Path(folder), insecure_fast_hash=True)
...     account = store.accounts.create(
...         Account(id=new_account_id(), username="an", created_at=now), password="long enough")
...     found = store.accounts.check_password("An", "long enough", address="192.0.2.1", at=now)
...     rows = store.audit.verify().rows
...     store.close()
>>> found.id == account.id, rows
(True, {'node-1': 1})

The rooms of kiosks, looks and whole persons are loaded when they are used: a login needs none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from eid.errors import EidError
from eid.keys import Envelope, KeyFolder, SigningKey, load_or_create_signing_key
from eid.keys.sources import PURPOSES, SecretSource, secrets_from_files
from eid.levels.rules import Rules
from eid.store.accounts import (
    Accounts as Accounts,
    new_account_id as new_account_id,
)
from eid.store.audit import Audit as Audit, AuditRow as AuditRow, AuditSummary as AuditSummary
from eid.store.consents import Consent as Consent, Consents as Consents
from eid.store.database import Database as Database
from eid.store.factors import Enrolled as Enrolled, Factors as Factors
from eid.store.grants import Grants as Grants
from eid.store.openings import Openings as Openings
from eid.store.retention import Retained as Retained, oldest_kept, retain
from eid.store.sealed import (
    AccountKeys as AccountKeys,
    AccountSeal as AccountSeal,
    check_secrets,
    remembered,
)

if TYPE_CHECKING:
    from eid.store.kiosks import Kiosks as Kiosks
    from eid.store.looks import Looks as Looks
    from eid.store.notices import Notices as Notices
    from eid.store.subject import Subjects as Subjects

_HOMES = {
    "Kiosks": "eid.store.kiosks",
    "Looks": "eid.store.looks",
    "Notices": "eid.store.notices",
    "Subjects": "eid.store.subject",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Everything that is stored, opened with this installation's keys."""

    database: Database
    accounts: Accounts
    grants: Grants
    audit: Audit
    openings: Openings
    factors: Factors
    seal: AccountSeal = field(repr=False)
    envelope: Envelope = field(repr=False)

    @property
    def consents(self) -> Consents:
        """The ledger of consents."""
        return Consents(self.database, self.audit)

    @property
    def subjects(self) -> Subjects:
        """Access to a person's data, and their erasure."""
        from eid.store.subject import Subjects  # noqa: PLC0415 - see above

        return Subjects(self.database, self.accounts, self.consents, self.audit)

    @property
    def looks(self) -> Looks:
        """Officers' looks at people, each on record."""
        from eid.store.looks import Looks  # noqa: PLC0415 - see above

        return Looks(self.database, self.audit, self.seal)

    @property
    def notices(self) -> Notices:
        """Notices to people that wait to be sent."""
        from eid.store.notices import Notices  # noqa: PLC0415 - see above

        return Notices(self.database, self.audit, self.seal)

    @property
    def kiosks(self) -> Kiosks:
        """The enrolled kiosks and their visits."""
        from eid.store.kiosks import Kiosks  # noqa: PLC0415 - see above

        return Kiosks(self.database, self.audit, self.envelope)

    def retain(self, *, rules: Rules, at: datetime) -> Retained:
        """Let go of what has had its time, by rule."""
        kept = retain(self.database, self.grants, self.accounts, self.audit, rules=rules, at=at)
        before = oldest_kept(rules, at)
        if before is not None:
            self.kiosks.let_go(before=before, at=at)
        return kept

    def close(self) -> None:
        """Close the database's idle connections."""
        self.database.close()


def open_store(
    url: str,
    data_dir: Path | KeyFolder,
    *,
    node: str = "node-1",
    secrets: SecretSource | None = None,
    insecure_fast_hash: bool = False,
    insecure_fast_commit: bool = False,
) -> Store:
    """Open a store and bring its schema up to date; the keys lie under ``data_dir``.

    ``secrets`` says where else the secrets come from. SettingsError for an unusable URL or key,
    a schema from another version, or keys that are missing or not the ones the database was
    written with (nothing is changed then).
    """
    database = Database.open(url, insecure_fast_commit=insecure_fast_commit)
    try:
        database.migrate()
        path = KeyFolder.of(data_dir).path
        given = _secrets(database, secrets or secrets_from_files(path))
        check_secrets(database, given)
        key = load_or_create_signing_key(data_dir, "audit")
    except EidError:
        database.close()
        raise
    return _store(database, given, key, node=node, fast=insecure_fast_hash)


def check_installation(
    database: Database, data_dir: Path, secrets: SecretSource | None = None
) -> None:
    """SettingsError unless the secrets are those the database was written with."""
    check_secrets(database, _secrets(database, secrets or secrets_from_files(data_dir)))


def _secrets(database: Database, source: SecretSource) -> dict[str, bytes]:
    known = remembered(database)
    return {purpose: source(purpose, make=purpose not in known) for purpose in PURPOSES}


def _store(
    database: Database, secrets: dict[str, bytes], key: SigningKey, *, node: str, fast: bool
) -> Store:
    keys = AccountKeys(
        lookup=secrets["lookup"], pairwise=secrets["pairwise"], envelope=secrets["envelope"]
    )
    seal = AccountSeal(keys)
    openings = Openings(database, seal)
    audit = Audit(database, node=node, key=key, openings=openings)
    grants = Grants(database, audit, Envelope(secrets["grants"]))
    return Store(
        database=database,
        accounts=Accounts(database, audit, grants, keys, insecure_fast_hash=fast),
        grants=grants,
        audit=audit,
        openings=openings,
        factors=Factors(database, audit, grants, seal),
        seal=seal,
        envelope=Envelope(secrets["envelope"]),
    )


def __getattr__(name: str) -> object:
    """Load a name from its home (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eid.store' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
