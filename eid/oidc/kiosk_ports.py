"""What the provider asks of its store about enrolled kiosks and their visits.

Every write carries the audit events that it causes and commits or fails together with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from eid.keys import JSON
from eid.levels.visit import Batch, Head, Place, VisitRecord
from eid.oidc.ports import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledKiosk:
    """A kiosk with a key of its own; ``head`` is where its chain of offline visits stands.

    ``health`` is its last report, which holds no personal data.
    """

    id: str
    name: str
    jwk: Mapping[str, JSON] = field(repr=False)
    enrolled_at: datetime
    head: Head
    revoked_at: datetime | None = None
    seen_at: datetime | None = None
    health: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenVisit:
    """A visit as the provider has it: the record, its evidence, and the provider's own verdict.

    ``place`` says whether it was the next of its chain; ``code`` is the most telling reason.
    """

    record: VisitRecord
    evidence: bytes | None = field(repr=False)
    verdict: str
    code: str
    place: Place | None
    received_at: datetime


class Kiosks(Protocol):
    """The enrolled kiosks, what they were given, and what they brought."""

    def add(self, kiosk: EnrolledKiosk, *, events: Sequence[AuditEvent] = ()) -> None:
        """Store a new kiosk."""

    def by_id(self, kiosk_id: str) -> EnrolledKiosk | None:
        """The kiosk with this id, revoked or not."""

    def list(self) -> tuple[EnrolledKiosk, ...]:
        """All of them, the oldest first."""

    def revoke(self, kiosk_id: str, *, at: datetime, events: Sequence[AuditEvent] = ()) -> bool:
        """End a kiosk's rights, for good; False if there is none, or it has none left."""

    def seen(self, kiosk_id: str, health: Mapping[str, JSON], *, at: datetime) -> None:
        """Keep a kiosk's last report."""

    def put_batch(self, batch: Batch, *, events: Sequence[AuditEvent] = ()) -> None:
        """Store what a kiosk was given for a day."""

    def batch(self, batch_id: str) -> Batch | None:
        """The batch with this id."""

    def take(
        self,
        visit: TakenVisit,
        *,
        before: Head,
        after: Head,
        events: Sequence[AuditEvent] = (),
    ) -> bool:
        """Store a visit and move its kiosk's head from ``before`` to ``after``, atomically.

        False when the visit is there already, the head is another or the kiosk was revoked:
        nothing is written then.
        """

    def visit(self, visit_id: str) -> TakenVisit | None:
        """The visit with this id."""

    def visits(self, *, since: datetime, most: int = 100) -> tuple[TakenVisit, ...]:
        """What was received from a moment on, in the order it came."""
