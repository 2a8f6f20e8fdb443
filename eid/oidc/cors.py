"""Which web pages may read an answer (Fetch standard §3.2): pages of the public client that asks.

Metadata and keys are for everybody. A page of another origin gets no answer that it could read,
so a hostile page cannot use a person's place in a network to talk to the provider. None of these
endpoints looks at cookies, and no answer allows credentials.
"""

from __future__ import annotations

from dataclasses import replace

from eid.errors import EidError
from eid.oidc.client import Client
from eid.oidc.handles import is_handle, key_of
from eid.oidc.http import Request, Response
from eid.oidc.payload import text
from eid.oidc.provider import Provider
from eid.oidc.settings import origin_of

ANYBODY = ("Access-Control-Allow-Origin", "*")
_HEADERS = "Authorization, Content-Type, DPoP"
_EXPOSED = "DPoP-Nonce, WWW-Authenticate"
_AGE_S = 3600


def preflight(_provider: Provider, _request: Request) -> Response:
    """``OPTIONS``: the client is not known yet, so any page may ask; reading is judged later."""
    return Response(
        status=204,
        headers=(
            ANYBODY,
            ("Access-Control-Allow-Methods", "GET, POST"),
            ("Access-Control-Allow-Headers", _HEADERS),
            ("Access-Control-Max-Age", str(_AGE_S)),
        ),
    )


def readable(provider: Provider, request: Request, answer: Response) -> Response:
    """The answer, readable by the page that asks if it is one of the client's own."""
    if request.origin is None or request.method == "OPTIONS":
        return answer
    vary = ("Vary", "Origin")
    client = _asking(provider, request)
    if client is None or not client.is_public or request.origin not in _origins(client):
        return replace(answer, headers=(*answer.headers, vary))
    allowed = ("Access-Control-Allow-Origin", request.origin)
    exposed = ("Access-Control-Expose-Headers", _EXPOSED)
    return replace(answer, headers=(*answer.headers, vary, allowed, exposed))


def _origins(client: Client) -> frozenset[str]:
    return frozenset(origin_of(uri) for uri in client.redirect_uris)


def _asking(provider: Provider, request: Request) -> Client | None:
    """The client that a form names, or whose access token it is."""
    try:
        if request.authorization is None:
            client_id = request.form().get("client_id")
        else:
            client_id = _of_token(provider, request.authorization.partition(" ")[2].strip())
        return None if client_id is None else provider.clients.by_id(client_id)
    except EidError:
        return None


def _of_token(provider: Provider, token: str) -> str | None:
    if not is_handle(token):
        return None
    grant = provider.grants.get("access", key_of(token), at=provider.clock())
    return None if grant is None else text(grant.payload, "client")
