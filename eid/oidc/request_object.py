"""Signed request objects (RFC 9101): what the client signed wins, what came beside it is not read.

``iss``, ``aud`` and ``exp`` are demanded of everybody, ``nbf`` in the profile ``fapi2``; an object
lives an hour at most (FAPI 2.0 Message Signing §5.3.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from eid.errors import EidError, OAuthError, Unavailable
from eid.keys import JSON, canonical_json
from eid.oidc.assertion import ALGORITHMS
from eid.oidc.client import Client
from eid.oidc.client_keys import NO_KEYS, verified_by_client
from eid.oidc.http import MAX_NAME, MAX_VALUE, Parameters, has_controls
from eid.oidc.provider import Provider

TYPES = ("JWT", "oauth-authz-req+jwt")
LEEWAY_S = 30
LONGEST_S = 3600
_OF_THE_TOKEN = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})
MAX_MEMBERS = 64


def signed_parameters(
    provider: Provider,
    client: Client,
    token: str,
    *,
    limits: Mapping[str, int],
    at: datetime,
) -> Parameters:
    """The parameters inside; OAuthError ``invalid_request_object`` unless all is in order."""
    claims = _opened(provider, client, token, at=at)
    _check(provider, client, claims, at=at)
    values, overlong = {}, set()
    for name, value in claims.items():
        if name in _OF_THE_TOKEN or value is None:
            continue
        text = _text(value)
        if len(name) > MAX_NAME or has_controls(name) or has_controls(text):
            raise refused("The request object holds a parameter that no query could.")
        if len(text) > limits.get(name, MAX_VALUE):
            overlong.add(name)
        elif text:
            values[name] = text
    return Parameters(values=values, overlong=frozenset(overlong))


def refused(description: str) -> OAuthError:
    """The request object cannot be used."""
    return OAuthError("invalid_request_object", description)


def _opened(provider: Provider, client: Client, token: str, *, at: datetime) -> Mapping[str, JSON]:
    """What the client signed."""
    try:
        return verified_by_client(
            provider, client, token, algorithms=ALGORITHMS[client.profile], types=TYPES, at=at
        )
    except OAuthError:
        raise
    except Unavailable as error:
        said = "The client's keys cannot be had now."
        raise OAuthError("invalid_request_object", said, reason=NO_KEYS) from error
    except EidError as error:
        raise refused("The request object is not one that the client signed.") from error


def _check(
    provider: Provider, client: Client, claims: Mapping[str, JSON], *, at: datetime
) -> None:
    if len(claims) > MAX_MEMBERS or {"request", "request_uri"} & claims.keys():
        raise refused("The request object refers to another one.")
    if claims.get("iss") != client.client_id:
        raise refused("The request object is not from this client.")
    if claims.get("client_id") not in {None, client.client_id}:
        raise refused("The request object is for another client.")
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or provider.settings.issuer not in named:
        raise refused("The request object is for another provider.")
    now = int(at.timestamp())
    expires, start = _time(claims, "exp"), _time(claims, "nbf")
    if expires is None or not now - LEEWAY_S < expires <= now + LONGEST_S + LEEWAY_S:
        raise refused("The request object has expired, or lives too long.")
    if start is None and client.profile == "fapi2":
        raise refused("The request object has no nbf.")
    if start is not None and not now - LONGEST_S - LEEWAY_S <= start <= now + LEEWAY_S:
        raise refused("The request object is not valid yet, or was valid too long ago.")


def _time(claims: Mapping[str, JSON], name: str) -> int | None:
    value = claims.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise refused(f"The request object's {name} is no time.")
    return value


def _text(value: JSON) -> str:
    if isinstance(value, str):
        return value
    return canonical_json(value).decode()
