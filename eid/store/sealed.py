"""How an account lies in the database: personal data sealed per person, numbers as keyed hashes.

The personal number is never a key and never stored in clear: the index is an HMAC, the profile
is sealed under a key of the person, which is sealed under the installation's (contracts §8).
"""

from __future__ import annotations

import hmac
import secrets
from collections import namedtuple
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Row, bindparam, insert, select

from eid.errors import AccountError, SettingsError
from eid.keys import Envelope, canonical_json, encode_base64url, parse_json_object
from eid.levels.account import Account, LockGround, Profile, State
from eid.levels.assurance import HolderMatch, Source
from eid.store.database import Database
from eid.store.prepared import Prepared, Values
from eid.store.schema import accounts, meta, person_keys

MAX_SCOPE = 256
CHANGING = (
    "state",
    "level",
    "holder_match",
    "source",
    "roles",
    "representative",
    "lock_ground",
    "profile",
    "proofed_at",
    "version",
)
"""The columns of an account that its later life writes."""
ACCOUNT = select(accounts, person_keys.c.sealed.label("person_key")).select_from(
    accounts.outerjoin(person_keys, person_keys.c.account == accounts.c.id)
)
"""What :meth:`AccountSeal.account` makes an account of."""
BY_NAME = Prepared(ACCOUNT.where(accounts.c.username == bindparam("this_name")))
_AccountRow = namedtuple("_AccountRow", [column.name for column in ACCOUNT.selected_columns])  # type: ignore[misc]  # noqa: PYI024 - as the columns are


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKeys:
    """The secrets that accounts need, each 32 bytes for one purpose."""

    lookup: bytes = field(repr=False)
    pairwise: bytes = field(repr=False)
    envelope: bytes = field(repr=False)


class AccountSeal:
    """Turns accounts into rows and rows into accounts."""

    def __init__(self, keys: AccountKeys) -> None:
        self._keys = keys
        self._envelope = Envelope(keys.envelope)

    def number_hash(self, number: str) -> bytes:
        """The index of a personal number."""
        message = b"number:" + number.encode("utf-8", "replace")
        return hmac.digest(self._keys.lookup, message, "sha256")

    def scope(self, kind: str, value: str) -> bytes:
        """The index of what a throttle counts for."""
        message = kind.encode() + b":" + value[:MAX_SCOPE].encode("utf-8", "replace")
        return hmac.digest(self._keys.lookup, message, "sha256")

    def subject(self, account_id: str, sector: str) -> str:
        """The pairwise subject for a sector."""
        message = len(sector.encode()).to_bytes(2) + sector.encode() + account_id.encode()
        return encode_base64url(hmac.digest(self._keys.pairwise, message, "sha256"))

    def new_rows(
        self, account: Account, *, password_hash: str | None
    ) -> tuple[dict[str, object], dict[str, object]]:
        """Every column of a new account, and the row of a new key of the person."""
        data_key = secrets.token_bytes(32)
        hashed = None if password_hash is None else self.password(account.id, password_hash)
        row = {
            **_columns(account, data_key),
            "id": account.id,
            "username": account.username,
            "created_at": int(account.created_at.timestamp()),
            "password": hashed,
        }
        sealed = self._envelope.seal(data_key, context=_context("key", account.id))
        return row, {"account": account.id, "sealed": sealed}

    def changed_row(self, account: Account, sealed_key: bytes | None) -> dict[str, object]:
        """The columns of an account that may change, with the next version.

        AccountError ``account.erased`` for personal data of a person whose key is gone.
        """
        if sealed_key is None:
            if account.profile is not None:
                raise AccountError("The person was erased.", code="account.erased")
            data_key = bytes(32)
        else:
            data_key = self.data_key(account.id, sealed_key)
        return {**_columns(account, data_key), "version": account.version + 1}

    def data_key(self, account_id: str, sealed_key: bytes) -> bytes:
        """The person's key, opened; FormatError when it was moved or changed."""
        return self._envelope.open(sealed_key, context=_context("key", account_id))

    def password(self, account_id: str, password_hash: str) -> bytes:
        """A password hash, sealed."""
        context = _context("password", account_id)
        return self._envelope.seal(password_hash.encode(), context=context)

    def open_password(self, row: Row[*tuple[object, ...]] | None) -> str | None:
        """The password hash of a row, if there is one."""
        if row is None or row.password is None:
            return None
        return self._envelope.open(row.password, context=_context("password", row.id)).decode()

    def account(self, row: Row[*tuple[object, ...]]) -> Account:
        """The account of a row; FormatError if its sealed data were moved or changed."""
        profile = None
        if row.profile is not None and row.person_key is not None:
            data_key = self.data_key(row.id, row.person_key)
            opened = Envelope(data_key).open(row.profile, context=_context("profile", row.id))
            profile = Profile(**cast("Mapping[str, str]", parse_json_object(opened)))
        return Account(
            id=row.id,
            username=row.username,
            state=cast("State", row.state),
            level=row.level,
            holder_match=cast("HolderMatch", row.holder_match),
            source=cast("Source", row.source),
            roles=frozenset(row.roles.split()),
            profile=profile,
            created_at=_time(row.created_at),
            proofed_at=_time(row.proofed_at) if row.proofed_at is not None else None,
            representative=row.representative,
            lock_ground=cast("LockGround | None", row.lock_ground),
            version=row.version,
        )


def look(
    database: Database, statement: Prepared, values: Values
) -> Row[*tuple[object, ...]] | None:
    """The one row of an :data:`ACCOUNT`, if there is one."""
    row = database.row(statement, values)
    return None if row is None else cast("Row[*tuple[object, ...]]", _AccountRow(*row))


def remembered(database: Database) -> frozenset[str]:
    """The purposes of the secrets that the database was written with; none before its first use."""
    prefix = "key."
    with database.read() as connection:
        names = connection.execute(select(meta.c.name)).scalars().all()
    return frozenset(name.removeprefix(prefix) for name in names if name.startswith(prefix))


def check_secrets(database: Database, secrets: Mapping[str, bytes]) -> None:
    """SettingsError ``database.key`` unless these are the keys the database was written with.

    The first call on a new database remembers a fingerprint of each; nothing else is changed.
    """
    with database.write() as connection:
        for name, secret in secrets.items():
            mark = hmac.digest(secret, b"eid-key-check:" + name.encode(), "sha256")
            query = select(meta.c.value).where(meta.c.name == f"key.{name}")
            kept = connection.execute(query).scalar_one_or_none()
            if kept is None:
                connection.execute(insert(meta), {"name": f"key.{name}", "value": mark})
            elif not hmac.compare_digest(kept, mark):
                raise SettingsError(
                    "The key is not the one that the database was written with.",
                    code="database.key",
                    key="data_dir",
                    expected=f"the first {name} secret",
                )


def _columns(account: Account, data_key: bytes) -> dict[str, object]:
    proofed_at = account.proofed_at
    return {
        "state": account.state,
        "level": account.level,
        "holder_match": account.holder_match,
        "source": account.source,
        "roles": " ".join(sorted(account.roles)),
        "representative": account.representative,
        "lock_ground": account.lock_ground,
        "profile": _seal_profile(account, data_key),
        "proofed_at": None if proofed_at is None else int(proofed_at.timestamp()),
        "version": account.version,
    }


def _seal_profile(account: Account, data_key: bytes) -> bytes | None:
    if account.profile is None:
        return None
    data = canonical_json(asdict(account.profile))
    return Envelope(data_key).seal(data, context=_context("profile", account.id))


def _context(purpose: str, account_id: str) -> bytes:
    return f"account-{purpose}:{account_id}".encode()


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
