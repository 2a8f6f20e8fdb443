"""The token endpoint: a code becomes an ID token and an access token, exactly once.

(RFC 6749 §4.1.3, RFC 7636 §4.6, OIDC Core §3.1.3.) The code is used up, and the access token's
row written, in one transaction; only its one winner signs anything. A code that comes back kills
its whole family (RFC 9700 §4.5).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NoReturn

from eid.errors import OAuthError
from eid.keys import JSON, half_hash, sign_jwt
from eid.levels.account import Account
from eid.oidc import pkce
from eid.oidc.claims import released, values
from eid.oidc.client_auth import AuthenticatedClient, authenticate
from eid.oidc.clients import Client
from eid.oidc.granted import Granted
from eid.oidc.handles import is_handle, key_of, new_handle
from eid.oidc.http import Parameters, Request, Response, json_response
from eid.oidc.ports import AuditEvent, Grant
from eid.oidc.provider import Provider

GRANT_TYPE = "authorization_code"


def respond(provider: Provider, request: Request) -> Response:
    """``POST /token``; OAuthError in the words of RFC 6749 §5.2."""
    form = request.form()
    if form.repeated or form.overlong or request.query:
        raise OAuthError("invalid_request", "A parameter is repeated, too long or in the query.")
    caller = authenticate(provider.clients, request.authorization, form)
    if form.get("grant_type") is None:
        raise OAuthError("invalid_request", "The grant_type is missing.")
    if form.get("grant_type") != GRANT_TYPE:
        raise OAuthError("unsupported_grant_type", "Only codes can be exchanged here.")
    return json_response(redeem(provider, caller, form, at=provider.clock()))


def redeem(
    provider: Provider, caller: AuthenticatedClient, form: Parameters, *, at: datetime
) -> dict[str, JSON]:
    """The token response for a code; ``invalid_grant`` otherwise.

    A code that is sent with a wrong redirect URI, verifier or client is used up without effect:
    it is in wrong hands.
    """
    code = form.get("code")
    if code is None:
        raise OAuthError("invalid_request", "The code is missing.")
    key = key_of(code) if is_handle(code) else b""
    grant = provider.grants.get("code", key, at=at) if key else None
    if grant is None:
        _replayed(provider, caller.client, key, at=at)
    granted = Granted.from_json(grant.payload)
    account = provider.accounts.by_id(granted.account_id)
    if account is None or not _belongs(granted, caller.client, form) or not _is_open(account):
        _spoil(provider, caller.client, granted, grant, at=at)
    access = new_handle(provider.rng)
    consumed = provider.grants.consume(
        "code",
        key,
        at=at,
        issue=[_access_grant(provider, granted, access, grant.family, at=at)],
        events=[_event("token.issued", granted, caller.client, at)],
    )
    if consumed is None:
        _replayed(provider, caller.client, key, at=at)
    return {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": provider.settings.access_s,
        "scope": " ".join(granted.request.scopes),
        "id_token": _id_token(provider, caller.client, granted, account, access, at=at),
    }


def _belongs(granted: Granted, client: Client, form: Parameters) -> bool:
    return (
        granted.request.client_id == client.client_id
        and granted.request.redirect_uri == form.get("redirect_uri")
        and pkce.matches(form.get("code_verifier"), granted.request.code_challenge)
    )


def _is_open(account: Account) -> bool:
    return account.state not in {"locked", "closed"}


def _access_grant(
    provider: Provider, granted: Granted, access: str, family: str | None, *, at: datetime
) -> Grant:
    names = released(granted.request.scopes, granted.request.claims.userinfo)
    return Grant(
        kind="access",
        key=key_of(access),
        payload={
            "client": granted.request.client_id,
            "account": granted.account_id,
            "claims": [field.name for field in names],
        },
        family=family,
        expires_at=at + timedelta(seconds=provider.settings.access_s),
    )


def _id_token(
    provider: Provider,
    client: Client,
    granted: Granted,
    account: Account,
    access: str,
    *,
    at: datetime,
) -> str:
    issued = int(at.timestamp())
    key = provider.keys.tokens
    claims: dict[str, JSON] = {
        **values(released((), granted.request.claims.id_token), account.profile),
        **granted.authentication.claims(),
        "iss": provider.settings.issuer,
        "sub": provider.accounts.subject(account.id, client.sector),
        "aud": client.client_id,
        "iat": issued,
        "exp": issued + provider.settings.id_token_s,
        "at_hash": half_hash(access, key.alg),
    }
    if granted.request.nonce is not None:
        claims["nonce"] = granted.request.nonce
    return sign_jwt(claims, key, typ="JWT")


def _spoil(
    provider: Provider, client: Client, granted: Granted, grant: Grant, *, at: datetime
) -> NoReturn:
    """Use up a code that came with the wrong proof, and refuse it."""
    misused = _event("code.misused", granted, client, at)
    if provider.grants.consume("code", grant.key, at=at, events=[misused]) is None:
        _replayed(provider, client, grant.key, at=at)
    _refuse()


def _replayed(provider: Provider, client: Client, key: bytes, *, at: datetime) -> NoReturn:
    """A code that is not live: if it was used before, every token of its family dies."""
    used = provider.grants.was_used("code", key) if key else None
    if used is not None and used.family is not None:
        event = _event("code.replayed", Granted.from_json(used.payload), client, at)
        provider.grants.revoke_family(used.family, at=at, events=[event])
    _refuse()


def _refuse() -> NoReturn:
    raise OAuthError("invalid_grant", "The code is unknown, used, too old or not for this call.")


def _event(kind: str, granted: Granted, client: Client, at: datetime) -> AuditEvent:
    return AuditEvent(
        kind=kind,
        at=at,
        account=granted.account_id,
        client=client.client_id,
        interaction=granted.interaction,
        detail={"acr": granted.authentication.acr},
    )
