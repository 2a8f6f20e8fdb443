"""Where an authorization request's parameters come from: the query, a signed object, a pushed request.

(RFC 9101, RFC 9126 §4.) Only one source counts; what stands beside it is not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from eid.errors import OAuthError
from eid.oidc.claims import MAX_CLAIMS
from eid.oidc.client import Client
from eid.oidc.handles import is_handle, key_of
from eid.oidc.http import Parameters
from eid.oidc.payload import members, optional_text, text
from eid.oidc.provider import Provider
from eid.oidc.request_object import signed_parameters

LIMITS: Mapping[str, int] = {"claims": MAX_CLAIMS, "request": 1 << 15, "id_token_hint": 1 << 14}
REFERENCE_PREFIX = "urn:ietf:params:oauth:request_uri:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the parameters that count came from: the query, a signed object, a pushed request.

    ``pushed`` is the pushed request's key, ``jkt`` the key that was proven when it was pushed.
    """

    parameters: Parameters
    signed: bool = False
    pushed: bytes | None = field(default=None, repr=False)
    jkt: str | None = None


def source_of(
    provider: Provider, client: Client, parameters: Parameters, *, at: datetime
) -> Source:
    """The parameters that count; OAuthError for a page if a reference or an object is no good."""
    reference, signed = parameters.get("request_uri"), parameters.get("request")
    if reference is not None and signed is not None:  # RFC 9101 §5
        raise OAuthError("invalid_request", "A request and a request_uri exclude each other.")
    if reference is not None and reference.startswith(REFERENCE_PREFIX):
        return _pushed_source(provider, client, reference.removeprefix(REFERENCE_PREFIX), at=at)
    if signed is not None and client.has_keys:
        return signed_source(provider, client, signed, at=at)
    return Source(parameters=parameters)


def signed_source(provider: Provider, client: Client, token: str, *, at: datetime) -> Source:
    """The parameters of a request object."""
    inside = signed_parameters(provider, client, token, limits=LIMITS, at=at)
    return Source(parameters=inside, signed=True)


def _pushed_source(provider: Provider, client: Client, handle: str, *, at: datetime) -> Source:
    """What was pushed, for its own client, until a code was issued for it (RFC 9126 §4)."""
    key = key_of(handle) if is_handle(handle) else b""
    grant = provider.grants.get("par", key, at=at) if key else None
    if grant is None or text(grant.payload, "client") != client.client_id:
        raise OAuthError("invalid_request_uri", "The pushed request is unknown or too old.")
    if provider.grants.get("par_done", key, at=at) is not None:
        raise OAuthError("invalid_request_uri", "The pushed request was used before.")
    pushed = members(grant.payload, "parameters")
    return Source(
        parameters=Parameters(values={name: str(value) for name, value in pushed.items()}),
        signed=grant.payload.get("signed") is True,
        pushed=key,
        jkt=optional_text(grant.payload, "dpop_jkt"),
    )
