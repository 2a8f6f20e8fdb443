"""A person at the counter with a card: read for this officer's browser, matched, then acted upon.

>>> [stage for (stage, event) in STEPS if event == "matched"]
['read']
>>> following("matched", "card_read")
Traceback (most recent call last):
    ...
eid.errors.RequestRefused: This step does not follow here.

Card login's rules hold (contracts §5): the challenge is ours and bound to this browser, the handle
works once, and evidence whose browser does not come back means nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, cast

from eid.admin.counter import CHALLENGE_LIFETIME
from eid.admin.sessions import Session
from eid.admin.site import Counter
from eid.chip.evidence import Evidence
from eid.errors import AccountError, FormatError, RequestRefused
from eid.keys import JSON, encode_base64url, sign_jwt
from eid.oidc.card_login import open_evidence
from eid.oidc.card_request import AUDIENCE, REQUEST_TYP
from eid.oidc.handles import is_handle, key_of, new_handle
from eid.oidc.http import Parameters
from eid.oidc.payload import octets, optional_text, text
from eid.oidc.ports import AuditEvent, Grant

if TYPE_CHECKING:
    from eid.chip.verify import VerifiedCard

Stage = Literal["begun", "read", "matched", "seconded"]
Step = Literal["card_read", "matched", "seconded"]
STEPS: Mapping[tuple[Stage, Step], Stage] = MappingProxyType(
    {
        ("begun", "card_read"): "read",
        ("read", "card_read"): "read",
        ("read", "matched"): "matched",
        ("matched", "seconded"): "seconded",
    }
)
LIFETIME = timedelta(minutes=20)
REQUEST_S = 60
PLAN = "bank"
PURPOSE = "Xác minh tại quầy / At the counter"
FAMILY = "counter-visits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One person's visit; ``officer`` began it, ``second`` agreed to the match."""

    id: str
    officer: str
    stage: Stage
    grant: Grant = field(repr=False)

    @property
    def second(self) -> str | None:
        """The second officer, once he agreed."""
        return optional_text(self.grant.payload, "second")

    def is_ready(self, *, second_officer: bool) -> bool:
        """Whether the account may be raised now."""
        return self.stage == ("seconded" if second_officer else "matched")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The card of a visit, judged now from its bytes."""

    evidence: Evidence = field(repr=False)
    card: VerifiedCard = field(repr=False)


def following(stage: Stage, step: Step) -> Stage:
    """The stage after a step; RequestRefused ``counter.impossible_step``."""
    after = STEPS.get((stage, step))
    if after is None:
        raise RequestRefused("This step does not follow here.", code="counter.impossible_step")
    return after


def begin(counter: Counter, session: Session, *, at: datetime) -> Visit:
    """A new visit at this officer's desk."""
    name, officer = new_handle(counter.rng, size=16), _me(session)
    payload: dict[str, JSON] = {"id": name, "officer": officer, "stage": "begun"}
    grant = Grant(
        kind="counter_visit",
        key=key_of(name),
        payload=payload,
        expires_at=at + LIFETIME,
        family=FAMILY,
    )
    began = AuditEvent(kind="counter.visit", at=at, detail={"by": officer})
    counter.grants.put(grant, events=[began])
    return _visit(grant)


def load(counter: Counter, session: Session, name: str, *, at: datetime) -> Visit:
    """The officer's own visit; RequestRefused ``counter.appointment`` for any other."""
    visit = _any(counter, name, at=at)
    if visit.officer != _me(session):
        raise _over()
    return visit


def load_to_second(counter: Counter, session: Session, name: str, *, at: datetime) -> Visit:
    """Another officer's visit that waits for a second pair of eyes."""
    visit = _any(counter, name, at=at)
    if visit.stage != "matched":
        raise _over()
    if visit.officer == _me(session):
        raise AccountError("A second officer must agree.", code="counter.four_eyes")
    return visit


def looked(counter: Counter, session: Session, visit: Visit, *, at: datetime) -> None:
    """The second officer sees the holder now, in this session; on record."""
    if counter.grants.get("counter_look", _look(session, visit), at=at) is not None:
        return
    look = AuditEvent(kind="counter.second_look", at=at, detail={"by": _me(session)})
    counter.grants.record([look])
    counter.grants.claim(
        Grant(
            kind="counter_look",
            key=_look(session, visit),
            payload={},
            expires_at=visit.grant.expires_at,
        )
    )


def check_looked(counter: Counter, session: Session, visit: Visit, *, at: datetime) -> None:
    """RequestRefused ``counter.impossible_step`` for a word about somebody who was not seen."""
    if counter.grants.get("counter_look", _look(session, visit), at=at) is None:
        raise RequestRefused("This step does not follow here.", code="counter.impossible_step")


def _look(session: Session, visit: Visit) -> bytes:
    return hashlib.sha256(visit.grant.key + session.cookie_hash).digest()


def waiting(counter: Counter, session: Session, *, at: datetime) -> tuple[Visit, ...]:
    """The visits of others that wait for a second pair of eyes."""
    found = map(_visit, counter.grants.family("counter_visit", FAMILY, at=at))
    return tuple(one for one in found if one.stage == "matched" and one.officer != _me(session))


def ask_for_card(counter: Counter, session: Session, visit: Visit, *, at: datetime) -> str:
    """A signed request for the card agent on the officer's machine, good for a minute."""
    following(visit.stage, "card_read")
    jti = new_handle(counter.rng)
    challenge = counter.desk.challenge(visit.id, cookie_hash=session.cookie_hash)
    payload: dict[str, JSON] = {
        "visit": visit.id,
        "cookie_hash": encode_base64url(session.cookie_hash),
        "challenge": encode_base64url(challenge),
    }
    expires = at + CHALLENGE_LIFETIME
    counter.grants.put(
        Grant(kind="counter_card", key=key_of(jti), payload=payload, expires_at=expires)
    )
    settings, issued = counter.settings, int(at.timestamp())
    claims: dict[str, JSON] = {
        "iss": settings.url,
        "aud": AUDIENCE,
        "jti": jti,
        "iat": issued,
        "exp": issued + REQUEST_S,
        "client_name": settings.name,
        "client_origin": settings.url,
        "purpose": PURPOSE,
        "plan": PLAN,
        "challenge": payload["challenge"],
        "cookie_hash": payload["cookie_hash"],
        "return_uri": f"{settings.url}/visit/{visit.id}/card/return",
        "evidence_uri": f"{settings.url}/card/evidence",
    }
    return sign_jwt(claims, counter.keys.card_requests, typ=REQUEST_TYP)


def receive(counter: Counter, form: Parameters, *, at: datetime) -> str:
    """Take evidence from the agent and return the one-time handle to come back with."""
    jti, sealed = form.get("jti"), form.get("evidence")
    if jti is None or sealed is None or not is_handle(jti):
        raise FormatError("The evidence or its jti is missing.", code="card.form")
    asked = counter.grants.get("counter_card", key_of(jti), at=at)
    if asked is None:
        raise _card_over()
    open_evidence(sealed, counter.keys.evidence, asked.key)
    handle = new_handle(counter.rng)
    payload = {**asked.payload, "jti": encode_base64url(asked.key), "sealed": sealed}
    came = Grant(
        kind="counter_handle", key=key_of(handle), payload=payload, expires_at=asked.expires_at
    )
    if counter.grants.consume("counter_card", asked.key, at=at, issue=[came]) is None:
        raise _card_over()
    return handle


def card_came_back(
    counter: Counter, session: Session, visit: Visit, handle: str, *, at: datetime
) -> Visit:
    """The officer's browser is back with its handle: judge the card and keep what was read.

    RequestRefused unless handle, visit and browser belong together; else what is wrong with the
    card, after which it may be read again.
    """
    grant = counter.grants.consume("counter_handle", key_of(handle), at=at)
    if grant is None or grant.payload["visit"] != visit.id:
        raise _card_over()
    if not hmac.compare_digest(octets(grant.payload, "cookie_hash"), session.cookie_hash):
        raise RequestRefused("Another browser asked for this card.", code="counter.other_browser")
    kept = {name: grant.payload[name] for name in ("jti", "sealed", "challenge")}
    read = replace(visit.grant, payload={**visit.grant.payload, **kept})
    shown(counter, _visit(read), at=at)
    event = AuditEvent(kind="counter.card_read", at=at, detail={"by": visit.officer})
    return move(counter, _visit(read), "card_read", at=at, events=(event,))


def shown(counter: Counter, visit: Visit, *, at: datetime) -> Shown:
    """The visit's card, judged again: nothing that was judged before is believed."""
    payload = visit.grant.payload
    if "sealed" not in payload:
        raise RequestRefused("This step does not follow here.", code="counter.impossible_step")
    evidence = open_evidence(
        text(payload, "sealed"), counter.keys.evidence, octets(payload, "jti")
    )
    card = counter.desk.judge(evidence, octets(payload, "challenge"), at=at)
    return Shown(evidence=evidence, card=card)


def move(
    counter: Counter,
    visit: Visit,
    step: Step,
    *,
    at: datetime,
    second: str | None = None,
    events: tuple[AuditEvent, ...] = (),
) -> Visit:
    """The visit one step on; RequestRefused when another tab was faster."""
    members: dict[str, JSON] = {"stage": following(visit.stage, step)}
    if second is not None:
        members["second"] = second
    grant = replace(visit.grant, payload={**visit.grant.payload, **members})
    if not counter.grants.replace(grant, version=grant.version, at=at, events=events):
        raise _over()
    return _visit(replace(grant, version=grant.version + 1))


def finish(
    counter: Counter, visit: Visit, *, at: datetime, events: tuple[AuditEvent, ...] = ()
) -> None:
    """Use the visit up, once; what was read is forgotten with it."""
    if counter.grants.consume("counter_visit", visit.grant.key, at=at, events=events) is None:
        raise _over()


def _any(counter: Counter, name: str, *, at: datetime) -> Visit:
    grant = counter.grants.get("counter_visit", key_of(name), at=at) if is_handle(name) else None
    if grant is None:
        raise _over()
    return _visit(grant)


def _visit(grant: Grant) -> Visit:
    payload = grant.payload
    return Visit(
        id=text(payload, "id"),
        officer=text(payload, "officer"),
        stage=cast("Stage", text(payload, "stage")),
        grant=grant,
    )


def _me(session: Session) -> str:
    if session.officer is None:
        raise AccountError("The officer's session is over.", code="login.expired")
    return session.officer.account_id


def _over() -> RequestRefused:
    return RequestRefused(
        "The appointment is over, or not this officer's.", code="counter.appointment"
    )


def _card_over() -> RequestRefused:
    return RequestRefused("This card request is used or too old.", code="card.request_over")
