"""The public keys of a client: registered by value, or fetched from its ``jwks_uri``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from eid.errors import EidError, RequestRefused, SignatureInvalid
from eid.keys import JSON, JwkSet, decode_base64url, parse_json_object, verify_jws
from eid.oidc.client import Client
from eid.oidc.provider import Provider

MAX_SIGNED = 64 * 1024
NO_KEYS = "client_keys"
"""The reason of a refusal where the keys could not be had: nothing is wrong with what they signed."""


def verified_by_client(
    provider: Provider,
    client: Client,
    token: str,
    *,
    algorithms: Collection[str],
    types: Collection[str],
    at: datetime,
) -> dict[str, JSON]:
    """The payload of a JWS that one of the client's own keys signed; EidError otherwise.

    Says nothing of audience and time. The algorithm is the key's and must be allowed; the type
    may be absent.
    """
    header = parse_json_object(decode_base64url(token.partition(".")[0]))
    if header.get("alg") not in algorithms:
        raise SignatureInvalid("The algorithm is not allowed here.", code="jws.algorithm")
    given = header.get("typ")
    if given is not None and given not in types:
        raise RequestRefused("The token is of another kind.", code="jws.type")
    typ = None if given in {None, "JWT"} else str(given)
    try:
        return verify_jws(token, keys_of(provider, client), typ=typ, max_size=MAX_SIGNED)
    except EidError:
        if client.jwks_uri is None:
            raise
    fresh = provider.client_keys(client.jwks_uri, at, fresh=True)
    return verify_jws(token, fresh, typ=typ, max_size=MAX_SIGNED)


def keys_of(provider: Provider, client: Client, *, at: datetime | None = None) -> JwkSet:
    """The keys, as last fetched where they have an address; Unavailable if that fails."""
    if client.jwks_uri is None:
        return client.inline_keys()
    return provider.client_keys(client.jwks_uri, at or provider.clock(), fresh=False)
