"""What the counter asks of the store, beside `eid.oidc.ports.Grants`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from eid.keys import JSON
from eid.levels.account import Account, Event, LockGround
from eid.levels.assurance import Factor
from eid.levels.factors.passkey import PasskeyParty
from eid.oidc.ports import AuditEvent

Request = Literal["subject_request", "lock_request", "unlock_request"]


class People(Protocol):
    """Accounts by their internal id."""

    def by_id(self, account_id: str) -> Account | None:
        """The account with this internal id."""


class Register(People, Protocol):
    """The accounts, as the counter reads and writes them."""

    def by_username(self, username: str) -> Account | None:
        """The account with this login name."""

    def by_number(self, number: str) -> Account | None:
        """The account of the person with this personal number."""

    def check_password(
        self, username: str, password: str, *, address: str, at: datetime
    ) -> Account:
        """The account, or AccountError ``login.refused`` or ``login.throttled``."""

    def create(
        self,
        account: Account,
        *,
        password: str | None = None,
        events: Sequence[AuditEvent] = (),
    ) -> Account:
        """Store a new account; AccountError when its name or number is taken."""

    def update(
        self, account: Account, *, at: datetime, events: Sequence[AuditEvent] = ()
    ) -> Account:
        """Store a changed account; AccountError when somebody else changed it meanwhile."""


class CaseBook(Protocol):
    """Where a second claim of a person is laid open for a decision."""

    def second_enrolment(self, account_id: str, *, claimant: str, by: str, at: datetime) -> str:
        """Open a case, or find the open one; its id."""


class RecoveryBook(Protocol):
    """The cases, as recovery opens and decides them."""

    def recovery(self, account_id: str, *, by: str, at: datetime) -> str:
        """Open a case, or find the open one; its id."""

    def decide(self, case_id: str, decision: str, *, by: str, at: datetime) -> object:
        """Decide it, once."""


class RecoveryRegister(People, Protocol):
    """The accounts, as recovery reads and writes them."""

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
        """Store it with a new password and no factor of before, once, on record, or nothing of it.

        ``handle`` is the key of the recovery's grant, ``ending`` the family of what ends with it.
        """


class Looks(Protocol):
    """Looks at people, each on record in the transaction that shows what was seen."""

    def by_id(self, account_id: str, *, by: str, reason: str, at: datetime) -> Account | None:
        """The account with this internal id."""

    def by_username(self, username: str, *, by: str, reason: str, at: datetime) -> Account | None:
        """The account with this login name."""

    def by_number(self, number: str, *, by: str, reason: str, at: datetime) -> Account | None:
        """The account of the person with this personal number."""

    def log(self, account_id: str, *, by: str, reason: str, at: datetime) -> Sequence[LogRow]:
        """What the record says of the account, newest first."""


class LogRow(Protocol):
    """One row of the record and its place in it."""

    @property
    def node(self) -> str:
        """The node whose chain it is in."""

    @property
    def seq(self) -> int:
        """Its number there."""

    @property
    def event(self) -> AuditEvent:
        """What happened."""


class Passkeys(Protocol):
    """The officers' passkeys."""

    def begin_passkey(
        self, account_id: str, party: PasskeyParty, *, username: str, enrol: bool, at: datetime
    ) -> tuple[str, dict[str, JSON]]:
        """A handle to keep and the browser's options."""

    def enrol_passkey(
        self, handle: str, party: PasskeyParty, response: Mapping[str, JSON], *, at: datetime
    ) -> str:
        """The id of the new factor."""

    def check_passkey(
        self, handle: str, party: PasskeyParty, response: Mapping[str, JSON], *, at: datetime
    ) -> tuple[str, Factor]:
        """Whose passkey answered, and its factor."""

    def enrolled(self, account_id: str) -> Sequence[EnrolledFactor]:
        """The factors that count."""


class EnrolledFactor(Protocol):
    """One enrolled factor."""

    @property
    def method(self) -> str:
        """Its method."""


class AccountDesk(RecoveryRegister, Register, Protocol):
    """Everything that the counter's pages do with accounts."""

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
        """Move the account, on record."""


class OpenCase(Protocol):
    """A case that waits for its decision."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def kind(self) -> str:
        """What it is about."""

    @property
    def account(self) -> str | None:
        """Whom it is about."""

    @property
    def other(self) -> str | None:
        """Who claims against him."""

    @property
    def opened_at(self) -> datetime:
        """Since when."""

    @property
    def opened_by(self) -> str:
        """By which officer."""

    @property
    def due_at(self) -> datetime | None:
        """Until when it must be decided."""

    def is_overdue(self, at: datetime) -> bool:
        """Whether that time is over."""


class CaseDesk(CaseBook, RecoveryBook, Protocol):
    """Everything that the counter's pages do with cases."""

    def request(self, kind: Request, account_id: str, *, by: str, at: datetime) -> str:
        """Open a case that a person or a body asked for, or find the open one; its id."""

    def by_id(self, case_id: str) -> OpenCase | None:
        """The case with this id."""

    def pending(self) -> Sequence[OpenCase]:
        """Every open case, the one that is due first first."""
