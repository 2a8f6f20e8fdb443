"""The authorization request: who asks, where to answer, and then a row of small checks.

(RFC 6749 §4.1.1, RFC 7636, OIDC Core §3.1.2, RFC 9700 §4.11.) Nothing is sent to a redirect URI
before the client and the URI are known to belong together. PAR and CIBA share the checks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from eid.errors import EidError, OAuthError
from eid.keys import encode_base64url
from eid.oidc.authorization import AuthorizationRequest, Reply, ResponseMode, error_values
from eid.oidc.claims import SCOPES, ClaimsRequest, parse_claims
from eid.oidc.client import Client
from eid.oidc.hints import hinted
from eid.oidc.http import Parameters
from eid.oidc.provider import Provider
from eid.oidc.recipient import known_client, registered_redirect_uri
from eid.oidc.request_checks import CHECKS, MAX_STATE, Asked, acr_of
from eid.oidc.request_source import Source, source_of

MAX_LOCALES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRedirect:
    """A refusal that the client hears of: how it is told, and why."""

    reply: Reply = field(repr=False)
    client_id: str
    error: OAuthError


def authorize(
    provider: Provider, parameters: Parameters, *, at: datetime
) -> AuthorizationRequest | ErrorRedirect:
    """Judge a request. OAuthError where the browser must not be redirected at all."""
    client = known_client(provider, parameters)
    source = source_of(provider, client, parameters, at=at)
    redirect_uri = registered_redirect_uri(client, source.parameters)
    try:
        return judge(provider, client, source)
    except OAuthError as error:
        return ErrorRedirect(
            reply=refusal(provider, source.parameters, redirect_uri, error),
            client_id=client.client_id,
            error=error,
        )


def judge(provider: Provider, client: Client, source: Source) -> AuthorizationRequest:
    """The request, after every check; OAuthError by the first that fails."""
    settings = provider.settings
    asked = Asked(
        source=source,
        client=client,
        acr_prefix=settings.acr_prefix,
        best_auth_level=settings.best_auth_level,
    )
    for check in CHECKS:
        check(asked)
    claims, _ = parse_claims(
        asked.get("claims"), allowed=client.scopes, verified=client.verified_claims
    )
    max_age = asked.get("max_age")
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=str(asked.get("redirect_uri")),
        scopes=_scopes(asked),
        code_challenge=asked.get("code_challenge"),
        state=asked.get("state"),
        nonce=asked.get("nonce"),
        login_hint=asked.get("login_hint"),
        response_mode=_mode(source.parameters),
        prompt=tuple((asked.get("prompt") or "").split()),
        ui_locales=tuple((asked.get("ui_locales") or "").split()[:MAX_LOCALES]),
        max_age=None if max_age is None else int(max_age),
        resource=asked.get("resource"),
        jkt=source.jkt or asked.get("dpop_jkt"),
        pushed=None if source.pushed is None else encode_base64url(source.pushed),
        acr=acr_of(asked),
        claims=_with_hint(provider, client, asked.get("id_token_hint"), claims),
    )


def refusal(
    provider: Provider, parameters: Parameters, redirect_uri: str, error: OAuthError
) -> Reply:
    """An error for the service, by the way it asked for."""
    return Reply(
        redirect_uri=redirect_uri,
        issuer=provider.settings.issuer,
        values=error_values(error),
        state=_echoed_state(parameters),
        mode=_mode(parameters),
    )


def _scopes(asked: Asked) -> tuple[str, ...]:
    given = (asked.get("scope") or "").split(" ")
    known = SCOPES | {"openid"} | ({"offline_access"} if asked.client.refreshes else set())
    return tuple(dict.fromkeys(scope for scope in given if scope in known))


def _mode(parameters: Parameters) -> ResponseMode:
    return "form_post" if parameters.get("response_mode") == "form_post" else "query"


def _with_hint(
    provider: Provider, client: Client, hint: str | None, claims: ClaimsRequest
) -> ClaimsRequest:
    """The subject that an earlier ID token names is the one to log in (OIDC Core §3.1.2.1)."""
    if hint is None:
        return claims
    try:
        subject = hinted(provider, hint, client_id=client.client_id).subject
    except EidError as error:
        raise OAuthError("invalid_request", "The id_token_hint is not one of ours.") from error
    if claims.subject not in {None, subject}:
        raise OAuthError("invalid_request", "The request names two different people.")
    return replace(claims, subject=subject)


def _echoed_state(parameters: Parameters) -> str | None:
    state = parameters.get("state")
    return state if state is not None and len(state) <= MAX_STATE else None
