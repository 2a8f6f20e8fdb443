"""Who calls the token endpoint (RFC 6749 §2.3, RFC 7523): basic, post, an assertion, or none.

Only :func:`authenticate` makes an :class:`AuthenticatedClient`: holding one is the proof.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn
from urllib.parse import unquote_plus

from eid.errors import FormatError, OAuthError
from eid.oidc.assertion import ASSERTION_TYPE, check_assertion, named_client
from eid.oidc.client import AuthMethod, Client
from eid.oidc.client_secrets import is_secret
from eid.oidc.http import Parameters
from eid.oidc.provider import Provider

MAX_AUTHORIZATION = 1024


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """A client that proved, or being public only named, who it is."""

    client: Client


@dataclass(frozen=True, slots=True)
class _Credentials:
    method: AuthMethod
    client_id: str
    secret: str = field(repr=False)


def authenticate(
    provider: Provider,
    authorization: str | None,
    form: Parameters,
    *,
    endpoint: str,
    at: datetime,
) -> AuthenticatedClient:
    """The client that authenticated by exactly its registered method, or ``invalid_client``.

    An unknown client costs the same comparison as a wrong secret.
    """
    given = _credentials(authorization, form)
    possible = given.client_id.isprintable()  # a database fails at a NUL
    client = provider.clients.by_id(given.client_id) if possible else None
    right = is_secret(given.secret, client.secret_hash if client else None)
    if client is None or client.disabled:
        _refuse("disabled" if client else "unknown", client=given.client_id)
    if provider.served(client.client_id) is None:
        _refuse("not_served", client=client.client_id)
    if client.auth_method != given.method:
        _refuse(
            "method",
            client=client.client_id,
            registered=client.auth_method,
            received=given.method,
        )
    if given.method == "private_key_jwt":
        check_assertion(provider, client, given.secret, endpoint=endpoint, at=at)
    elif given.method != "none" and not right:
        _refuse("secret", client=client.client_id)
    return AuthenticatedClient(client)


def _credentials(authorization: str | None, form: Parameters) -> _Credentials:
    named, secret = form.get("client_id"), form.get("client_secret")
    if form.get("client_assertion") or form.get("client_assertion_type"):
        return _assertion(form, alone=authorization is None and secret is None)
    if authorization is not None:
        basic = _basic(authorization)
        if secret is not None or named not in {None, basic.client_id}:
            _refuse()
        return basic
    if named is None:
        _refuse()
    if secret is None:
        return _Credentials("none", named, "")
    return _Credentials("client_secret_post", named, secret)


def _assertion(form: Parameters, *, alone: bool) -> _Credentials:
    assertion, named = form.get("client_assertion"), form.get("client_id")
    if not alone or assertion is None or form.get("client_assertion_type") != ASSERTION_TYPE:
        _refuse()
    try:
        client_id = named_client(assertion)
    except (FormatError, IndexError):
        _refuse()
    if named not in {None, client_id}:
        _refuse()
    return _Credentials("private_key_jwt", client_id, assertion)


def _basic(authorization: str) -> _Credentials:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > MAX_AUTHORIZATION:
        _refuse()
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        _refuse()
    client_id, colon, secret = decoded.partition(":")
    if not colon:
        _refuse()
    return _Credentials("client_secret_basic", unquote_plus(client_id), unquote_plus(secret))


def _refuse(reason: str = "credentials", **facts: str) -> NoReturn:
    raise OAuthError(
        "invalid_client",
        "The client did not authenticate as it is registered.",
        status=401,
        reason=reason,
        **facts,
    )
