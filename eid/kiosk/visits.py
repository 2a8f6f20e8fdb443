"""From a person's consent to a visit on record, with the line up or down.

With the line up the server gives the challenge, judges the evidence and has the visit before the
person sees the last screen. With the line down the kiosk takes the challenge from the day's
batch, judges against what it has cached, and keeps the visit sealed; that is a record of what was
seen (freshness ``kiosk``), never an assertion.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

from eid.chip.access import can_from_number
from eid.chip.evidence import Evidence
from eid.chip.plan import PLANS, Plan
from eid.chip.read import Progress, read
from eid.chip.transport import Transport
from eid.chip.verdict import Verdict
from eid.errors import EidError, FormatError, RequestRefused, Unavailable
from eid.keys import (
    JSON,
    canonical_json,
    encode_base64url,
    encrypt_jwe,
    new_name,
    parse_json_object,
    sign_jwt,
)
from eid.kiosk.identity import Identity
from eid.kiosk.ports import Line, Queue
from eid.kiosk.request import shown
from eid.kiosk.screens import Outcome, Session
from eid.levels.visit import (
    RECORD_TYP,
    START,
    VISIT_TYP,
    Batch,
    Freshness,
    Head,
    Reason,
    SealedVisit,
    VisitRecord,
)

_log = logging.getLogger("eid.kiosk")
CARD_PLAN = PLANS["kiosk"]
PORTRAIT_PLAN = PLANS["bank"]
_READ_S = 30.0
_MAX_EVIDENCE = 256 << 10

Judge = Callable[[Evidence, bytes, datetime, str], Verdict]
"""``(evidence, challenge, at, expect_number)``: the kiosk's own report, from cached anchors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The challenge for one reading, and where its answer belongs."""

    challenge: bytes = field(repr=False)
    challenge_id: str = field(default="", repr=False)
    batch: str = ""
    head: Head = START

    @property
    def online(self) -> bool:
        """Whether the server gave it for this visit."""
        return bool(self.challenge_id)


class Visits:
    """One kiosk's visits. ``day`` gives today's batch, or None; ``judge`` the local verdict."""

    def __init__(  # noqa: PLR0913 - the parts of one kiosk
        self,
        identity: Identity,
        *,
        line: Line,
        queue: Queue,
        judge: Judge,
        day: Callable[[], Batch | None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        rng: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.identity = identity
        self.queue = queue
        self._line = line
        self._judge = judge
        self._day = day
        self._clock = clock
        self._rng = rng
        self.lock = threading.Lock()

    def ticket(self) -> Ticket:
        """A challenge from the server, or while the line is down the next of today's batch.

        Unavailable ``kiosk.no_challenge`` when there is neither.
        """
        try:
            fresh = self._line.challenge()
        except Unavailable as error:
            return self._offline(error)
        return Ticket(challenge=fresh.challenge, challenge_id=fresh.id)

    def _offline(self, cause: Unavailable) -> Ticket:
        batch, head = self._day(), self.queue.head() or START
        if batch is None or not batch.covers(self._clock()) or len(self.queue) >= batch.most:
            raise Unavailable(
                "The line is down and there is no challenge left.", code="kiosk.no_challenge"
            ) from cause
        challenge = batch.challenge(self.identity.issuer, head)
        return Ticket(challenge=challenge, batch=batch.id, head=head)

    def read(
        self,
        session: Session,
        transport: Transport,
        ticket: Ticket,
        *,
        progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Evidence:
        """Read what was agreed to, and no more; the transport is closed afterwards.

        A session without consent or number is a TypeError: the state table leads to none.
        """
        if session.consent is None or session.number is None:
            raise TypeError("nothing is read without a consent record and a number")
        with closing(transport):
            return read(
                transport,
                can_from_number(session.number),
                plan=plan_for(session),
                challenge=ticket.challenge,
                progress=progress,
                cancelled=cancelled,
                deadline_s=_READ_S,
                at=self._clock(),
            )

    def conclude(
        self, session: Session, evidence: Evidence, ticket: Ticket
    ) -> tuple[str, Outcome]:
        """Judge, and put the visit on record: the event for the state table, and the outcome.

        The most telling error of the verdict when the card is rejected; Unavailable when neither
        the server nor the queue took the visit, which then was not accepted.
        """
        at = self._clock()
        verdict = self._judge(evidence, ticket.challenge, at, session.number or "")
        if verdict.error is not None and verdict.verdict == "rejected":
            raise _telling(verdict, verdict.error)
        visit = self._visit(session, at=at, commitment=evidence, ticket=ticket)
        visit = replace(visit, verdict=verdict.verdict, code=(*verdict.reasons, "")[0])
        name = verdict.holder.name if verdict.holder else ""
        content = self._content(visit, evidence)
        if not ticket.online:
            with self.lock:
                self.queue.put(visit.id, content, head=ticket.head.after(visit))
            return "recorded", Outcome(
                reference=visit.id, name=name, verdict=visit.verdict, code=visit.code
            )
        receipt = self._line.deliver(self._seal(visit, content))
        if receipt.verdict == "rejected":
            raise RequestRefused("The server does not accept the card.", code=receipt.code)
        return "accepted", Outcome(
            reference=visit.id, name=name, verdict=receipt.verdict, code=receipt.code
        )

    def note(self, session: Session, declared: Mapping[str, str]) -> Outcome:
        """Record a visit without a chip, by the clerk on duty; no number is asked or made up."""
        if session.clerk is None or session.kind not in {"no_card", "newborn", "emergency"}:
            raise TypeError("a visit without a card needs a clerk on duty")
        clean = {name: shown(text) for name, text in declared.items() if shown(text)}
        if session.kind != "emergency" and not clean:
            raise FormatError("Nothing was written down.", code="kiosk.declared")
        with self.lock:
            head = self.queue.head() or START
            visit = self._visit(session, at=self._clock(), head=head, declared=clean)
            self.queue.put(visit.id, self._content(visit, None), head=head.after(visit))
        return Outcome(reference=visit.id, verdict="", code="")

    def _visit(
        self,
        session: Session,
        *,
        at: datetime,
        commitment: Evidence | None = None,
        ticket: Ticket | None = None,
        head: Head | None = None,
        declared: Mapping[str, str] | None = None,
    ) -> VisitRecord:
        salt = self._rng(16)
        chained = head or (None if ticket is None or ticket.online else ticket.head)
        consents = [item for item in (session.consent, session.portrait) if item is not None]
        reason = cast("Reason", session.kind or "")
        chip = commitment is not None
        return VisitRecord(
            id=new_name(self._rng),
            kiosk=self.identity.id,
            at=at,
            established="chip" if chip else "declared" if declared else "nobody",
            freshness=_freshness(ticket) if chip else "none",
            mode="assisted" if session.clerk else "self",
            purpose=session.consent.purpose if session.consent else reason,
            salt=salt,
            commitment=commitment.commitment(salt) if commitment is not None else None,
            batch=ticket.batch if ticket else "",
            counter=chained.counter + 1 if chained else 0,
            previous=chained.link if chained else bytes(32),
            challenge_id=ticket.challenge_id if ticket else "",
            reason=reason,
            clerk=session.clerk or "",
            consents=tuple(item.to_json() for item in consents),
            declared=declared or {},
        )

    def _content(self, visit: VisitRecord, evidence: Evidence | None) -> bytes:
        record = sign_jwt(visit.to_json(), self.identity.key, typ=RECORD_TYP)
        read_files: JSON = None
        if evidence is not None:
            read_files = parse_json_object(evidence.to_json(), max_size=_MAX_EVIDENCE)
        return canonical_json({"record": record, "evidence": read_files})

    def _seal(self, visit: VisitRecord, content: bytes) -> SealedVisit:
        sealed = encrypt_jwe(content, self.identity.server_jwk, typ=VISIT_TYP)
        return SealedVisit(id=visit.id, sealed=sealed)


def _telling(verdict: Verdict, error: EidError) -> EidError:
    """For the person: that the document is another state's says more than why it is not trusted."""
    foreign = verdict.check("mrz").error
    return foreign if foreign is not None and foreign.code == "mrz.issuing_state" else error


def plan_for(session: Session) -> Plan:
    """What may be read: with the portrait only where the person agreed to that by itself."""
    return PORTRAIT_PLAN if session.portrait is not None else CARD_PLAN


def _freshness(ticket: Ticket | None) -> Freshness:
    return "verifier" if ticket is not None and ticket.online else "kiosk"


_OUR_OWN_FAULT = frozenset({"kiosk.revoked", "kiosk.unknown", "kiosk.clock"})


def deliver_waiting(queue: Queue, line: Line, *, most: int = 50) -> int:
    """Deliver in order what waits, until the line breaks (Unavailable) or ``most`` are gone.

    A visit that the server refuses for itself is set aside and kept: it must not block those
    behind it. A refusal of the kiosk as such is raised, and everything waits.
    """
    done = 0
    while done < most and (waiting := queue.first()) is not None:
        try:
            line.deliver(waiting)
        except RequestRefused as error:
            if error.code in _OUR_OWN_FAULT:
                raise
            _log.warning("set aside visit=%s code=%s", waiting.id, error.code)
            queue.set_aside(waiting.id, error.code)
            continue
        queue.delivered(waiting.id)
        done += 1
    return done
