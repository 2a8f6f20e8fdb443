"""The signed request that our page hands to the card agent (contracts §2, §5.1).

The challenge lives in the row of its card request, for two minutes; it is bound to issuer,
client, login and browser.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from eid.keys import JSON, encode_base64url, sign_jwt
from eid.levels.challenge import derive_challenge
from eid.oidc import session as sessions
from eid.oidc.handles import key_of, new_handle
from eid.oidc.interaction import Interaction, event
from eid.oidc.login import client_of
from eid.oidc.ports import Grant
from eid.oidc.provider import Provider
from eid.oidc.session import Session
from eid.oidc.settings import origin_of

REQUEST_TYP = "eid-card-request+jwt"
AUDIENCE = "eid-agent"
PURPOSE = "Đăng nhập / Log in"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRequest:
    """The signed request for the agent, and the login that now waits for its answer."""

    session: Session
    token: str = field(repr=False)


def ask(provider: Provider, session: Session, *, at: datetime) -> CardRequest:
    """A new card request for this browser; an earlier one of the same login is void."""
    interaction, settings = session.interaction, provider.settings
    jti = new_handle(provider.rng)
    challenge = derive_challenge(
        issuer=settings.issuer,
        client_id=interaction.request.client_id,
        transaction_id=interaction.reference,
        cookie_hash=interaction.cookie_hash,
        random=provider.rng(32),
    )
    asked = replace(interaction.moved("card_asked"), card_request=key_of(jti))
    payload: dict[str, JSON] = {
        "interaction": encode_base64url(interaction.key),
        "cookie_hash": encode_base64url(interaction.cookie_hash),
        "challenge": encode_base64url(challenge),
    }
    lives_until = min(at + timedelta(seconds=settings.challenge_s), interaction.expires_at)
    provider.grants.put(
        Grant(kind="card_request", key=key_of(jti), payload=payload, expires_at=lives_until),
        events=[event(interaction, "card.requested", at)],
    )
    saved = sessions.save(provider, asked, at=at)
    token = sign_jwt(
        _claims(provider, saved, jti, challenge, at), provider.keys.card_requests, typ=REQUEST_TYP
    )
    return CardRequest(session=replace(session, interaction=saved), token=token)


def _claims(
    provider: Provider, interaction: Interaction, jti: str, challenge: bytes, at: datetime
) -> dict[str, JSON]:
    settings, issued = provider.settings, int(at.timestamp())
    return {
        "iss": settings.issuer,
        "aud": AUDIENCE,
        "jti": jti,
        "iat": issued,
        "exp": issued + settings.card_request_s,
        "client_name": client_of(provider, interaction).name,
        "client_origin": origin_of(interaction.request.redirect_uri),
        "purpose": PURPOSE,
        "plan": settings.card_plan,
        "challenge": encode_base64url(challenge),
        "cookie_hash": encode_base64url(interaction.cookie_hash),
        "return_uri": settings.url(f"/interaction/{interaction.id}/card/return"),
        "evidence_uri": settings.url("/card/evidence"),
    }
