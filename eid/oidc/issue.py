"""Tokens as rows and as answers: what a code or a refresh token is exchanged for.

(RFC 6749 §5.1, OIDC Core §3.1.3.3, RFC 9449 §5, RFC 8707 §2.2.) Access and refresh tokens are
opaque; only their hashes are stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from eid.keys import JSON, half_hash, sign_jwt
from eid.levels.account import Account, State
from eid.oidc.claims import released, values
from eid.oidc.client import Client
from eid.oidc.client_auth import AuthenticatedClient
from eid.oidc.granted import Granted
from eid.oidc.handles import key_of
from eid.oidc.ports import AuditEvent, Grant
from eid.oidc.provider import Provider
from eid.oidc.sign_on import sid_of
from eid.oidc.verified import verified_claims


def access_row(  # noqa: PLR0913 - every fact of a token named
    provider: Provider,
    granted: Granted,
    access: str,
    family: str | None,
    *,
    scopes: Sequence[str],
    jkt: str | None,
    at: datetime,
) -> Grant:
    """The row of an access token: everything that a resource may ask of it."""
    request = granted.request
    payload: dict[str, JSON] = {
        "client": request.client_id,
        "account": granted.account_id,
        "claims": [field.name for field in released(scopes, request.claims.userinfo)],
        "scope": " ".join(scopes),
        "iat": int(at.timestamp()),
        "authentication": granted.authentication.claims(),
    }
    optional: dict[str, JSON] = {
        "verified": list(request.claims.verified_userinfo) or None,
        "frameworks": list(request.claims.frameworks) or None,
        "jkt": jkt,
        "resource": request.resource,
    }
    return Grant(
        kind="access",
        key=key_of(access),
        payload=payload | {name: value for name, value in optional.items() if value},
        family=family,
        expires_at=at + timedelta(seconds=provider.settings.access_s),
    )


def refresh_row(
    granted: Granted, token: str, family: str, *, jkt: str | None, until: datetime
) -> Grant:
    """The row of a refresh token; its successors end when it would have."""
    payload: dict[str, JSON] = {**granted.to_json(), "jkt": jkt}
    return Grant(
        kind="refresh", key=key_of(token), payload=payload, family=family, expires_at=until
    )


def answer_with(
    provider: Provider, access: str, *, scopes: Sequence[str], jkt: str | None
) -> dict[str, JSON]:
    """The token response, before what else comes with it."""
    return {
        "access_token": access,
        "token_type": "Bearer" if jkt is None else "DPoP",
        "expires_in": provider.settings.access_s,
        "scope": " ".join(scopes),
    }


def id_token(
    provider: Provider,
    client: Client,
    granted: Granted,
    account: Account,
    access: str,
    *,
    at: datetime,
) -> str:
    """The ID token (OIDC Core §2), signed as the client is registered."""
    issued, request = int(at.timestamp()), granted.request
    key = provider.keys.token_key(client.id_token_alg)
    claims: dict[str, JSON] = {
        **values(released((), request.claims.id_token), account.profile),
        **granted.authentication.claims(),
        "iss": provider.settings.issuer,
        "sub": provider.accounts.subject(account.id, client.sector),
        "aud": client.client_id,
        "iat": issued,
        "exp": issued + provider.settings.id_token_s,
        "at_hash": half_hash(access, key.alg),
    }
    verified = verified_claims(
        account,
        values(released((), request.claims.verified_id_token), account.profile),
        framework=provider.settings.trust_framework,
        prefix=provider.settings.acr_prefix,
        accepted=request.claims.frameworks,
    )
    if verified is not None:
        claims["verified_claims"] = verified
    if request.nonce is not None:
        claims["nonce"] = request.nonce
    if granted.session is not None:
        claims["sid"] = sid_of(granted.session, client.client_id)
    return sign_jwt(claims, key, typ="JWT")


def token_event(
    kind: str, granted: Granted, caller: AuthenticatedClient, at: datetime
) -> AuditEvent:
    """A row of the record about a token."""
    return AuditEvent(
        kind=kind,
        at=at,
        account=granted.account_id,
        client=caller.client.client_id,
        interaction=granted.interaction,
        detail={"acr": granted.authentication.acr},
    )


def is_open(state: State) -> bool:
    """Whether tokens may be issued for an account in this state."""
    return state not in {"locked", "closed"}
