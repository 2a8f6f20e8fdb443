"""Token revocation (RFC 7009): the token's whole family ends, the person's consent stays."""

from __future__ import annotations

from datetime import datetime

from eid.errors import OAuthError
from eid.oidc.authorization import read_request
from eid.oidc.direct import receive_call
from eid.oidc.handles import is_handle, key_of
from eid.oidc.http import Request, Response
from eid.oidc.payload import text
from eid.oidc.ports import AuditEvent, Grant
from eid.oidc.provider import Provider


def respond(provider: Provider, request: Request) -> Response:
    """``POST /revoke``: 200 whether or not there was such a token of this client (row O-040)."""
    at = provider.clock()
    call = receive_call(provider, request, path="/revoke", at=at)
    token = call.form.get("token")
    if token is None:
        raise OAuthError("invalid_request", "The token is missing.")
    if not is_handle(token):
        return Response()
    client_id = call.caller.client.client_id
    for kind in ("refresh", "access"):
        found = provider.grants.get(kind, key_of(token), at=at)
        if found is None or owner_of(found) != client_id:
            continue
        event = AuditEvent(
            kind=f"{kind}.revoked", at=at, client=client_id, account=text(found.payload, "account")
        )
        if kind == "refresh" and found.family is not None:
            provider.grants.revoke_family(found.family, at=at, events=[event])
        else:
            provider.grants.consume(kind, found.key, at=at, events=[event])
        return Response()
    _end_successors(provider, key_of(token), client_id, at=at)
    return Response()


def _end_successors(provider: Provider, key: bytes, client_id: str, *, at: datetime) -> None:
    """A client that lost the answer to a rotation has only the token of before to give back."""
    used = provider.grants.was_used("refresh", key)
    if used is None or used.family is None or used.used_at is None:
        return
    if owner_of(used) != client_id:
        return
    account = text(used.payload, "account")
    event = AuditEvent(kind="refresh.revoked", at=at, client=client_id, account=account)
    provider.grants.revoke_family(used.family, at=at, events=[event])


def owner_of(grant: Grant) -> str:
    """The client that a token was issued to."""
    if grant.kind == "refresh":
        return read_request(grant.payload.get("request")).client_id
    return text(grant.payload, "client")
