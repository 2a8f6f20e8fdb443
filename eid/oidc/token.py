"""The token endpoint: a code becomes tokens, exactly once.

(RFC 6749 §4.1.3, RFC 7636 §4.6, OIDC Core §3.1.3.) The code is used up, and the tokens' rows
written, in one transaction; only its one winner signs anything. A code that comes back kills
its whole family (RFC 9700 §4.5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NoReturn

from eid.errors import OAuthError
from eid.keys import JSON
from eid.oidc import pkce, refresh
from eid.oidc.client_auth import AuthenticatedClient
from eid.oidc.direct import Call, receive_call
from eid.oidc.dpop import new_nonce
from eid.oidc.granted import Granted
from eid.oidc.handles import is_handle, key_of, new_handle
from eid.oidc.http import Request, Response, json_response
from eid.oidc.issue import (
    access_row,
    answer_with,
    id_token,
    is_open,
    refresh_row,
    token_event,
)
from eid.oidc.ports import Grant
from eid.oidc.provider import Provider

Exchange = Callable[[Provider, Call, datetime], dict[str, JSON]]


def respond(provider: Provider, request: Request) -> Response:
    """``POST /token``; OAuthError in the words of RFC 6749 §5.2."""
    at = provider.clock()
    call = receive_call(provider, request, path="/token", at=at)
    grant_type = call.form.get("grant_type")
    if grant_type is None:
        raise OAuthError("invalid_request", "The grant_type is missing.")
    exchange = EXCHANGES.get(grant_type)
    if exchange is None:
        raise OAuthError("unsupported_grant_type", "This grant_type is not offered.")
    if grant_type not in call.caller.client.grant_types:
        raise OAuthError("unauthorized_client", "The client is not registered for this grant.")
    if call.caller.client.requires_dpop and call.jkt is None:
        raise OAuthError("invalid_dpop_proof", "This client has to send a DPoP proof.")
    bound = () if call.jkt is None else (("DPoP-Nonce", new_nonce(provider, at=at)),)
    return json_response(exchange(provider, call, at), headers=bound)


def redeem(provider: Provider, call: Call, at: datetime) -> dict[str, JSON]:
    """The token response for a code; ``invalid_grant`` otherwise.

    A code that is sent with a wrong redirect URI, verifier, key or client is used up without
    effect: it is in wrong hands.
    """
    code, caller = call.form.get("code"), call.caller
    if code is None:
        raise OAuthError("invalid_request", "The code is missing.")
    key = key_of(code) if is_handle(code) else b""
    grant = provider.grants.get("code", key, at=at) if key else None
    if grant is None:
        _replayed(provider, caller, key, at=at)
    granted = Granted.from_json(grant.payload)
    account = provider.accounts.by_id(granted.account_id)
    if account is None or not _belongs(granted, call) or not is_open(account.state):
        _spoil(provider, caller, granted, grant, at=at)
    if call.form.get("resource") not in {None, granted.request.resource}:
        raise OAuthError("invalid_target", "The code was not granted for this resource.")
    access, scopes = new_handle(provider.rng), granted.request.scopes
    answer = answer_with(provider, access, scopes=scopes, jkt=call.jkt)
    issue = [
        access_row(provider, granted, access, grant.family, scopes=scopes, jkt=call.jkt, at=at)
    ]
    if caller.client.refreshes and grant.family is not None and granted.kiosk is None:
        answer["refresh_token"] = token = new_handle(provider.rng)
        until = at + timedelta(seconds=provider.settings.refresh_s)
        issue.append(refresh_row(granted, token, grant.family, jkt=call.jkt, until=until))
    issued = token_event("token.issued", granted, caller, at)
    consumed = provider.grants.consume("code", key, at=at, issue=issue, events=[issued])
    if consumed is None:
        _replayed(provider, caller, key, at=at)
    answer["id_token"] = id_token(provider, caller.client, granted, account, access, at=at)
    return answer


EXCHANGES: Mapping[str, Exchange] = {
    "authorization_code": redeem,
    "refresh_token": refresh.exchange,
}


def _belongs(granted: Granted, call: Call) -> bool:
    request, form = granted.request, call.form
    verifier = form.get("code_verifier")
    if request.code_challenge is None:
        proven = verifier is None
    else:
        proven = pkce.matches(verifier, request.code_challenge)
    return (
        request.client_id == call.caller.client.client_id
        and request.redirect_uri == form.get("redirect_uri")
        and request.jkt in {None, call.jkt}
        and proven
    )


def _spoil(
    provider: Provider,
    caller: AuthenticatedClient,
    granted: Granted,
    grant: Grant,
    *,
    at: datetime,
) -> NoReturn:
    """Use up a code that came with the wrong proof, and refuse it."""
    misused = token_event("code.misused", granted, caller, at)
    if provider.grants.consume("code", grant.key, at=at, events=[misused]) is None:
        _replayed(provider, caller, grant.key, at=at)
    _refuse()


def _replayed(
    provider: Provider, caller: AuthenticatedClient, key: bytes, *, at: datetime
) -> NoReturn:
    """A code that is not live: if it was used before, every token of its family dies."""
    used = provider.grants.was_used("code", key) if key else None
    if used is not None and used.family is not None:
        event = token_event("code.replayed", Granted.from_json(used.payload), caller, at)
        provider.grants.revoke_family(used.family, at=at, events=[event])
    _refuse()


def _refuse() -> NoReturn:
    raise OAuthError("invalid_grant", "The code is unknown, used, too old or not for this call.")
