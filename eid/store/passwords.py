"""Passwords of accounts: hashed, compared, and each attempt settled in one transaction (row O-053).

Whether a password is right is known before that transaction, and told only after it: in it the
attempt's throttles are locked and found free, the account is still the one that was compared, and
the attempt's record is written together with the step that follows from it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias, cast

from sqlalchemy import Row, and_, bindparam, select, update

from eid.errors import AccountError, EidError, FormatError, Unavailable
from eid.levels.account import Account
from eid.levels.factors.password import check_password, hash_password, needs_rehash
from eid.levels.username import normalize_username
from eid.oidc.ports import AnyStep, Attempt, AuditEvent, Step
from eid.store import throttle
from eid.store.audit import Audit
from eid.store.database import Database
from eid.store.devices import Devices, KnownBrowser
from eid.store.grants import Grants
from eid.store.prepared import Prepared, Work
from eid.store.schema import accounts
from eid.store.sealed import BY_NAME, AccountSeal, look

_ADMITTED = frozenset({"registered", "active", "expired"})
_REFUSALS = {
    "login.refused": "The user name or the password is wrong.",
    "account.locked": "The account is locked.",
}
_ROUNDS = 3
_Row: TypeAlias = "Row[*tuple[object, ...]]"
# Every change of the account or its password moves the version on. Locked and shared: such a change
# waits for the login that it is to end.
_VERSION = Prepared(
    select(accounts.c.version)
    .where(accounts.c.id == bindparam("this_id"))
    .with_for_update(read=True)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """An attempt, and what it is counted under."""

    name: str
    password: str = field(repr=False)
    address: bytes = field(repr=False)
    own: bytes = field(repr=False)
    browser: KnownBrowser | None
    at: datetime

    @property
    def scopes(self) -> tuple[bytes, bytes]:
        """As they are locked: the address's, then the name's or the known browser's."""
        return self.address, self.own if self.browser is None else self.browser.scope

    @property
    def now(self) -> int:
        return int(self.at.timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """What a password was held against: the sealed hash of whom it names.

    ``account`` is there only if it was right.
    """

    named: str | None
    sealed: object = field(repr=False)
    stored: str | None = field(repr=False)
    account: Account | None

    @property
    def code(self) -> str | None:
        """Why it does not log in; only the right password learns that the account is locked."""
        if self.account is None:
            return "login.refused"
        return None if self.account.state in _ADMITTED else "account.locked"


class Passwords:
    """Hashes and checks the passwords of one installation."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        grants: Grants,
        seal: AccountSeal,
        *,
        insecure_fast_hash: bool,
    ) -> None:
        self._database = database
        self._audit = audit
        self._grants = grants
        self._seal = seal
        self._fast = insecure_fast_hash
        self._nobody = self.hash(secrets.token_hex(16))
        self.devices = Devices(seal)

    def hash(self, password: str) -> str:
        """The hash to keep; FormatError for a password that the policy refuses."""
        return hash_password(password, insecure_fast_hash=self._fast)

    def check(self, attempt: Attempt, *, at: datetime) -> Account:
        """As :meth:`eid.store.accounts.Accounts.check_password`."""
        account, _ = self._pass(
            self._counted(attempt, at), lambda _account: None, lambda _code: ()
        )
        return account

    def log_in(
        self,
        attempt: Attempt,
        *,
        at: datetime,
        follow: Callable[[Account], AnyStep],
        refused: Callable[[str], AuditEvent],
    ) -> AnyStep | None:
        """As :meth:`eid.oidc.ports.Accounts.log_in`."""
        _, step = self._pass(self._counted(attempt, at), follow, lambda code: (refused(code),))
        return step

    def _counted(self, attempt: Attempt, at: datetime) -> _Counted:
        try:
            name = normalize_username(attempt.username)
        except FormatError:
            name = ""
        device = attempt.device
        return _Counted(
            name=name,
            password=attempt.password,
            address=self._seal.scope("address", attempt.address),
            own=self._seal.scope("account", name or attempt.username),
            browser=self.devices.known(device, name, at) if device else None,
            at=at,
        )

    def _pass(
        self,
        attempt: _Counted,
        follow: Callable[[Account], AnyStep | None],
        refused: Callable[[str], Sequence[AuditEvent]],
    ) -> tuple[Account, AnyStep | None]:
        """The account, and the step if it was taken."""
        try:
            throttle.check(self._database, attempt.scopes, attempt.now)
            compared, step, failed = self._settled(attempt, follow, refused)
        except AccountError as throttled:
            self._audit.record(refused(throttled.code))
            raise
        if compared.account is None or compared.code is not None:
            code = compared.code or "login.refused"
            raise AccountError(_REFUSALS[code], code=code)
        if failed is not None:
            raise failed
        self._renew(compared, attempt.password)
        return compared.account, step

    def _settled(
        self,
        attempt: _Counted,
        follow: Callable[[Account], AnyStep | None],
        refused: Callable[[str], Sequence[AuditEvent]],
    ) -> tuple[_Compared, AnyStep | None, EidError | None]:
        """Compare, plan and settle; anew if the account was changed in between."""
        for _ in range(_ROUNDS):
            row = look(self._database, BY_NAME, {"this_name": attempt.name})
            attempt = self._still_known(attempt, row)
            compared = self._compare(attempt, row)
            step, failed = _planned(compared, follow)
            try:
                taken = self._settle(attempt, compared, step, refused)
            except _Changed:
                continue
            return compared, step if taken else None, failed
        raise Unavailable("The account is being changed now.", code="database")

    def _still_known(self, attempt: _Counted, row: _Row | None) -> _Counted:
        """The attempt, counted with everybody else's if its browser is known no more."""
        browser = attempt.browser
        if browser is None or row is None or browser.since > (row.devices_after or 0):
            return attempt
        attempt = replace(attempt, browser=None)
        throttle.check(self._database, attempt.scopes, attempt.now)
        return attempt

    def _compare(self, attempt: _Counted, row: _Row | None) -> _Compared:
        """One hash of the same cost, whoever is named."""
        stored = self._seal.open_password(row)
        right = check_password(stored or self._nobody, attempt.password) and stored is not None
        if row is None:
            return _Compared(named=None, sealed=None, stored=None, account=None)
        account = self._seal.account(row) if right else None
        return _Compared(named=row.id, sealed=row.password, stored=stored, account=account)

    def _settle(
        self,
        attempt: _Counted,
        compared: _Compared,
        step: Step | None,
        refused: Callable[[str], Sequence[AuditEvent]],
    ) -> bool:
        """Write what came of the attempt, all or nothing; whether the step was taken.

        AccountError ``login.throttled``, whatever the password was; _Changed for another account
        than was compared.
        """
        kind = "login.refused" if compared.account is None else "login.password_checked"
        events = [AuditEvent(kind=kind, account=compared.named, at=attempt.at)]
        if compared.code is not None:
            events += refused(compared.code)
        taken = False
        with self._database.transaction() as work:
            self._count(work, attempt, compared)
            if step is not None:
                taken = self._grants.write(work, step.grant, version=step.version, at=attempt.at)
                events += step.events if taken else ()
            self._audit.append(work, events)
        return taken

    def _count(self, work: Work, attempt: _Counted, compared: _Compared) -> None:
        """Count a wrong password, forget the slips before a right one."""
        address, own = throttle.lock(work, attempt.scopes, attempt.now)
        address.check(attempt.now)
        own.check(attempt.now)
        if compared.account is None:
            throttle.count(work, address, throttle.PER_ADDRESS, attempt.now)
            throttle.count(work, own, throttle.PER_ACCOUNT, attempt.now)
            return
        version = _VERSION.run(work, {"this_id": compared.account.id}).fetchone()
        if version is None or version[0] != compared.account.version:
            raise _Changed
        if own.failures:
            throttle.clear(work, own.scope)

    def _renew(self, compared: _Compared, password: str) -> None:
        """Hash the same password anew where that is due, unless it was replaced since it was read.

        The attempt has passed: where this cannot be written now, it is done at another time.
        """
        if self._fast or not needs_rehash(cast("str", compared.stored)):
            return
        account_id = cast("str", compared.named)
        sealed = self._seal.password(account_id, self.hash(password))
        same = and_(accounts.c.id == account_id, accounts.c.password == compared.sealed)
        with suppress(Unavailable), self._database.write() as connection:
            connection.execute(update(accounts).where(same).values(password=sealed))


class _Changed(Exception):
    """The account is not as it was compared any more."""


def _planned(
    compared: _Compared, follow: Callable[[Account], AnyStep | None]
) -> tuple[AnyStep | None, EidError | None]:
    """The step that follows, or what stands against it: told when the attempt is on record."""
    if compared.account is None or compared.code is not None:
        return None, None
    try:
        return follow(compared.account), None
    except EidError as error:
        return None, error
