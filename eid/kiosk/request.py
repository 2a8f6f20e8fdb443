r"""The provider's card request: who asks, what for, and whether it may be obeyed (card login 1-2).

>>> shown("Ngân hàng\u202e Thử\n")
'Ngân hàng Thử'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from eid.chip.plan import PLANS, Plan
from eid.errors import FormatError, RequestRefused
from eid.keys import JSON, JwkSet, decode_base64url, verify_jwt
from eid.kiosk.origins import origin_of
from eid.kiosk.settings import PinnedIssuer

TYP = "eid-card-request+jwt"
AUDIENCE = "eid-agent"
ALLOWED_PLANS = ("kiosk", "bank")
MAX_REQUEST = 8 * 1024
MAX_LIFETIME_S = 60
CHALLENGE_LIFETIME_S = 120
_JTI = re.compile(r"[A-Za-z0-9_-]{16,128}")
_MAX_SHOWN = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRequest:
    """A request that holds: signed by a pinned issuer, fresh, and its addresses are the issuer's.

    ``useful_until`` is when the provider's challenge is certainly over; ``client_origin`` is
    where the provider may lead the browser at the end, if it says so.
    """

    issuer: str
    jti: str
    client_name: str
    purpose: str
    plan: Plan
    challenge: bytes = field(repr=False)
    return_uri: str
    evidence_uri: str
    client_origin: str | None
    expires_at: datetime
    useful_until: datetime


def accept(token: str, pinned: PinnedIssuer, keys: JwkSet, *, at: datetime) -> CardRequest:
    """Check a signed request; RequestRefused or the key room's error when it does not hold."""
    if len(token) > MAX_REQUEST:
        raise _refused("The card request is too long.", "agent.request_format")
    claims = verify_jwt(token, keys, typ=TYP, issuer=pinned.issuer, audience=AUDIENCE, at=at)
    issued, expires = _moment(claims, "iat"), _moment(claims, "exp")
    if not 0 < (expires - issued).total_seconds() <= MAX_LIFETIME_S:
        raise _refused("The card request lives longer than it may.", "agent.request_lifetime")
    if len(_bytes(claims, "cookie_hash")) != 32:
        raise _refused("The card request names no browser.", "agent.request_format")
    return CardRequest(
        issuer=pinned.issuer,
        jti=_jti(claims),
        client_name=_label(claims, "client_name"),
        purpose=_label(claims, "purpose"),
        plan=_plan(claims),
        challenge=_challenge(claims),
        return_uri=_own_uri(claims, "return_uri", pinned),
        evidence_uri=_own_uri(claims, "evidence_uri", pinned),
        client_origin=_client_origin(claims),
        expires_at=expires,
        useful_until=issued + timedelta(seconds=CHALLENGE_LIFETIME_S),
    )


def shown(text: str) -> str:
    """A label as a screen may show it: no controls, no direction marks, at most 120 characters."""
    kept = (char if char.isprintable() else " " for char in unicodedata.normalize("NFC", text))
    clean = "".join(char for char in kept if unicodedata.category(char) != "Cf")
    clean = " ".join(clean.split())
    return clean if len(clean) <= _MAX_SHOWN else clean[: _MAX_SHOWN - 1] + "…"


def _text(claims: Mapping[str, JSON], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise _refused(f"The card request lacks {name}.", "agent.request_format")
    return value


def _label(claims: Mapping[str, JSON], name: str) -> str:
    label = shown(_text(claims, name))
    if not label:
        raise _refused(f"The card request lacks {name}.", "agent.request_format")
    return label


def _jti(claims: Mapping[str, JSON]) -> str:
    value = _text(claims, "jti")
    if not _JTI.fullmatch(value):
        raise _refused("The card request's identifier is malformed.", "agent.request_format")
    return value


def _plan(claims: Mapping[str, JSON]) -> Plan:
    name = _text(claims, "plan")
    if name not in ALLOWED_PLANS:
        raise _refused("The card request asks for a plan that is not allowed.", "agent.plan")
    return PLANS[name]


def _challenge(claims: Mapping[str, JSON]) -> bytes:
    value = _bytes(claims, "challenge")
    if len(value) != 8:
        raise _refused("The challenge is not eight bytes long.", "agent.request_format")
    return value


def _bytes(claims: Mapping[str, JSON], name: str) -> bytes:
    try:
        return decode_base64url(_text(claims, name))
    except FormatError as e:
        raise _refused(f"{name} is not base64url.", "agent.request_format") from e


def _moment(claims: Mapping[str, JSON], name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**40:
        raise _refused(f"The card request lacks {name}.", "agent.request_format")
    return datetime.fromtimestamp(value, UTC)


def _own_uri(claims: Mapping[str, JSON], name: str, pinned: PinnedIssuer) -> str:
    uri = _text(claims, name)
    try:
        own = origin_of(uri) == pinned.origin
    except FormatError:
        own = False
    if not own:
        raise _refused(f"{name} is not on the issuer's origin.", "agent.foreign_uri")
    return uri


def _client_origin(claims: Mapping[str, JSON]) -> str | None:
    if "client_origin" not in claims:
        return None
    uri = _text(claims, "client_origin")
    try:
        origin = origin_of(uri)
    except FormatError as e:
        raise _refused("client_origin is not an origin.", "agent.request_format") from e
    if origin != uri:
        raise _refused("client_origin is not an origin.", "agent.request_format")
    return origin


def _refused(message: str, code: str) -> RequestRefused:
    return RequestRefused(message, code=code)
