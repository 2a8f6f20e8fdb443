"""Our own ID tokens when they come back as hints (OIDC Core §3.1.2.1, RP-Initiated Logout §2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from eid.errors import RequestRefused
from eid.keys import JwkSet, verify_jws
from eid.oidc.provider import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What an authentic ID token says; it may have expired."""

    client_id: str
    subject: str = field(repr=False)
    sid: str | None = field(default=None, repr=False)


def hinted(provider: Provider, token: str, *, client_id: str | None = None) -> Hint:
    """The hint of one of our ID tokens, for this client if one is named; EidError otherwise."""
    claims = verify_jws(token, JwkSet.of(*provider.keys.published), typ="JWT")
    audience, subject, sid = claims.get("aud"), claims.get("sub"), claims.get("sid")
    if claims.get("iss") != provider.settings.issuer or not isinstance(subject, str):
        raise RequestRefused("The token is from another issuer.", code="jwt.issuer")
    if not isinstance(audience, str) or client_id not in {None, audience}:
        raise RequestRefused("The token is for another audience.", code="jwt.audience")
    return Hint(client_id=audience, subject=subject, sid=sid if isinstance(sid, str) else None)
