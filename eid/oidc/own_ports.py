"""What the person's own pages ask of the store and of the operator's senders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from eid.errors import Unavailable
from eid.keys import JSON
from eid.levels.account import Account, Event
from eid.levels.consent import Consent
from eid.levels.factors.code import ChannelKind, Sender
from eid.oidc.factor_ports import Factors
from eid.oidc.ports import AuditEvent


class Register(Protocol):
    """The accounts, as their owners change them."""

    def create(
        self,
        account: Account,
        *,
        password: str | None = None,
        events: Sequence[AuditEvent] = (),
        consents: Sequence[Consent] = (),
    ) -> Account:
        """Store a new account, and enter what the person agreed to, both or neither.

        AccountError ``account.username_taken``, ``account.number_taken``.
        """

    def count_name(self, number: str, *, at: datetime) -> None:
        """Count a name that a card's person tries; AccountError ``login.throttled``."""

    def update(
        self, account: Account, *, at: datetime, events: Sequence[AuditEvent] = ()
    ) -> Account:
        """Store a changed account; AccountError ``account.changed``, ``account.number_taken``."""

    def happen(
        self, account_id: str, event: Event, *, by: str, reason: str, at: datetime
    ) -> Account:
        """Move the account, on record."""

    def set_password(
        self,
        account_id: str,
        password: str,
        *,
        at: datetime,
        events: Sequence[AuditEvent] = (),
    ) -> None:
        """Replace the password, on record, and let the person know."""


class Ledger(Protocol):
    """The consents of a person."""

    def of_account(self, account_id: str) -> Sequence[Consent]:
        """Everything that was agreed to, newest first."""

    def withdraw(self, consent_id: str, *, by: str, at: datetime) -> Consent:
        """End one, once, on record; AccountError ``consent.unknown``, ``consent.withdrawn``."""


class Row(Protocol):
    """A row of the record: ``node`` and ``seq`` are its place, for a proof."""

    @property
    def node(self) -> str:
        """Whose chain it is in."""

    @property
    def seq(self) -> int:
        """Its number there."""

    @property
    def event(self) -> AuditEvent:
        """What happened."""


class Record(Protocol):
    """What is on record about a person."""

    def of_account(self, account_id: str, *, limit: int) -> Sequence[Row]:
        """The rows about one account, newest first."""


class Subjects(Protocol):
    """A person's data."""

    def access(self, account_id: str, *, by: str, at: datetime) -> dict[str, JSON]:
        """Everything about one person, without secrets; the look goes on record."""


class CaseBook(Protocol):
    """Where a second claim of a person is laid open for a decision."""

    def second_enrolment(self, account_id: str, *, claimant: str, by: str, at: datetime) -> str:
        """Open a case, or find the open one; its id."""


class Recovery(Protocol):
    """The end of a recovery that two officers agreed to."""

    def account_of(self, handle: str, *, at: datetime) -> Account:
        """Whose recovery it is, as long as the handle works; RequestRefused ``recovery``."""

    def complete(self, handle: str, password: str, *, at: datetime) -> Account:
        """Set the new password and suspend every factor, once; RequestRefused ``recovery``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPages:
    """The parts behind the person's own pages; a provider without them has no such pages.

    ``draw`` draws a text as a QR code (PNG); without it the pages show the text alone.
    """

    factors: Factors
    register: Register
    ledger: Ledger
    record: Record
    subjects: Subjects
    cases: CaseBook
    recovery: Recovery
    senders: Mapping[ChannelKind, Sender] = field(
        default_factory=lambda: MappingProxyType({}), repr=False
    )
    draw: Callable[[str], bytes] | None = None

    def sender(self, kind: str | None) -> Sender:
        """Who reaches a kind of channel; Unavailable if nobody does."""
        found = next((one for name, one in self.senders.items() if name == kind), None)
        if found is None:
            raise Unavailable("This channel cannot be reached now.", code="channel.sender")
        return found
