"""Accounts: found by id, name or keyed hash of the number; personal data sealed per person.

The personal number is never a key and never stored in clear: the index is an HMAC, the profile
is sealed under a key of the person, which is sealed under the installation's (contracts §8).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Connection, Row, Select, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from eid.errors import AccountError, FormatError
from eid.keys import Envelope, canonical_json, encode_base64url, parse_json_object
from eid.levels.account import Account, Profile, State
from eid.levels.assurance import HolderMatch, Source
from eid.levels.factors.password import check_password, hash_password, needs_rehash
from eid.levels.username import normalize_username
from eid.oidc.ports import AuditEvent
from eid.store import throttle
from eid.store.audit import Audit
from eid.store.database import Database
from eid.store.schema import accounts, identifiers

_ADMITTED = frozenset({"registered", "active", "expired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKeys:
    """The secrets that accounts need, each 32 bytes for one purpose."""

    lookup: bytes = field(repr=False)
    pairwise: bytes = field(repr=False)
    envelope: bytes = field(repr=False)


def new_account_id(rng: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """A random internal id, 128 bits."""
    return encode_base64url(rng(16))


class Accounts:
    """Implements :class:`eid.oidc.ports.Accounts`, and the writes behind it."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        keys: AccountKeys,
        *,
        insecure_fast_hash: bool = False,
    ) -> None:
        self._database = database
        self._audit = audit
        self._keys = keys
        self._envelope = Envelope(keys.envelope)
        self._fast = insecure_fast_hash
        self._nobody = hash_password(secrets.token_hex(16), insecure_fast_hash=insecure_fast_hash)

    def create(
        self, account: Account, *, password: str | None = None, events: Sequence[AuditEvent] = ()
    ) -> Account:
        """Store a new account as it is given, with its events.

        The user name is normalised. AccountError ``account.username_taken`` or
        ``account.number_taken``; FormatError for the name or the password.
        """
        account = replace(account, username=normalize_username(account.username), version=1)
        data_key = secrets.token_bytes(32)
        row = {
            **_columns(account),
            "id": account.id,
            "username": account.username,
            "created_at": _seconds(account.created_at),
            "data_key": self._envelope.seal(data_key, context=_context("key", account.id)),
            "profile": _seal_profile(data_key, account),
            "password": self._seal_password(account.id, password) if password else None,
        }
        with self._database.write() as connection:
            try:
                connection.execute(insert(accounts), row)
            except IntegrityError:
                raise AccountError(
                    "The user name is taken.", code="account.username_taken"
                ) from None
            self._bind_number(connection, account, account.created_at)
            self._audit.append(connection, events)
        return account

    def update(
        self, account: Account, *, at: datetime, events: Sequence[AuditEvent] = ()
    ) -> Account:
        """Store an account that was read and changed, if nobody changed it since.

        AccountError ``account.changed`` if somebody did, ``account.number_taken`` if the
        profile's number belongs to another account. The user name stays.
        """
        with self._database.write() as connection:
            row = connection.execute(
                select(accounts.c.data_key).where(accounts.c.id == account.id)
            ).one_or_none()
            changed = 0
            if row is not None:
                data_key = self._envelope.open(row.data_key, context=_context("key", account.id))
                values = {**_columns(account), "version": account.version + 1}
                values["profile"] = _seal_profile(data_key, account)
                same = and_(accounts.c.id == account.id, accounts.c.version == account.version)
                changed = connection.execute(update(accounts).where(same).values(values)).rowcount
            if changed != 1:
                raise AccountError("The account was changed meanwhile.", code="account.changed")
            self._bind_number(connection, account, at)
            self._audit.append(connection, events)
        return replace(account, version=account.version + 1)

    def set_password(
        self, account_id: str, password: str, *, events: Sequence[AuditEvent] = ()
    ) -> None:
        """Replace the password; FormatError for one that the policy refuses."""
        sealed = self._seal_password(account_id, password)
        statement = update(accounts).where(accounts.c.id == account_id).values(password=sealed)
        with self._database.write() as connection:
            if connection.execute(statement).rowcount != 1:
                raise AccountError("There is no such account.", code="account.unknown")
            self._audit.append(connection, events)

    def by_id(self, account_id: str) -> Account | None:
        """The account with this internal id."""
        return self._one(select(accounts).where(accounts.c.id == account_id))

    def by_username(self, username: str) -> Account | None:
        """The account with this name, in any spelling that normalises to it."""
        try:
            name = normalize_username(username)
        except FormatError:
            return None
        return self._one(select(accounts).where(accounts.c.username == name))

    def by_number(self, number: str) -> Account | None:
        """The account that holds this personal number now."""
        live = and_(
            identifiers.c.number_hash == self._number_hash(number), identifiers.c.until.is_(None)
        )
        joined = accounts.join(identifiers, identifiers.c.account == accounts.c.id)
        return self._one(select(accounts).select_from(joined).where(live))

    def check_password(
        self, username: str, password: str, *, address: str, at: datetime
    ) -> Account:
        """The account, or AccountError: ``login.refused``, ``login.throttled``, ``account.locked``.

        One answer and the same work whether the name or the password is wrong; only the right
        password learns that the account is locked.
        """
        try:
            name = normalize_username(username)
        except FormatError:
            name = ""
        scopes = (self._scope("account", name or username), self._scope("address", address))
        self._reserve(scopes, at)
        with self._database.read() as connection:
            row = connection.execute(
                select(accounts).where(accounts.c.username == name)
            ).one_or_none()
        stored = self._open_password(row)
        right = check_password(stored or self._nobody, password) and stored is not None
        account = self._open(row) if row is not None and right else None
        self._settle(scopes, account, row.id if row is not None else None, at)
        if account is None:
            raise AccountError("The user name or the password is wrong.", code="login.refused")
        if account.state not in _ADMITTED:
            raise AccountError("The account is locked.", code="account.locked")
        if needs_rehash(cast("str", stored), insecure_fast_hash=self._fast):
            self.set_password(account.id, password)
        return account

    def subject(self, account_id: str, sector: str) -> str:
        """The pairwise ``sub``: a keyed hash, different and unlinkable for each sector."""
        message = len(sector.encode()).to_bytes(2) + sector.encode() + account_id.encode()
        return encode_base64url(hmac.digest(self._keys.pairwise, message, "sha256"))

    def purge(self, *, before: datetime) -> int:
        """Delete the throttles that were to be forgotten before a moment; how many rows."""
        with self._database.write() as connection:
            return throttle.forget(connection, _seconds(before))

    def _reserve(self, scopes: tuple[bytes, bytes], at: datetime) -> None:
        with self._database.write() as connection:
            throttle.reserve(connection, scopes[1], throttle.PER_ADDRESS, _seconds(at))
            throttle.reserve(connection, scopes[0], throttle.PER_ACCOUNT, _seconds(at))

    def _settle(
        self,
        scopes: tuple[bytes, bytes],
        account: Account | None,
        known_id: str | None,
        at: datetime,
    ) -> None:
        kind = "login.refused" if account is None else "login.password_checked"
        with self._database.write() as connection:
            if account is not None:
                throttle.clear(connection, scopes[0])
                throttle.release(connection, scopes[1])
            self._audit.append(connection, [AuditEvent(kind=kind, account=known_id, at=at)])

    def _bind_number(self, connection: Connection, account: Account, at: datetime) -> None:
        """Keep the history of numbers in step with the profile."""
        if account.profile is None:
            return
        wanted = self._number_hash(account.profile.personal_number)
        live = and_(identifiers.c.account == account.id, identifiers.c.until.is_(None))
        current = connection.execute(
            select(identifiers.c.number_hash).where(live)
        ).scalar_one_or_none()
        if current == wanted:
            return
        connection.execute(update(identifiers).where(live).values(until=_seconds(at)))
        row = {"number_hash": wanted, "account": account.id, "since": _seconds(at)}
        try:
            connection.execute(insert(identifiers), row)
        except IntegrityError:
            raise AccountError(
                "The personal number belongs to another account.", code="account.number_taken"
            ) from None

    def _number_hash(self, number: str) -> bytes:
        return hmac.digest(self._keys.lookup, b"number:" + number.encode(), "sha256")

    def _scope(self, kind: str, value: str) -> bytes:
        message = kind.encode() + b":" + value[:256].encode("utf-8", "replace")
        return hmac.digest(self._keys.lookup, message, "sha256")

    def _seal_password(self, account_id: str, password: str) -> bytes:
        encoded = hash_password(password, insecure_fast_hash=self._fast)
        return self._envelope.seal(encoded.encode(), context=_context("password", account_id))

    def _open_password(self, row: Row[*tuple[object, ...]] | None) -> str | None:
        if row is None or row.password is None:
            return None
        return self._envelope.open(row.password, context=_context("password", row.id)).decode()

    def _one(self, query: Select[*tuple[object, ...]]) -> Account | None:
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return self._open(row) if row is not None else None

    def _open(self, row: Row[*tuple[object, ...]]) -> Account:
        profile = None
        if row.profile is not None:
            data_key = self._envelope.open(row.data_key, context=_context("key", row.id))
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
            version=row.version,
        )


def _columns(account: Account) -> dict[str, object]:
    return {
        "state": account.state,
        "level": account.level,
        "holder_match": account.holder_match,
        "source": account.source,
        "roles": " ".join(sorted(account.roles)),
        "proofed_at": _seconds(account.proofed_at) if account.proofed_at else None,
        "version": account.version,
    }


def _seal_profile(data_key: bytes, account: Account) -> bytes | None:
    if account.profile is None:
        return None
    data = canonical_json(asdict(account.profile))
    return Envelope(data_key).seal(data, context=_context("profile", account.id))


def _context(purpose: str, account_id: str) -> bytes:
    return f"account-{purpose}:{account_id}".encode()


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
