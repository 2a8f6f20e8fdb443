"""Token introspection (RFC 7662): what a live token is worth, for those it concerns.

A client may ask about its own tokens and, if it serves a resource, about that resource's. To
everybody else every token is inactive. The level and time of the login are there for step-up
(RFC 9470 §6.2).
"""

from __future__ import annotations

from eid.errors import OAuthError
from eid.keys import JSON
from eid.oidc.client import Client
from eid.oidc.direct import receive_call
from eid.oidc.granted import Granted
from eid.oidc.handles import is_handle, key_of
from eid.oidc.http import Request, Response, json_response
from eid.oidc.issue import is_open
from eid.oidc.payload import integer, members, optional_text, text
from eid.oidc.ports import Grant
from eid.oidc.provider import Provider
from eid.oidc.revocation import owner_of


def respond(provider: Provider, request: Request) -> Response:
    """``POST /introspect``; OAuthError ``invalid_client`` for a public client (row O-035)."""
    at = provider.clock()
    call = receive_call(provider, request, path="/introspect", at=at)
    token, client = call.form.get("token"), call.caller.client
    if client.is_public:
        raise OAuthError("invalid_client", "A public client cannot introspect.", status=401)
    if token is None:
        raise OAuthError("invalid_request", "The token is missing.")
    if is_handle(token):
        for kind in ("access", "refresh"):
            found = provider.grants.get(kind, key_of(token), at=at)
            if found is not None and _concerns(client, found):
                return json_response(_described(provider, client, found))
    return json_response({"active": False})


def _concerns(client: Client, grant: Grant) -> bool:
    resource = optional_text(grant.payload, "resource")
    served = client.audience is not None and resource == client.audience
    return served or owner_of(grant) == client.client_id


def _described(provider: Provider, client: Client, grant: Grant) -> dict[str, JSON]:
    payload = grant.payload
    account_id = text(payload, "account")
    if provider.served(owner_of(grant)) is None or not _lives(provider, grant, account_id):
        return {"active": False}
    described: dict[str, JSON] = {
        "active": True,
        "client_id": owner_of(grant),
        "sub": provider.accounts.subject(account_id, client.sector),
        "iss": provider.settings.issuer,
        "exp": int(grant.expires_at.timestamp()),
    }
    if grant.kind == "access":
        jkt, resource = optional_text(payload, "jkt"), optional_text(payload, "resource")
        described |= members(payload, "authentication")
        described |= {
            "scope": text(payload, "scope"),
            "iat": integer(payload, "iat"),
            "aud": resource or provider.settings.issuer,
            "token_type": "Bearer" if jkt is None else "DPoP",
        }
        if jkt is not None:
            described["cnf"] = {"jkt": jkt}
    return described


def _lives(provider: Provider, grant: Grant, account_id: str) -> bool:
    """Whether the person can still be served; of a refresh token the account is as it was too."""
    if grant.kind == "refresh":
        account, granted = provider.accounts.by_id(account_id), Granted.from_json(grant.payload)
        if account is None or account.version != granted.version:
            return False
        return is_open(account.state)
    state = provider.accounts.state(account_id)
    return state is not None and is_open(state)
