"""The userinfo endpoint (OIDC Core §5.3, RFC 6750, RFC 9449 §7): claims for a live access token."""

from __future__ import annotations

from datetime import datetime

from eid.errors import OAuthError
from eid.keys import JSON, sign_jwt
from eid.levels.account import Account
from eid.oidc.claims import released, values
from eid.oidc.client import Client
from eid.oidc.dpop import Target, algorithms_of, new_nonce, proven_key
from eid.oidc.handles import is_handle, key_of
from eid.oidc.http import Request, Response, json_response
from eid.oidc.issue import is_open
from eid.oidc.payload import Payload, optional_text, text, texts
from eid.oidc.ports import AuditEvent, Grant
from eid.oidc.provider import Provider
from eid.oidc.verified import verified_claims

JWT = "application/jwt"


def respond(provider: Provider, request: Request) -> Response:
    """``GET`` or ``POST /userinfo``; the token comes in the Authorization header only."""
    at = provider.clock()
    grant = bearer_of(provider, request, at=at)
    account = provider.accounts.by_id(text(grant.payload, "account"))
    client = provider.served(text(grant.payload, "client"))
    if account is None or client is None or not is_open(account.state):
        raise invalid_token()
    claims = _claims(provider, grant.payload, account)
    told = AuditEvent(
        kind="userinfo.told",
        at=at,
        account=account.id,
        client=client.client_id,
        detail={"claims": " ".join(claims)},
    )
    provider.grants.record([told])
    claims["sub"] = provider.accounts.subject(account.id, client.sector)
    bound = "jkt" in grant.payload
    headers = (("DPoP-Nonce", new_nonce(provider, at=at)),) if bound else ()
    return _answer(provider, client, claims, headers=headers)


def bearer_of(provider: Provider, request: Request, *, at: datetime) -> Grant:
    """The live token of the request, with its proof where it is bound; OAuthError 401."""
    scheme, token = _credentials(request)
    grant = provider.grants.get("access", key_of(token), at=at) if is_handle(token) else None
    if grant is None or optional_text(grant.payload, "resource") is not None:
        raise invalid_token(dpop=scheme == "dpop")
    jkt, bound = None, optional_text(grant.payload, "jkt")
    if scheme == "dpop":  # after the token: nobody without one fills the store with proofs
        url = provider.settings.url("/userinfo")
        target = Target(method=request.method, url=url, access_token=token)
        jkt = _proven(provider, request, grant, target, at=at)
    if bound != jkt:
        raise invalid_token(dpop=bound is not None)
    return grant


def invalid_token(*, dpop: bool = False) -> OAuthError:
    """The token is unknown, expired, revoked or in wrong hands (RFC 6750 §3.1)."""
    description = "The access token is not valid."
    if dpop:
        return OAuthError("invalid_token", description, status=401, scheme="DPoP")
    return OAuthError("invalid_token", description, status=401)


def _claims(provider: Provider, payload: Payload, account: Account) -> dict[str, JSON]:
    claims = values(released((), texts(payload, "claims")), account.profile)
    verified = verified_claims(
        account,
        values(released((), texts(payload, "verified")), account.profile),
        framework=provider.settings.trust_framework,
        prefix=provider.settings.acr_prefix,
        accepted=texts(payload, "frameworks"),
    )
    return claims if verified is None else {**claims, "verified_claims": verified}


def _answer(
    provider: Provider,
    client: Client,
    claims: dict[str, JSON],
    *,
    headers: tuple[tuple[str, str], ...],
) -> Response:
    """As JSON, or signed where the client is registered for it (OIDC Core §5.3.2)."""
    if client.userinfo_alg is None:
        return json_response(claims, headers=headers)
    named = {**claims, "iss": provider.settings.issuer, "aud": client.client_id}
    signed = sign_jwt(named, provider.keys.token_key(client.userinfo_alg), typ="JWT")
    return Response(body=signed.encode(), content_type=JWT, headers=headers)


def _proven(
    provider: Provider, request: Request, grant: Grant, target: Target, *, at: datetime
) -> str:
    client = provider.served(text(grant.payload, "client"))
    if client is None:
        raise invalid_token(dpop=True)
    allowed = algorithms_of(client)
    try:
        jkt = proven_key(provider, request, target, algorithms=allowed, at=at)
    except OAuthError as error:
        facts = {name: value for name, value in error.facts.items() if name == "dpop_nonce"}
        raise OAuthError(
            error.error, error.description, status=401, scheme="DPoP", **facts
        ) from error
    if jkt is None:
        raise invalid_token(dpop=True)
    return jkt


def _credentials(request: Request) -> tuple[str, str]:
    """Scheme and token of the header; a token in the query or the body is refused (row O-039)."""
    if "access_token" in request.query or b"access_token" in request.body:
        raise OAuthError("invalid_request", "The token belongs in the Authorization header.")
    scheme, _, token = (request.authorization or "").partition(" ")
    if scheme.lower() not in {"bearer", "dpop"}:
        raise OAuthError("unauthorized", "An access token is needed.", status=401)
    return scheme.lower(), token.strip()
