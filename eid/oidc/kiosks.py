"""Kiosks at the provider: enrolled once by a code, known from then on by a key of their own.

A kiosk signs each call with its key (``typ eid-kiosk+jwt``, a minute at most, each ``jti`` once),
so that it can be revoked alone. What it is given: a challenge for one visit, and once a day what it
needs to go on while the line is down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from eid.errors import Expired, FormatError, RequestRefused, Unavailable
from eid.keys import (
    JSON,
    JwkSet,
    PublicKey,
    decode_base64url,
    encode_base64url,
    new_name,
    parse_json_object,
    verify_jws,
    verify_jwt,
)
from eid.levels.challenge import derive_challenge
from eid.levels.visit import START, Batch
from eid.oidc.handles import is_handle, key_of, new_handle
from eid.oidc.http import Parameters, Request, Response, json_response
from eid.oidc.kiosk_ports import EnrolledKiosk, Kiosks
from eid.oidc.ports import AuditEvent, Grant
from eid.oidc.provider import Provider

KIOSK_TYP: Final = "eid-kiosk+jwt"
ENROL_TYP: Final = "eid-kiosk-enrolment+jwt"
INVITATION_LIFETIME: Final = timedelta(hours=24)
BATCH_LIFETIME: Final = timedelta(hours=36)
MOST_VISITS: Final = 2_000
MAX_REPORT: Final = 4 * 1024
_CLOCK_S: Final = 300
_MAX_NAME: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatedKiosk:
    """A kiosk that has proven its key for this call; only :func:`authenticate` makes one."""

    kiosk: EnrolledKiosk
    claims: Mapping[str, JSON]


def kiosks_of(provider: Provider) -> Kiosks:
    """The provider's register of kiosks; Unavailable where it has none."""
    if provider.kiosks is None:
        raise Unavailable("This provider serves no kiosks.", code="kiosk.off")
    return provider.kiosks


def invite(provider: Provider, name: str, *, by: str, at: datetime) -> str:
    """A code with which one kiosk enrols within a day; FormatError for an unusable name."""
    if not 0 < len(name) <= _MAX_NAME or not name.isprintable():
        raise FormatError("A kiosk's name is a short text.", code="kiosk.name")
    code = new_handle(provider.rng, size=16)
    provider.grants.put(
        Grant(
            kind="enrolment",
            key=key_of(code),
            payload={"name": name},
            expires_at=at + INVITATION_LIFETIME,
        ),
        events=[AuditEvent(kind="kiosk.invited", at=at, detail={"name": name, "by": by})],
    )
    return code


def enrol(provider: Provider, request: Request) -> Response:
    """``POST /kiosk/enrol``: the code and a statement signed by the new key it names."""
    form, at = request.form(), provider.clock()
    code, statement = form.get("code"), form.get("statement")
    if code is None or statement is None or not is_handle(code):
        raise FormatError("The code or the statement is missing.", code="kiosk.form")
    jwk = _proven_key(provider, statement, code, at=at)
    grant = provider.grants.consume("enrolment", key_of(code), at=at)
    if grant is None:
        raise RequestRefused("This code is used or too old.", code="kiosk.code")
    kiosk = EnrolledKiosk(
        id=new_name(provider.rng),
        name=str(grant.payload["name"]),
        jwk=jwk,
        enrolled_at=at,
        head=START,
    )
    detail = {"kiosk": kiosk.id, "name": kiosk.name, "kid": PublicKey.from_jwk(jwk).kid}
    kiosks_of(provider).add(
        kiosk, events=[AuditEvent(kind="kiosk.enrolled", at=at, detail=detail)]
    )
    return json_response({"kiosk": kiosk.id, "name": kiosk.name, **_common(provider, at)})


def authenticate(
    provider: Provider, form: Parameters, *, at: datetime, purpose: str
) -> AuthenticatedKiosk:
    """Who calls, by its key and for this purpose; RequestRefused ``kiosk.…`` for anyone else."""
    token = form.get("kiosk")
    kiosk = kiosks_of(provider).by_id(form.get("id") or "") if token else None
    if token is None or kiosk is None:
        raise RequestRefused("This kiosk is not enrolled here.", code="kiosk.unknown")
    keys = JwkSet.of(PublicKey.from_jwk(kiosk.jwk))
    try:
        claims = verify_jwt(
            token,
            keys,
            typ=KIOSK_TYP,
            issuer=kiosk.id,
            audience=provider.settings.issuer,
            at=at,
            max_age_s=60,
        )
    except (Expired, RequestRefused) as error:
        raise _of_the_clock(error, token, keys) from error
    if kiosk.revoked_at is not None:
        raise RequestRefused("This kiosk's rights were ended.", code="kiosk.revoked")
    if claims.get("purpose") != purpose:
        raise RequestRefused("The kiosk asked for something else.", code="kiosk.purpose")
    _first_use(provider, kiosk, claims, at)
    return AuthenticatedKiosk(kiosk=kiosk, claims=claims)


def give_challenge(provider: Provider, request: Request) -> Response:
    """``POST /kiosk/challenge``: for one visit, within two minutes."""
    at = provider.clock()
    kiosk = authenticate(provider, request.form(), at=at, purpose="challenge").kiosk
    name = new_handle(provider.rng)
    challenge = derive_challenge(
        issuer=provider.settings.issuer,
        client_id=kiosk.id,
        transaction_id=name,
        cookie_hash=b"",
        random=provider.rng(32),
    )
    payload: dict[str, JSON] = {"challenge": encode_base64url(challenge), "kiosk": kiosk.id}
    lives = timedelta(seconds=provider.settings.challenge_s)
    provider.grants.put(
        Grant(kind="challenge", key=key_of(name), payload=payload, expires_at=at + lives)
    )
    return json_response({"id": name, "challenge": payload["challenge"]})


def give_day(provider: Provider, request: Request) -> Response:
    """``POST /kiosk/day``: a batch, and the anchors, lists and policy to judge by meanwhile."""
    at = provider.clock()
    caller = authenticate(provider, request.form(), at=at, purpose="day")
    kiosk, register = caller.kiosk, kiosks_of(provider)
    batch = Batch(
        id=new_handle(provider.rng, size=16),
        kiosk=kiosk.id,
        random=provider.rng(32),
        most=MOST_VISITS,
        issued_at=at.replace(microsecond=0),
        expires_at=at.replace(microsecond=0) + BATCH_LIFETIME,
    )
    detail = {"kiosk": kiosk.id, "batch": batch.id}
    register.put_batch(batch, events=[AuditEvent(kind="kiosk.batch", at=at, detail=detail)])
    return json_response(
        {
            "batch": {
                "id": batch.id,
                "random": encode_base64url(batch.random),
                "most": batch.most,
                "issued_at": int(batch.issued_at.timestamp()),
                "expires_at": int(batch.expires_at.timestamp()),
            },
            "head": {"counter": kiosk.head.counter, "link": encode_base64url(kiosk.head.link)},
            "trust": {
                name: encode_base64url(content) for name, content in provider.kiosk_trust().items()
            },
            "policy": dict(provider.kiosk_policy),
            **_common(provider, at),
        }
    )


def take_report(provider: Provider, request: Request) -> Response:
    """``POST /kiosk/health``: how the kiosk does, in its own signed words."""
    at = provider.clock()
    caller = authenticate(provider, request.form(), at=at, purpose="health")
    report = caller.claims.get("report")
    if not isinstance(report, Mapping):
        raise FormatError("The report is missing.", code="kiosk.report")
    kiosks_of(provider).seen(caller.kiosk.id, report, at=at)
    return json_response(_common(provider, at))


def _common(provider: Provider, at: datetime) -> dict[str, JSON]:
    return {"time": int(at.timestamp()), "server_jwk": provider.keys.evidence.public_jwk()}


def _proven_key(
    provider: Provider, statement: str, code: str, *, at: datetime
) -> Mapping[str, JSON]:
    """The key in a statement that is signed by this very key."""
    segments = statement.split(".")
    if len(segments) != 3:
        raise FormatError("The statement is malformed.", code="kiosk.form")
    jwk = _unverified(segments[1]).get("jwk")
    if not isinstance(jwk, Mapping):
        raise FormatError("The statement names no key.", code="kiosk.form")
    keys = JwkSet.from_jwks({"keys": [dict(jwk)]})
    claims = verify_jws(statement, keys, typ=ENROL_TYP)
    if claims.get("aud") != provider.settings.issuer or claims.get("code") != key_of(code).hex():
        raise RequestRefused("The statement is for something else.", code="kiosk.statement")
    iat = claims.get("iat")
    if isinstance(iat, bool) or not isinstance(iat, int):
        raise FormatError("The statement has no time.", code="kiosk.form")
    if abs(iat - at.timestamp()) > _CLOCK_S:
        raise RequestRefused("The kiosk's clock is wrong.", code="kiosk.clock")
    return jwk


def _unverified(segment: str) -> Mapping[str, JSON]:
    return parse_json_object(decode_base64url(segment), max_size=MAX_REPORT)


def _of_the_clock(
    error: Expired | RequestRefused, token: str, keys: JwkSet
) -> Expired | RequestRefused:
    """Say so when an authentic call fails by its times only: the kiosk's clock is wrong."""
    if error.code not in {"jwt.expired", "jwt.not_yet", "jwt.age"}:
        return error
    verify_jws(token, keys, typ=KIOSK_TYP)
    return RequestRefused("The kiosk's clock is wrong.", code="kiosk.clock")


def _first_use(
    provider: Provider, kiosk: EnrolledKiosk, claims: Mapping[str, JSON], at: datetime
) -> None:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not is_handle(jti):
        raise FormatError("The kiosk's call has no name.", code="kiosk.form")
    used = Grant(
        kind="jti",
        key=key_of(f"kiosk:{kiosk.id}:{jti}"),
        payload={},
        expires_at=at + timedelta(minutes=5),
    )
    if not provider.grants.claim(used):
        raise RequestRefused("This call was made before.", code="kiosk.replayed")
