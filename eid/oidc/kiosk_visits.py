"""Visits arrive: opened, held against the kiosk's chain, judged, and stored once.

``POST /kiosk/visits`` takes one sealed visit. It is refused only when it is not a known kiosk's
own; everything else that is wrong with it is *written down* with it, so that a doubtful visit
never blocks those behind it and nothing is lost:

- its place in the chain: ``next``, after a ``gap``, or at a place that was taken (``fork``);
- the provider's own verdict on the evidence, against the challenge that this place had;
- a clerk's statement that does not hold, a time outside the batch's.

A visit is a record, never a login: what is answered holds a verdict and no level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from eid.chip.evidence import Evidence
from eid.errors import EidError, FormatError, RequestRefused, Unavailable, VerificationError
from eid.keys import (
    JSON,
    JwkSet,
    PublicKey,
    canonical_json,
    decode_base64url,
    decrypt_jwe,
    encode_base64url,
    parse_json_object,
    verify_jws,
    verify_jwt,
)
from eid.levels.visit import RECORD_TYP, VISIT_TYP, Head, Place, VisitRecord
from eid.oidc.handles import key_of
from eid.oidc.http import MAX_SEALED_VISIT, Request, Response, json_response
from eid.oidc.kiosk_clerk import CLERK_TYP
from eid.oidc.kiosk_ports import EnrolledKiosk, TakenVisit
from eid.oidc.kiosks import authenticate, kiosks_of
from eid.oidc.ports import AuditEvent, Grant
from eid.oidc.provider import Provider

MAX_CONTENT: Final = 384 * 1024
_MAX_RECORD: Final = 32 * 1024
_SLACK: Final = timedelta(minutes=5)
_TRIES: Final = 5
_AGAIN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The provider's own word on a visit."""

    verdict: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A visit out of its envelope, signed by its kiosk."""

    record: VisitRecord
    evidence: Evidence | None = field(repr=False)


def receive(provider: Provider, request: Request) -> Response:
    """Take one visit; the same visit twice is one, with the same answer."""
    at = provider.clock()
    form = request.form(limits={"visit": MAX_SEALED_VISIT})
    kiosk = authenticate(provider, form, at=at, purpose="visit").kiosk
    sealed = form.get("visit")
    if sealed is None:
        raise FormatError("The visit is missing.", code="visit")
    arrival = open_visit(provider, kiosk, sealed)
    taken = take(provider, kiosk, arrival, at=at)
    return json_response(
        {"id": taken.record.id, "verdict": taken.verdict, "code": taken.code, "place": taken.place}
    )


def open_visit(provider: Provider, kiosk: EnrolledKiosk, sealed: str) -> Arrival:
    """Decrypt, check the kiosk's signature and that evidence and record belong together."""
    content = decrypt_jwe(sealed, provider.keys.evidence, typ=VISIT_TYP, max_bytes=MAX_CONTENT)
    document = parse_json_object(content, max_size=MAX_CONTENT)
    record, evidence = document.get("record"), document.get("evidence")
    if document.keys() != {"record", "evidence"} or not isinstance(record, str):
        raise FormatError("The visit's envelope is malformed.", code="visit")
    keys = JwkSet.of(PublicKey.from_jwk(kiosk.jwk))
    visit = VisitRecord.from_json(verify_jws(record, keys, typ=RECORD_TYP, max_size=_MAX_RECORD))
    if visit.kiosk != kiosk.id:
        raise RequestRefused("The visit is another kiosk's.", code="visit.kiosk")
    read = None if evidence is None else Evidence.from_json(canonical_json(evidence))
    bound = None if read is None else read.commitment(visit.salt)
    if bound != visit.commitment:
        raise RequestRefused("Evidence and record do not belong together.", code="visit.evidence")
    return Arrival(record=visit, evidence=read)


def take(
    provider: Provider, kiosk: EnrolledKiosk, arrival: Arrival, *, at: datetime
) -> TakenVisit:
    """Judge and store; of two deliveries of one visit at once, one is stored."""
    register, record = kiosks_of(provider), arrival.record
    known = register.visit(record.id)
    if known is not None:
        return _same(known, record)
    judged = judge(provider, arrival, at=at)
    for _ in range(_TRIES):
        current = register.by_id(kiosk.id)
        if current is None or current.revoked_at is not None:  # while the visit was judged
            raise RequestRefused("This kiosk's rights were ended.", code="kiosk.revoked")
        before = current.head
        place = before.place(record) if record.chained else None
        after = before.after(record) if place in {"next", "gap"} else before
        taken = TakenVisit(
            record=record,
            evidence=None if arrival.evidence is None else arrival.evidence.to_json(),
            verdict=judged.verdict,
            code=judged.code,
            place=place,
            received_at=at,
        )
        events = [_event(kiosk, taken, place, at)]
        if register.take(taken, before=before, after=after, events=events):
            return taken
        known = register.visit(record.id)
        if known is not None:
            return _same(known, record)
    raise Unavailable("Too many visits of one kiosk at once.", code="kiosk.busy")


def judge(provider: Provider, arrival: Arrival, *, at: datetime) -> Judged:
    """The provider's own verdict; whatever is wrong becomes a code, never an exception."""
    record, evidence = arrival.record, arrival.evidence
    if not _clerk_holds(provider, record):
        return Judged(verdict="rejected", code="visit.clerk")
    if evidence is None:
        return Judged(verdict="declared")
    try:
        challenge, moment = _asked(provider, record, at)
        (provider.judge_visit or provider.judge_evidence)(evidence, challenge, moment, None)
    except VerificationError as error:
        verdict = getattr(error.verdict, "verdict", "rejected")
        return Judged(verdict=str(verdict), code=error.code)
    except (Unavailable, MemoryError):
        raise
    except EidError as error:
        return Judged(verdict="rejected", code=error.code)
    return Judged(verdict="accepted")


def _asked(provider: Provider, record: VisitRecord, at: datetime) -> tuple[bytes, datetime]:
    """The challenge that this visit had to answer, and the moment to judge it at."""
    if record.freshness == "verifier":
        return _answered(provider, record, at), at
    batch = kiosks_of(provider).batch(record.batch)
    if batch is None or batch.kiosk != record.kiosk:
        raise RequestRefused("The batch is not this kiosk's.", code="visit.batch")
    if not batch.issued_at - _SLACK <= record.at <= min(batch.expires_at, at) + _SLACK:
        raise RequestRefused("The visit's time is not within its batch's.", code="visit.time")
    head = Head(counter=record.counter - 1, link=record.previous)
    return batch.challenge(provider.settings.issuer, head), min(record.at, at)


def _answered(provider: Provider, record: VisitRecord, at: datetime) -> bytes:
    """The challenge of a visit with the line up, used up for this visit alone.

    It stays this visit's: delivered again after a failure between here and the store, the same
    visit gets the same verdict.
    """
    key = key_of(record.challenge_id)
    bound = encode_base64url(record.commitment or b"")
    visit: dict[str, JSON] = {"visit": record.id, "commitment": bound}
    mark = Grant(kind="visit_challenge", key=key, payload=visit, expires_at=at + _AGAIN)
    grant = provider.grants.consume("challenge", key, at=at, issue=[mark])
    if grant is None:
        known = provider.grants.get("visit_challenge", key, at=at)
        if known is not None and known.payload == visit:
            grant = provider.grants.was_used("challenge", key)
    if grant is None or grant.payload.get("kiosk") != record.kiosk:
        raise RequestRefused("This challenge is used or too old.", code="visit.challenge")
    return decode_base64url(str(grant.payload["challenge"]))


def _clerk_holds(provider: Provider, record: VisitRecord) -> bool:
    if record.mode == "self":
        return not record.clerk
    try:
        verify_jwt(
            record.clerk,
            JwkSet.of(*provider.keys.published),
            typ=CLERK_TYP,
            issuer=provider.settings.issuer,
            audience=record.kiosk,
            at=record.at,
            leeway_s=60,
        )
    except EidError:
        return False
    return True


def _same(known: TakenVisit, record: VisitRecord) -> TakenVisit:
    if known.record != record:
        raise RequestRefused("Another visit has this name.", code="visit.other")
    return known


def _event(
    kiosk: EnrolledKiosk, taken: TakenVisit, place: Place | None, at: datetime
) -> AuditEvent:
    """The row of the record: who brought what, and what was wrong; nobody's name."""
    record = taken.record
    detail: Mapping[str, str] = {
        "kiosk": kiosk.id,
        "visit": record.id,
        "established": record.established,
        "freshness": record.freshness,
        "mode": record.mode,
        "verdict": taken.verdict,
        "code": taken.code,
        "place": place or "",
    }
    kind = "visit.received" if place in {None, "next"} else f"visit.{place}"
    return AuditEvent(kind=kind, at=at, detail=detail, commitment=record.commitment)


def answer_json(taken: TakenVisit) -> dict[str, JSON]:
    """What a list of visits shows of one: how the identity was established, and no name."""
    record = taken.record
    return {
        "id": record.id,
        "kiosk": record.kiosk,
        "at": int(record.at.timestamp()),
        "received_at": int(taken.received_at.timestamp()),
        "established": record.established,
        "freshness": record.freshness,
        "mode": record.mode,
        "reason": record.reason,
        "verdict": taken.verdict,
        "code": taken.code,
        "place": taken.place,
    }
