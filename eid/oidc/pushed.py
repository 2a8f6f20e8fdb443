"""Pushed authorization requests (RFC 9126): judged when they come, used once when they end.

Reloading the page before the login ends is no second use: a request is over when a code was
issued for it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from eid.errors import OAuthError
from eid.keys import JSON
from eid.oidc.authorize import judge
from eid.oidc.direct import Call, receive_call
from eid.oidc.handles import key_of, new_handle
from eid.oidc.http import Request, Response, json_response
from eid.oidc.ports import AuditEvent, Grant
from eid.oidc.provider import Provider
from eid.oidc.recipient import registered_redirect_uri
from eid.oidc.request_source import LIMITS, REFERENCE_PREFIX, Source, signed_source

_OF_THE_CALL = frozenset({"client_secret", "client_assertion", "client_assertion_type", "request"})


def respond(provider: Provider, request: Request) -> Response:
    """``POST /par``; OAuthError where the request would be refused at the authorization endpoint."""
    at = provider.clock()
    call = receive_call(provider, request, path="/par", limits=LIMITS, at=at)
    form, client = call.form, call.caller.client
    if form.get("request_uri") is not None:
        raise OAuthError("invalid_request", "A request_uri cannot be pushed.")
    source = _source(provider, call, at=at)
    registered_redirect_uri(client, source.parameters)
    judge(provider, client, source)
    reference = new_handle(provider.rng)
    payload: dict[str, JSON] = {
        "client": client.client_id,
        "parameters": dict(source.parameters.values),
        "dpop_jkt": call.jkt,
        "signed": source.signed,
    }
    lives = provider.settings.par_s
    provider.grants.put(
        Grant(
            kind="par",
            key=key_of(reference),
            payload=payload,
            expires_at=at + timedelta(seconds=lives),
        ),
        events=[AuditEvent(kind="authorize.pushed", at=at, client=client.client_id)],
    )
    body: dict[str, JSON] = {"request_uri": REFERENCE_PREFIX + reference, "expires_in": lives}
    return json_response(body, status=201)


def _source(provider: Provider, call: Call, *, at: datetime) -> Source:
    form, client = call.form, call.caller.client
    own = {name: value for name, value in form.values.items() if name not in _OF_THE_CALL}
    plain = replace(form, values=own)
    request_object = form.get("request")
    if request_object is not None:
        source = signed_source(provider, client, request_object, at=at)
    else:
        source = Source(parameters=plain)
    bound = source.parameters.get("dpop_jkt")
    if call.jkt is not None and bound not in {None, call.jkt}:
        raise OAuthError("invalid_dpop_proof", "The dpop_jkt is not of the proof's key.")
    return replace(source, pushed=key_of("being pushed"), jkt=call.jkt)
