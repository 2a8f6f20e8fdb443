"""Card login on an enrolled kiosk: its own signature, no session, and an end with the card.

(Contracts §5.) The kiosk's statement binds the evidence to the card request and to the kiosk. A
login at a kiosk leaves no session, no cookie and no refresh token behind; when the card is taken
away before it is finished, it is over: ``POST /kiosk/gone``.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import TYPE_CHECKING

from eid.errors import FormatError, RequestRefused
from eid.keys import JwkSet, PublicKey, decode_base64url, verify_jwt
from eid.oidc.handles import is_handle, key_of
from eid.oidc.http import Request, Response, json_response
from eid.oidc.kiosks import authenticate, kiosks_of
from eid.oidc.payload import octets, optional_text
from eid.oidc.ports import AuditEvent
from eid.oidc.provider import Provider

if TYPE_CHECKING:
    from eid.oidc.card_login import Envelope

STATEMENT_TYP = "eid-kiosk-evidence+jwt"


def read_by(provider: Provider, envelope: Envelope, *, at: datetime) -> str | None:
    """The enrolled kiosk that signed this evidence, None where no kiosk did.

    RequestRefused when it says so and it does not hold: unknown, revoked, another evidence.
    """
    if envelope.kiosk is None or envelope.statement is None:
        return None
    kiosk = kiosks_of(provider).by_id(envelope.kiosk)
    if kiosk is None:
        raise RequestRefused("This kiosk is not enrolled here.", code="kiosk.unknown")
    if kiosk.revoked_at is not None:
        raise RequestRefused("This kiosk's rights were ended.", code="kiosk.revoked")
    claims = verify_jwt(
        envelope.statement,
        JwkSet.of(PublicKey.from_jwk(kiosk.jwk)),
        typ=STATEMENT_TYP,
        issuer=kiosk.id,
        audience=provider.settings.issuer,
        at=at,
    )
    digest = decode_base64url(str(claims.get("evidence", "")))
    same = hmac.compare_digest(digest, envelope.evidence.digest())
    if claims.get("jti") != envelope.jti or not same:
        raise RequestRefused("The kiosk signed something else.", code="kiosk.evidence")
    return kiosk.id


def card_gone(provider: Provider, request: Request) -> Response:
    """``POST /kiosk/gone``: the card was taken away; the login that it began is over."""
    at = provider.clock()
    caller = authenticate(provider, request.form(), at=at, purpose="gone")
    jti = caller.claims.get("card_request")
    if not isinstance(jti, str) or not is_handle(jti):
        raise FormatError("The card request is missing.", code="kiosk.form")
    asked = provider.grants.was_used("card_request", key_of(jti))
    ended = asked is not None and _end(provider, octets(asked.payload, "interaction"),
                                       caller.kiosk.id, at=at)  # fmt: skip
    return json_response({"ended": ended})


def _end(provider: Provider, key: bytes, kiosk: str, *, at: datetime) -> bool:
    """End the interaction if it goes on at this kiosk; what is finished stays finished."""
    grant = provider.grants.get("interaction", key, at=at)
    if grant is None or optional_text(grant.payload, "kiosk") != kiosk:
        return False
    gone = AuditEvent(
        kind="kiosk.card_gone", at=at, interaction=key.hex()[:16], detail={"kiosk": kiosk}
    )
    return provider.grants.consume("interaction", key, at=at, events=[gone]) is not None
