"""Client assertions: ``private_key_jwt`` (RFC 7523, OIDC Core §9, FAPI 2.0 §5.3.3.1).

The audience depends on the client's profile: ``basic`` takes the issuer or the endpoint that is
called, ``fapi2`` only the issuer, as a string. An assertion counts once, over all nodes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from eid.errors import EidError, OAuthError, Unavailable
from eid.keys import JSON, decode_base64url, parse_json_object, verify_jws
from eid.oidc.client import Client
from eid.oidc.client_keys import NO_KEYS, verified_by_client
from eid.oidc.handles import key_of
from eid.oidc.ports import Grant
from eid.oidc.provider import Provider

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_ASSERTION = 8192
MAX_JTI = 256
LEEWAY_S = 30
LONGEST_S = {"basic": 3700, "fapi2": 660}
ALGORITHMS = {
    "basic": frozenset({"ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"}),
    "fapi2": frozenset({"ES256", "PS256", "EdDSA"}),
}
_TYPES = ("JWT", "client-authentication+jwt")


def named_client(assertion: str) -> str:
    """The client that an assertion claims to be from: proves nothing yet. FormatError."""
    claims = parse_json_object(decode_base64url(assertion.split(".", 3)[1]))
    return str(claims.get("sub"))


def check_assertion(
    provider: Provider, client: Client, assertion: str, *, endpoint: str, at: datetime
) -> None:
    """OAuthError ``invalid_client`` unless the client made this, for us, now, the first time."""
    try:
        claims = verified_by_client(
            provider, client, assertion, algorithms=ALGORITHMS[client.profile], types=_TYPES, at=at
        )
        expires = _judged(provider, client, claims, endpoint=endpoint, at=at)
    except Unavailable as error:
        raise refused(client.client_id, reason=NO_KEYS) from error
    except EidError as error:
        raise refused(client.client_id) from error
    seen = Grant(
        kind="jti",
        key=key_of(f"assertion:{client.client_id}:{claims['jti']}"),
        payload={},
        expires_at=datetime.fromtimestamp(expires, UTC) + timedelta(seconds=2 * LEEWAY_S),
    )
    if not provider.grants.claim(seen):
        raise refused(client.client_id)


def refused(client_id: str = "", *, reason: str = "assertion") -> OAuthError:
    """One answer for every reason; the record knows whether the assertion or its keys failed."""
    return OAuthError(
        "invalid_client",
        "The client did not authenticate as it is registered.",
        status=401,
        reason=reason,
        client=client_id,
    )


def _judged(
    provider: Provider, client: Client, claims: dict[str, JSON], *, endpoint: str, at: datetime
) -> int:
    """The expiry, after issuer, subject, audience, times and jti were judged."""
    now, audience, jti = int(at.timestamp()), claims.get("aud"), claims.get("jti")
    if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
        raise refused()
    if client.profile == "fapi2":
        right = audience == provider.settings.issuer
    else:
        named = [audience] if isinstance(audience, str) else audience
        token_endpoint = provider.settings.url("/token")
        accepted = {provider.settings.issuer, token_endpoint, endpoint}
        right = isinstance(named, list) and len(named) <= 8 and any(a in accepted for a in named)
    if not right or not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
        raise refused()
    expires = _time(claims, "exp")
    if expires is None or not now - LEEWAY_S < expires <= now + LONGEST_S[client.profile]:
        raise refused()
    if any((_time(claims, name) or 0) > now + LEEWAY_S for name in ("nbf", "iat")):
        raise refused()
    return expires


def _time(claims: dict[str, JSON], name: str) -> int | None:
    value = claims.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise refused()
    return value
