"""The self-service kiosk: the same screens as `eid kiosk`, with the hospital as its server.

The kiosk reads and seals; the hospital opens, judges against its own challenge, and checks in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import eid
from eid.chip.evidence import Evidence
from eid.chip.transport import Transport
from eid.errors import EidError, FormatError, RequestRefused
from eid.keys import (
    EncryptionKey,
    JwkSet,
    SigningKey,
    canonical_json,
    decrypt_jwe,
    encode_base64url,
    parse_json_object,
    verify_jws,
)
from eid.kiosk.agent import Agent
from eid.kiosk.app import create_app
from eid.kiosk.desk import Desk
from eid.kiosk.identity import Identity
from eid.kiosk.kiosk import Kiosk
from eid.kiosk.ports import FreshChallenge, Receipt
from eid.kiosk.screen_app import add_screens
from eid.kiosk.screen_pages import ScreenPages, Terms
from eid.kiosk.settings import AgentSettings, PinnedIssuer
from eid.kiosk.texts import load_texts
from eid.kiosk.visits import Visits
from eid.levels.visit import RECORD_TYP, VISIT_TYP, SealedVisit, VisitRecord
from eid.store.queue import OfflineQueue

from .checkin import POLICY, CheckIn

if TYPE_CHECKING:
    import falcon

BY = "kiosk"
ANSWER_WITHIN = timedelta(minutes=2)
MAX_VISIT = 512 * 1024
REMEMBERED = 1000


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class HospitalLine:
    """The line to the hospital: a challenge for each visit, and the visit taken in (`Line`)."""

    checkin: CheckIn
    kiosk: SigningKey
    clock: Callable[[], datetime] = _now
    key: EncryptionKey = field(default_factory=lambda: EncryptionKey.generate("visits"))
    _waiting: dict[str, tuple[bytes, datetime]] = field(default_factory=dict, repr=False)
    _taken: dict[str, Receipt] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def challenge(self) -> FreshChallenge:
        """A challenge for one visit, good for two minutes and one answer."""
        name, challenge, at = (
            encode_base64url(self.checkin.rng(16)),
            self.checkin.challenge(),
            self.clock(),
        )
        with self._lock:
            self._waiting = {key: one for key, one in self._waiting.items() if one[1] > at}
            self._waiting[name] = challenge, at + ANSWER_WITHIN
        return FreshChallenge(id=name, challenge=challenge)

    def deliver(self, visit: SealedVisit) -> Receipt:
        """Open a visit, judge the card ourselves, check in; the same visit twice is one."""
        with self._lock:
            if visit.id not in self._taken:
                self._taken[visit.id] = self._take(visit)
                while len(self._taken) > REMEMBERED:
                    self._taken.pop(next(iter(self._taken)))
            return self._taken[visit.id]

    def _take(self, visit: SealedVisit) -> Receipt:
        record, evidence = self._open(visit)
        at = self.clock()
        challenge, until = self._waiting.pop(record.challenge_id, (b"", at))
        if at >= until:
            raise RequestRefused("The visit answers no question of ours.", code="visit.challenge")
        try:
            made = self.checkin.by_card(evidence, challenge, None, by=BY, at=at)
        except EidError as error:
            return Receipt(verdict="rejected", code=error.code)
        self.checkin.look_up(made, at=at)
        return Receipt(verdict="accepted")

    def _open(self, visit: SealedVisit) -> tuple[VisitRecord, Evidence]:
        content = decrypt_jwe(visit.sealed, self.key, typ=VISIT_TYP, max_bytes=MAX_VISIT)
        document = parse_json_object(content, max_size=MAX_VISIT)
        claims = verify_jws(
            str(document["record"]), JwkSet.of(self.kiosk), typ=RECORD_TYP, max_size=MAX_VISIT
        )
        record = VisitRecord.from_json(claims)
        if document["evidence"] is None:
            raise FormatError("Only visits with a chip come this way.", code="visit.evidence")
        evidence = Evidence.from_json(canonical_json(document["evidence"]))
        if evidence.commitment(record.salt) != record.commitment:
            raise RequestRefused("Evidence and record do not fit.", code="visit.evidence")
        return record, evidence


def create_kiosk(
    checkin: CheckIn, *, listen: str, folder: Path, put_down: Callable[[str], Transport]
) -> falcon.App[falcon.Request, falcon.Response]:
    """A kiosk of the hospital as a WSGI application; ``put_down`` waits for a card."""
    own_key = SigningKey.generate("kiosk")
    line = HospitalLine(checkin, own_key)
    server_jwk = line.key.public_jwk()
    identity = Identity(
        id=encode_base64url(checkin.rng(16)),
        issuer=checkin.audience,
        key=own_key,
        server_jwk=server_jwk,
    )
    desk = Desk()
    visits = Visits(
        identity,
        line=line,
        queue=OfflineQueue.open(folder / "kiosk.db", server_jwk, most_visits=100),
        judge=lambda evidence, challenge, at, number: eid.judge(
            evidence,
            checkin.trust,
            policy=POLICY,
            at=at,
            challenge=challenge,
            expect_number=number,
        ),
        day=lambda: None,
    )
    kiosk = Kiosk(
        desk,
        visits,
        wait_for_card=lambda _timeout, _cancelled: put_down(desk.session.number or ""),
    )
    settings = AgentSettings(listen=listen, issuers=(PinnedIssuer(issuer=checkin.audience),))
    agent = Agent(settings, connect=lambda _timeout: put_down(""), desk=desk)
    app = create_app(settings, agent=agent, desk=desk)
    terms = Terms(
        organisation="Bệnh viện Thử Nghiệm",
        purpose="Tiếp đón người bệnh",
        purposes={"en": "Check-in"},
        issuer=checkin.audience,
    )
    pages = ScreenPages(load_texts(), terms)
    add_screens(app, kiosk, pages, check_origin=agent.check_own_origin, clock=_now)
    return app
