"""What the counter asks of the store, beside `eid.oidc.ports.Grants`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from eid.levels.account import Account, Event
from eid.oidc.ports import AuditEvent


class Register(Protocol):
    """The accounts, as the counter reads and writes them."""

    def by_id(self, account_id: str) -> Account | None:
        """The account with this internal id."""

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


class RecoveryRegister(Protocol):
    """The accounts, as recovery reads and writes them."""

    def by_id(self, account_id: str) -> Account | None:
        """The account with this internal id."""

    def happen(
        self, account_id: str, event: Event, *, by: str, reason: str, at: datetime
    ) -> Account:
        """Move the account, on record."""

    def set_password(
        self, account_id: str, password: str, *, events: Sequence[AuditEvent] = ()
    ) -> None:
        """Replace the password, on record."""
