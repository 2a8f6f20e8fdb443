"""The userinfo endpoint (OIDC Core §5.3, RFC 6750): claims for a live access token."""

from __future__ import annotations

from eid.errors import OAuthError
from eid.oidc.claims import released, values
from eid.oidc.handles import is_handle, key_of
from eid.oidc.http import Request, Response, json_response
from eid.oidc.payload import text, texts
from eid.oidc.ports import AuditEvent
from eid.oidc.provider import Provider


def respond(provider: Provider, request: Request) -> Response:
    """``GET`` or ``POST /userinfo``; the token comes in the Authorization header only."""
    token = _bearer(request)
    at = provider.clock()
    grant = provider.grants.get("access", key_of(token), at=at) if is_handle(token) else None
    if grant is None:
        raise invalid_token()
    account = provider.accounts.by_id(text(grant.payload, "account"))
    client = provider.client(text(grant.payload, "client"))
    if account is None or client is None or account.state in {"locked", "closed"}:
        raise invalid_token()
    claims = values(released((), texts(grant.payload, "claims")), account.profile)
    provider.grants.record(
        [
            AuditEvent(
                kind="userinfo.told",
                at=at,
                account=account.id,
                client=client.client_id,
                detail={"claims": " ".join(claims)},
            )
        ]
    )
    subject = provider.accounts.subject(account.id, client.sector)
    return json_response({**claims, "sub": subject})


def invalid_token() -> OAuthError:
    """The token is unknown, expired or revoked (RFC 6750 §3.1)."""
    return OAuthError("invalid_token", "The access token is not valid.", status=401)


def _bearer(request: Request) -> str:
    """The token of the header; one in the query or the body is refused (row O-039)."""
    if "access_token" in request.query or b"access_token" in request.body:
        raise OAuthError("invalid_request", "The token belongs in the Authorization header.")
    if request.authorization is None:
        raise OAuthError("unauthorized", "An access token is needed.", status=401)
    scheme, _, token = request.authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise OAuthError("unauthorized", "An access token is needed.", status=401)
    return token.strip()
