"""The enrolled kiosk's calls to its server: each signed by the kiosk's own key.

What comes back is bounded and parsed strictly; no answer, or one that makes no sense, is
Unavailable, and a refusal keeps the server's code where it is one that the kiosk knows.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Final, cast

from eid.errors import AccountError, EidError, FormatError, RequestRefused, Unavailable
from eid.keys import (
    JSON,
    SigningKey,
    canonical_json,
    decode_base64url,
    encode_base64url,
    encrypt_jwe,
    parse_json_object,
    sign_jwt,
)
from eid.kiosk.identity import Identity
from eid.kiosk.outbound import exchange
from eid.kiosk.ports import FreshChallenge, Receipt
from eid.levels.visit import Batch, Head, SealedVisit

KIOSK_TYP: Final = "eid-kiosk+jwt"
ENROL_TYP: Final = "eid-kiosk-enrolment+jwt"
LOGIN_TYP: Final = "eid-clerk-login+jwe"
_SMALL: Final = 16 * 1024
_DAY: Final = 8 << 20
_REFUSALS: Final = frozenset({400, 403, 413})
_KNOWN: Final[Mapping[str, type[EidError]]] = {
    "kiosk.revoked": RequestRefused,
    "kiosk.unknown": RequestRefused,
    "kiosk.clock": RequestRefused,
    "kiosk.code": RequestRefused,
    "login.refused": AccountError,
    "login.throttled": AccountError,
    "login.not_a_clerk": AccountError,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What the server gives for a day; ``at`` is the server's time then."""

    batch: Batch
    head: Head
    trust: Mapping[str, bytes] = field(repr=False)
    policy: Mapping[str, JSON]
    server_jwk: Mapping[str, JSON] = field(repr=False)
    at: datetime


class ServerLine:
    """Implements :class:`eid.kiosk.ports.Line` over HTTP."""

    def __init__(
        self,
        identity: Identity,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        rng: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._rng = rng

    def challenge(self) -> FreshChallenge:
        """A challenge for one visit, good for two minutes."""
        answer = self._call("challenge")
        with_id, octets = answer.get("id"), answer.get("challenge")
        if not isinstance(with_id, str) or not isinstance(octets, str):
            raise _garbled()
        challenge = _octets(octets)
        if len(challenge) != 8:
            raise _garbled()
        return FreshChallenge(id=with_id, challenge=challenge)

    def deliver(self, visit: SealedVisit) -> Receipt:
        """Hand a visit over; the same visit twice is one. RequestRefused ``kiosk.revoked``."""
        answer = self._call("visits", purpose="visit", form={"visit": visit.sealed})
        verdict, code = answer.get("verdict"), answer.get("code", "")
        if answer.get("id") != visit.id or not isinstance(verdict, str):
            raise _garbled()
        return Receipt(verdict=verdict, code=str(code))

    def day(self) -> Day:
        """What is needed to go on while the line is down."""
        answer = self._call("day", cap=_DAY)
        try:
            return _day(answer, self._identity.id)
        except (KeyError, TypeError, ValueError, FormatError) as error:
            raise _garbled() from error

    def sign_in(self, username: str, password: str) -> str:
        """A clerk's own login, sealed to the server: the statement of who is on duty."""
        login = canonical_json({"username": username, "password": password})
        sealed = encrypt_jwe(login, self._identity.server_jwk, typ=LOGIN_TYP)
        statement = self._call("clerk", form={"login": sealed}).get("statement")
        if not isinstance(statement, str):
            raise _garbled()
        return statement

    def card_gone(self, jti: str) -> None:
        """The card was taken away: the login that it began at the server is over."""
        self._call("gone", more={"card_request": jti})

    def report(self, report: Mapping[str, JSON]) -> None:
        """How the kiosk does: no personal data."""
        self._call("health", more={"report": dict(report)})

    def _call(
        self,
        path: str,
        *,
        purpose: str = "",
        form: Mapping[str, str] | None = None,
        more: Mapping[str, JSON] | None = None,
        cap: int = _SMALL,
    ) -> Mapping[str, JSON]:
        claims: dict[str, JSON] = {"purpose": purpose or path, **(more or {})}
        token = _signed(self._identity.key, self._identity.id, self._identity.issuer, claims,
                        at=self._clock(), rng=self._rng)  # fmt: skip
        sent = {"id": self._identity.id, "kiosk": token, **(form or {})}
        return call(f"{self._identity.issuer}/kiosk/{path}", sent, cap=cap)


def enrol(
    issuer: str,
    code: str,
    key: SigningKey,
    *,
    at: datetime,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> tuple[str, str, Mapping[str, JSON]]:
    """Use an invitation: the kiosk's id, its name, and the server's key; RequestRefused if not."""
    digest = hashlib.sha256(code.encode(errors="replace")).hexdigest()
    claims: dict[str, JSON] = {
        "aud": issuer,
        "code": digest,
        "iat": int(at.timestamp()),
        "jti": encode_base64url(rng(16)),
        "jwk": key.public_jwk(),
    }
    statement = sign_jwt(claims, key, typ=ENROL_TYP)
    answer = call(f"{issuer}/kiosk/enrol", {"code": code, "statement": statement}, cap=_SMALL)
    kiosk, name, jwk = answer.get("kiosk"), answer.get("name"), answer.get("server_jwk")
    if not isinstance(kiosk, str) or not isinstance(name, str) or not isinstance(jwk, Mapping):
        raise _garbled()
    return kiosk, name, jwk


def call(uri: str, form: Mapping[str, str], *, cap: int) -> Mapping[str, JSON]:
    """Post a form, and get the JSON object back; the server's code where it refuses."""
    status, body = exchange("POST", uri, cap=cap, form=form)
    try:
        answer = parse_json_object(body, max_size=cap)
    except FormatError as error:
        raise _garbled() from error
    if status == 200:
        return answer
    code = str(answer.get("error", ""))
    kind = _KNOWN.get(code)
    if kind is not None:
        raise kind("The server refused the kiosk's call.", code=code)
    # Whatever else answers in between, a gateway or a firewall, names no correlation: its word
    # must not set visits aside.
    if status in _REFUSALS and isinstance(answer.get("correlation_id"), str):
        raise RequestRefused("The server refused the kiosk's call.", code="kiosk.refused")
    raise Unavailable("The server cannot answer now.", code="agent.provider_answer")


def _signed(
    key: SigningKey,
    kiosk: str,
    issuer: str,
    claims: Mapping[str, JSON],
    *,
    at: datetime,
    rng: Callable[[int], bytes],
) -> str:
    issued = int(at.timestamp())
    frame: dict[str, JSON] = {
        "iss": kiosk,
        "aud": issuer,
        "iat": issued,
        "exp": issued + 60,
        "jti": encode_base64url(rng(16)),
    }
    return sign_jwt({**claims, **frame}, key, typ=KIOSK_TYP)


def _day(answer: Mapping[str, JSON], kiosk: str) -> Day:
    batch = cast("Mapping[str, JSON]", answer["batch"])
    head = cast("Mapping[str, JSON]", answer["head"])
    trust = cast("Mapping[str, JSON]", answer["trust"])
    issued, expires = (
        datetime.fromtimestamp(int(str(batch[name])), UTC) for name in ("issued_at", "expires_at")
    )
    if not timedelta(0) < expires - issued <= timedelta(days=7):
        raise ValueError("a batch is for a day or so")
    return Day(
        batch=Batch(
            id=str(batch["id"]),
            kiosk=kiosk,
            random=_octets(str(batch["random"])),
            most=int(str(batch["most"])),
            issued_at=issued,
            expires_at=expires,
        ),
        head=Head(counter=int(str(head["counter"])), link=_octets(str(head["link"]))),
        trust={_safe(name): _octets(str(content)) for name, content in trust.items()},
        policy=cast("Mapping[str, JSON]", answer["policy"]),
        server_jwk=cast("Mapping[str, JSON]", answer["server_jwk"]),
        at=datetime.fromtimestamp(int(str(answer["time"])), UTC),
    )


def _safe(name: str) -> str:
    """A relative name that stays below its folder; ValueError otherwise."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or {"..", "."} & set(path.parts) or "\0" in name:
        raise ValueError("a relative name")
    return str(path)


def _octets(text: str) -> bytes:
    try:
        return decode_base64url(text)
    except FormatError as error:
        raise _garbled() from error


def _garbled() -> Unavailable:
    return Unavailable("The server's answer is garbled.", code="agent.provider_answer")
