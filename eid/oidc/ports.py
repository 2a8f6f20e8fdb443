"""What the provider asks of its store: grants that are used once, accounts that log in.

Implemented by :mod:`eid.store`; every write carries the audit events that it causes and commits
or fails together with them (contracts §8).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from eid.keys import JSON
from eid.levels.account import Account, State
from eid.levels.consent import Consent


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One row of the record; ``detail`` holds no personal data, ``commitment`` is salted.

    ``opening`` is what opens the commitment (its salt, then the 32 bytes it covers): a store may keep
    it, sealed under the person's key until erasure; it is no part of the record.
    """

    kind: str
    at: datetime
    account: str | None = None
    client: str | None = None
    interaction: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)
    commitment: bytes | None = None
    opening: bytes | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Something that is handed out once and comes back once, by the SHA-256 of its handle.

    ``kind`` is one of interaction, card_request, handle, code, access, refresh, par, par_done, jti,
    session, member, consent, challenge, visit_challenge, passkey, account_session, silent, sign_up.
    ``version`` counts the writes of the payload, starting
    with 1. ``used_at`` is set where a used grant is looked at, or stored as one.
    """

    kind: str
    key: bytes
    payload: Mapping[str, JSON] = field(repr=False)
    expires_at: datetime
    family: str | None = None
    version: int = 1
    used_at: datetime | None = None


class Spent:
    """A grant that is there and does not count any more: used, revoked or expired."""


class Grants(Protocol):
    """One-time state, shared by all nodes. A failing database raises Unavailable."""

    def put(self, *grants: Grant, events: Sequence[AuditEvent] = ()) -> None:
        """Store new grants, all or none."""

    def claim(self, grant: Grant, *, events: Sequence[AuditEvent] = ()) -> bool:
        """Store the grant if its key is new; False if somebody was first (one-time values)."""

    def issue_beside(
        self,
        kind: str,
        key: bytes,
        *,
        at: datetime,
        issue: Sequence[Grant],
        events: Sequence[AuditEvent] = (),
    ) -> bool:
        """Store ``issue`` if the grant is live, atomically, and leave it live; False if not."""

    def family(self, kind: str, family: str, *, at: datetime) -> tuple[Grant, ...]:
        """The live grants of one kind in a family."""

    def get(self, kind: str, key: bytes, *, at: datetime) -> Grant | None:
        """The grant if it is neither used nor expired nor revoked."""

    def look(self, kind: str, key: bytes, *, at: datetime) -> Grant | Spent | None:
        """As :meth:`get`, but a grant that was there and does not count any more is told apart."""

    def consume(
        self,
        kind: str,
        key: bytes,
        *,
        at: datetime,
        issue: Sequence[Grant] = (),
        events: Sequence[AuditEvent] = (),
        consents: Sequence[Consent] = (),
    ) -> Grant | None:
        """Use the grant up, atomically: exactly one caller ever gets it.

        ``issue`` are the grants that it is used up for (a code for an interaction, a token for a
        code): written in the same transaction, and only for that one caller. So a replay that
        loses the race finds them and revokes them with their family. ``consents`` are entered in
        the ledger likewise, each with its row ``consent.given`` of the record.
        """

    def end(
        self,
        kind: str,
        key: bytes,
        *families: str,
        version: int,
        at: datetime,
        events: Sequence[AuditEvent] = (),
    ) -> bool:
        """Use the grant up as :meth:`consume` does, and revoke these families with it, at once.

        Only if nothing was issued beside it (:meth:`issue_beside`) since it had ``version``.
        """

    def was_used(self, kind: str, key: bytes) -> Grant | None:
        """The grant if it was consumed before: a replay."""

    def replace(
        self, grant: Grant, *, version: int, at: datetime, events: Sequence[AuditEvent] = ()
    ) -> bool:
        """Write payload, expiry and family if the version is still ``version``; False if it is not.

        Version 0 is of a grant that was never stored: as :meth:`claim`.
        """

    def revoke_family(
        self, *families: str, at: datetime, events: Sequence[AuditEvent] = ()
    ) -> int:
        """Revoke every live grant of the families, all or none; how many there were."""

    def record(self, events: Sequence[AuditEvent]) -> None:
        """Append to the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A user name and a password as they came; the rest says with whose guesses it is counted.

    ``device`` is a browser's token from :meth:`Accounts.device_token`, or empty.
    """

    username: str = field(repr=False)
    password: str = field(repr=False)
    address: str
    device: str = ""


class Step(Protocol):
    """Where a right password leads: as :meth:`Grants.replace` writes it, with its events."""

    @property
    def grant(self) -> Grant:
        """What is written over its version."""

    @property
    def version(self) -> int:
        """The version that is still stored, 0 for none, or nothing is written."""

    @property
    def events(self) -> Sequence[AuditEvent]:
        """What is written with it."""


AnyStep = TypeVar("AnyStep", bound=Step)


class Accounts(Protocol):
    """The people who log in."""

    def by_id(self, account_id: str) -> Account | None:
        """The account with this internal id."""

    def state(self, account_id: str) -> State | None:
        """Where the account is in its life, None if there is none; nothing of the person is opened."""

    def by_number(self, number: str) -> Account | None:
        """The account of the person with this personal number, found by keyed hash."""

    def check_password(
        self, username: str, password: str, *, address: str, at: datetime, device: str = ""
    ) -> Account:
        """The account, or AccountError ``login.refused`` or ``login.throttled``.

        Unknown users get the same answer in the same time class. Guesses with a ``device`` token
        of this name are counted apart from everybody else's.
        """

    def log_in(
        self,
        attempt: Attempt,
        *,
        at: datetime,
        follow: Callable[[Account], AnyStep],
        refused: Callable[[str], AuditEvent],
    ) -> AnyStep | None:
        """Check a password and take the step that ``follow`` makes of it, in one transaction.

        None if the step's grant was changed meanwhile. ``follow`` writes nothing, and may be asked
        again when the account was changed while its password was compared; an EidError that it
        raises passes, once the attempt is on record. An attempt that fails raises as
        :meth:`check_password` does, and leaves the row that ``refused`` makes of the error's code.
        """

    def device_token(self, username: str, *, at: datetime) -> str:
        """A token for a browser that has just logged in; it says nothing and opens nothing."""

    def subject(self, account_id: str, sector: str) -> str:
        """The pairwise ``sub`` of the account for a sector."""
