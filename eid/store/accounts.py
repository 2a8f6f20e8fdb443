"""Accounts: found by id, name or keyed hash of the number; logins that cannot be guessed fast."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, Row, Select, and_, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from eid.errors import AccountError, FormatError, RequestRefused
from eid.keys import new_name
from eid.levels.account import Account, Event, LockGround, State, move, replace_number
from eid.levels.consent import Consent
from eid.levels.username import normalize_username
from eid.oidc.ports import AnyStep, Attempt, AuditEvent
from eid.store import consents as ledger, throttle
from eid.store.audit import Audit
from eid.store.cases import Cases
from eid.store.database import Database
from eid.store.grants import Grants, end_family, use_up
from eid.store.notices import enter
from eid.store.numbers import Numbers
from eid.store.passwords import Passwords
from eid.store.prepared import Prepared
from eid.store.schema import accounts, identifiers, person_keys
from eid.store.sealed import ACCOUNT, CHANGING, AccountKeys as AccountKeys, AccountSeal, look
from eid.store.suspension import suspend_all

_BY_ID = Prepared(ACCOUNT.where(accounts.c.id == bindparam("this_id")))
_STATE = Prepared(select(accounts.c.state).where(accounts.c.id == bindparam("this_id")))
_LOCK = ACCOUNT.where(accounts.c.id == bindparam("this_id")).with_for_update(of=accounts)
_NEW = insert(accounts)
_NEW_KEY = insert(person_keys)
_KEY_OF = select(person_keys.c.sealed).where(person_keys.c.account == bindparam("this_id"))
_CHANGE = (
    update(accounts)
    .where(accounts.c.id == bindparam("this_id"), accounts.c.version == bindparam("this_version"))
    .values({name: bindparam(f"new_{name}") for name in CHANGING})
)


def new_account_id(rng: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """A random internal id, 128 bits."""
    return new_name(rng)


class Accounts:
    """Implements :class:`eid.oidc.ports.Accounts`, and the writes behind it."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        grants: Grants,
        keys: AccountKeys,
        *,
        insecure_fast_hash: bool = False,
    ) -> None:
        self._database = database
        self._audit = audit
        self._seal = AccountSeal(keys)
        self._passwords = Passwords(
            database, audit, grants, self._seal, insecure_fast_hash=insecure_fast_hash
        )
        self.cases = Cases(database, audit)
        self.numbers = Numbers(database, self._seal)

    def create(
        self,
        account: Account,
        *,
        password: str | None = None,
        events: Sequence[AuditEvent] = (),
        consents: Sequence[Consent] = (),
    ) -> Account:
        """Store a new account as it is given, with its events and what the person agreed to.

        The user name is normalised. AccountError ``account.username_taken`` or
        ``account.number_taken``; FormatError for the name or the password.
        """
        account = replace(account, username=normalize_username(account.username), version=1)
        hashed = self._passwords.hash(password) if password else None
        row, key = self._seal.new_rows(account, password_hash=hashed)
        with (
            self._claim(account.id, _number(account), account.created_at),
            self._database.write() as connection,
        ):
            try:
                connection.execute(_NEW, row)
                connection.execute(_NEW_KEY, key)
            except IntegrityError:
                raise AccountError(
                    "The user name is taken.", code="account.username_taken"
                ) from None
            self.numbers.bind(connection, account, account.created_at, new=True)
            self._audit.append(connection, [*events, *ledger.enter(connection, consents)])
        return account

    def update(
        self,
        account: Account,
        *,
        at: datetime,
        events: Sequence[AuditEvent] = (),
        then: Callable[[Connection], None] | None = None,
    ) -> Account:
        """Store an account that was read and changed, if nobody changed it since.

        ``then`` runs in the same transaction, after it.

        AccountError ``account.changed`` if somebody did, ``account.number_taken`` if the
        profile's number belongs to another account. The user name stays.
        """
        with self._claim(account.id, _number(account), at), self._database.write() as connection:
            self._store(connection, account, at)
            if then is not None:
                then(connection)
            self._audit.append(connection, events)
        return replace(account, version=account.version + 1)

    def happen(
        self,
        account_id: str,
        event: Event,
        *,
        by: str,
        reason: str,
        at: datetime,
        ground: LockGround = "own_request",
    ) -> Account:
        """Move the account as it is now, whoever else changes it: no lock is ever lost.

        ``by`` is the account of who does it and ``reason`` goes on record, so it holds no personal
        data. AccountError for an impossible move or an unknown account.
        """
        detail = {"by": by, "reason": reason}
        if event == "locked":
            detail["ground"] = ground
        return self._change(
            account_id, event, lambda now: move(now, event, at=at, ground=ground), detail, at
        )

    def replace_number(
        self, account_id: str, number: str, *, by: str, reason: str, at: datetime
    ) -> Account:
        """Give the person's account the number that replaced the old one; its history is kept.

        AccountError ``account.number_taken``, with the case that was opened, when another account
        holds it; FormatError ``account.number`` for one that is none.
        """
        detail = {"by": by, "reason": reason}
        with self._claim(account_id, number, at):
            return self._change(
                account_id,
                "number_replaced",
                lambda now: replace_number(now, number, at=at),
                detail,
                at,
            )

    def _change(
        self,
        account_id: str,
        event: Event,
        change: Callable[[Account], Account],
        detail: dict[str, str],
        at: datetime,
    ) -> Account:
        """Change the account as it is under the lock, with its row of the record."""
        with self._database.write() as connection:
            row = connection.execute(_LOCK, {"this_id": account_id}).one_or_none()
            if row is None:
                raise AccountError("There is no such account.", code="account.unknown")
            before = self._seal.account(row)
            moved = change(before)
            levels = {"level_before": str(before.level), "level": str(moved.level)}
            happened = AuditEvent(
                kind=f"account.{event}", at=at, account=account_id, detail=detail | levels
            )
            self._store(connection, moved, at)
            if event == "closed":
                enter(connection, account_id, "account_closed", at=at)
            self._audit.append(connection, [happened])
        return replace(moved, version=moved.version + 1)

    def look_at(self, account_id: str, *, by: str, reason: str, at: datetime) -> Account | None:
        """The account with the person's data, for an officer; the look goes on record."""
        detail = {"by": by, "reason": reason}
        seen = AuditEvent(kind="account.looked_at", at=at, account=account_id, detail=detail)
        with self._database.write() as connection:
            row = connection.execute(_LOCK, {"this_id": account_id}).one_or_none()
            self._audit.append(connection, [seen])
        return None if row is None else self._seal.account(row)

    def set_password(
        self,
        account_id: str,
        password: str,
        *,
        at: datetime,
        events: Sequence[AuditEvent] = (),
    ) -> None:
        """Replace the password, and let the person know; FormatError for one that is refused.

        The account counts as changed: refresh tokens of before are worth nothing (row O-036), and
        no browser of before is a known one.
        """
        sealed = self._seal.password(account_id, self._passwords.hash(password))
        values = {
            "password": sealed,
            "version": accounts.c.version + 1,
            "devices_after": int(at.timestamp()),
        }
        statement = update(accounts).where(accounts.c.id == account_id).values(values)
        with self._database.write() as connection:
            if connection.execute(statement).rowcount != 1:
                raise AccountError("There is no such account.", code="account.unknown")
            enter(connection, account_id, "password_changed", at=at)
            self._audit.append(connection, events)

    def recover(  # noqa: PLR0913 - each is a fact of its own
        self,
        account: Account,
        password: str,
        *,
        handle: bytes,
        ending: str,
        by: str,
        events: Sequence[AuditEvent] = (),
        at: datetime,
    ) -> Account:
        """The account as it is given, with a new password and no factor of before: all or nothing.

        ``handle`` is the key of the recovery's grant, which is used up; ``ending`` the family of
        the person's sessions and logins, which end. FormatError for a password that the policy
        refuses, RequestRefused ``recovery`` for a handle that is not live, AccountError
        ``account.changed``: nothing has changed then, and the handle still works.
        """
        sealed = self._seal.password(account.id, self._passwords.hash(password))
        this = accounts.c.id == account.id
        with self._database.write() as connection:
            if not use_up(connection, "recovery_handle", handle, at=at):
                raise RequestRefused("The recovery is over.", code="recovery")
            self._store(connection, account, at)
            fresh = {"password": sealed, "devices_after": int(at.timestamp())}
            connection.execute(update(accounts).where(this).values(fresh))
            enter(connection, account.id, "recovery_finished", at=at)  # to what is suspended next
            suspended = suspend_all(connection, account.id, by=by, at=at)
            end_family(connection, ending, at=at)
            # last, as everywhere: whoever holds the record's end waits for no grant
            self._audit.append(connection, [*events, *suspended])
        return replace(account, version=account.version + 1)

    def by_id(self, account_id: str) -> Account | None:
        """The account with this internal id."""
        row = look(self._database, _BY_ID, {"this_id": account_id})
        return self._seal.account(row) if row is not None else None

    def state(self, account_id: str) -> State | None:
        """Where the account is in its life; opens nothing of the person."""
        row = self._database.row(_STATE, {"this_id": account_id})
        return None if row is None else cast("State", row[0])

    def by_username(self, username: str) -> Account | None:
        """The account with this name, in any spelling that normalises to it."""
        try:
            name = normalize_username(username)
        except FormatError:
            return None
        return self._one(ACCOUNT.where(accounts.c.username == name))

    def by_number(self, number: str) -> Account | None:
        """The account that holds this personal number now; an empty one is nobody's."""
        if not number:
            return None
        live = and_(
            identifiers.c.number_hash == self._seal.number_hash(number),
            identifiers.c.until.is_(None),
        )
        holder = select(identifiers.c.account).where(live).scalar_subquery()
        return self._one(ACCOUNT.where(accounts.c.id == holder))

    def check_password(
        self, username: str, password: str, *, address: str, at: datetime, device: str = ""
    ) -> Account:
        """The account, or AccountError: ``login.refused``, ``login.throttled``, ``account.locked``.

        One answer and the same work whether the name or the password is wrong; only the right
        password learns that the account is locked. ``device`` is a browser's token from
        :meth:`device_token`: its guesses are counted apart from everybody else's.
        """
        attempt = Attempt(username=username, password=password, address=address, device=device)
        return self._passwords.check(attempt, at=at)

    def log_in(
        self,
        attempt: Attempt,
        *,
        at: datetime,
        follow: Callable[[Account], AnyStep],
        refused: Callable[[str], AuditEvent],
    ) -> AnyStep | None:
        """As :meth:`check_password`, with the step that a login takes, in one transaction."""
        return self._passwords.log_in(attempt, at=at, follow=follow, refused=refused)

    def count_name(self, number: str, *, at: datetime) -> None:
        """Count a name that a card's person tries; AccountError ``login.throttled`` after five."""
        scope = self._seal.scope("sign-up-name", number)
        with self._database.transaction() as work:
            throttle.reserve(work, scope, throttle.PER_ACCOUNT, int(at.timestamp()))

    def device_token(self, username: str, *, at: datetime) -> str:
        """A token to keep in a cookie (HttpOnly, 180 days) of a browser that has just logged in.

        Whoever guesses at the name elsewhere cannot block this browser; the token opens nothing.
        """
        return self._passwords.devices.token(normalize_username(username), at)

    def subject(self, account_id: str, sector: str) -> str:
        """The pairwise ``sub``: a keyed hash, different and unlinkable for each sector."""
        return self._seal.subject(account_id, sector)

    def purge(self, *, before: datetime) -> int:
        """Delete the throttles that were to be forgotten before a moment; how many rows."""
        with self._database.write() as connection:
            return throttle.forget(connection, int(before.timestamp()))

    def _store(self, connection: Connection, account: Account, at: datetime) -> None:
        """Write an account over the version it was read with; ``account.changed`` otherwise."""
        this = {"this_id": account.id}
        sealed_key = connection.execute(_KEY_OF, this).scalar_one_or_none()
        changed = self._seal.changed_row(account, sealed_key)
        values = {f"new_{name}": value for name, value in changed.items()}
        same = {**this, "this_version": account.version}
        if connection.execute(_CHANGE, {**values, **same}).rowcount != 1:
            raise AccountError("The account was changed meanwhile.", code="account.changed")
        self.numbers.bind(connection, account, at)

    @contextmanager
    def _claim(self, claimant: str, number: str, at: datetime) -> Iterator[None]:
        """A second claim of a number opens a case, after the claim itself was rolled back."""
        try:
            yield
        except AccountError as error:
            if error.code != "account.number_taken":
                raise
            holder = self.by_number(number)
            case = self.cases.open(
                "second_enrolment",
                account=holder.id if holder else None,
                other=claimant,
                by=claimant,
                at=at,
            )
            raise AccountError(error.message, code=error.code, case=case.id) from None

    def _one(self, query: Select[*tuple[object, ...]]) -> Account | None:
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return self._seal.account(row) if row is not None else None


def _number(account: Account) -> str:
    return account.profile.personal_number if account.profile else ""
