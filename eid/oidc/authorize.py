"""The authorization request: who asks, where to answer, and then a row of small checks.

(RFC 6749 §4.1.1, RFC 7636, OIDC Core §3.1.2, RFC 9700 §4.11.) Nothing is sent to a redirect URI
before the client and the URI are known to belong together. PAR and CIBA share the checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from eid.errors import EidError, OAuthError, SettingsError
from eid.keys import encode_base64url
from eid.oidc import pkce
from eid.oidc.acr import AcrRequest, Standing, is_met
from eid.oidc.authorization import (
    RESPONSE_MODES,
    AuthorizationRequest,
    Reply,
    ResponseMode,
    error_values,
)
from eid.oidc.claims import MAX_CLAIMS, SCOPES, ClaimsRequest, parse_claims
from eid.oidc.client import Client
from eid.oidc.handles import is_handle, key_of
from eid.oidc.hints import hinted
from eid.oidc.http import Parameters
from eid.oidc.payload import members, optional_text, text
from eid.oidc.provider import Provider
from eid.oidc.request_object import signed_parameters

LIMITS: Mapping[str, int] = {"claims": MAX_CLAIMS, "request": 1 << 15, "id_token_hint": 1 << 14}
MAX_STATE = MAX_NONCE = 1024
MAX_ACR_VALUES = 16
MAX_AGE_DIGITS = 9
REFERENCE_PREFIX = "urn:ietf:params:oauth:request_uri:"
PROMPTS = frozenset({"none", "login", "consent", "select_account"})
BEST_AUTH_LEVEL = 2
"""The highest authentication level that the login pages can lead to: password and card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the parameters that count came from: the query, a signed object, a pushed request.

    ``pushed`` is the pushed request's key, ``jkt`` the key that was proven when it was pushed.
    """

    parameters: Parameters
    signed: bool = False
    pushed: bytes | None = field(default=None, repr=False)
    jkt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request under examination, its client already known."""

    source: Source
    client: Client
    acr_prefix: str

    @property
    def parameters(self) -> Parameters:
        """The parameters that count."""
        return self.source.parameters

    def get(self, name: str) -> str | None:
        """A parameter."""
        return self.source.parameters.get(name)


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
    asked = Asked(source=source, client=client, acr_prefix=provider.settings.acr_prefix)
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
        max_age=None if max_age is None else int(max_age),
        resource=asked.get("resource"),
        jkt=source.jkt or asked.get("dpop_jkt"),
        pushed=None if source.pushed is None else encode_base64url(source.pushed),
        acr=_acr(asked),
        claims=_with_hint(provider, client, asked.get("id_token_hint"), claims),
    )


def source_of(
    provider: Provider, client: Client, parameters: Parameters, *, at: datetime
) -> Source:
    """The parameters that count; OAuthError for a page if a reference or an object is no good."""
    reference, signed = parameters.get("request_uri"), parameters.get("request")
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


def known_client(provider: Provider, parameters: Parameters) -> Client:
    """The registered client that the request names; OAuthError for a page, not a redirect."""
    client_id = parameters.get("client_id")
    try:
        client = provider.client(client_id) if client_id else None
    except SettingsError as error:
        raise OAuthError("unauthorized_client", error.message) from error
    if client is None:
        raise OAuthError(
            "invalid_client",
            "The service that sent you here is not known.",
            reason="unknown",
            client=client_id or "",
        )
    return client


def registered_redirect_uri(client: Client, parameters: Parameters) -> str:
    """The redirect URI, equal as a string to a registered one (RFC 9700 §2.1)."""
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None or redirect_uri not in client.redirect_uris:
        raise OAuthError(
            "invalid_redirect_uri",
            "The service did not register the address to return to.",
            reason="redirect_uri",
            client=client.client_id,
            received=redirect_uri or "",
            registered=" ".join(client.redirect_uris),
        )
    return redirect_uri


def no_repetition(asked: Asked) -> None:
    """Each parameter once, none over-long (RFC 6749 §3.1)."""
    if asked.parameters.repeated:
        raise OAuthError("invalid_request", "A parameter is given more than once.")
    if asked.parameters.overlong:
        raise OAuthError("invalid_request", "A parameter is too long.")
    for name, limit in (("state", MAX_STATE), ("nonce", MAX_NONCE)):
        if len(asked.get(name) or "") > limit:
            raise OAuthError("invalid_request", f"The {name} is longer than {limit} characters.")


def only_its_way(asked: Asked) -> None:
    """By PAR, or signed, where the client is registered for it (RFC 9126 §5, RFC 9101 §10.5)."""
    if asked.client.requires_par and asked.source.pushed is None:
        raise OAuthError("invalid_request", "This service has to push its requests.")
    if asked.client.requires_request_object and not asked.source.signed:
        raise OAuthError("invalid_request", "This service has to sign its requests.")


def known_resource(asked: Asked) -> None:
    """A resource that the service is registered for (RFC 8707 §2)."""
    resource = asked.get("resource")
    if resource is not None and resource not in asked.client.resources:
        raise OAuthError("invalid_target", "The service is not registered for this resource.")


def bindable_key(asked: Asked) -> None:
    """``dpop_jkt`` is a thumbprint, and the one that was proven (RFC 9449 §10)."""
    jkt, proven = asked.get("dpop_jkt"), asked.source.jkt
    if jkt is not None and (not pkce.is_challenge(jkt) or proven not in {None, jkt}):
        raise OAuthError("invalid_request", "The dpop_jkt is not usable.")


def no_request_object(asked: Asked) -> None:
    """Request objects that were not read are refused, never ignored (OIDC Core §6)."""
    for name, error in (
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ):
        if asked.get(name) is not None:
            raise OAuthError(error, f"The {name} parameter is not supported.")


def code_flow(asked: Asked) -> None:
    """Only ``response_type=code``, answered in the query or by a form."""
    response_type = asked.get("response_type")
    if response_type is None:
        raise OAuthError("invalid_request", "The response_type is missing.")
    if response_type != "code":
        raise OAuthError("unsupported_response_type", "Only the code flow is offered.")
    if asked.get("response_mode") not in {None, *RESPONSE_MODES}:
        raise OAuthError("invalid_request", "The response modes are query and form_post.")


def proof_key(asked: Asked) -> None:
    """PKCE with S256 (RFC 7636 §4.3), unless a nonce does its work (RFC 9700 §2.1.1)."""
    challenge = asked.get("code_challenge")
    if challenge is None and asked.client.pkce_optional and asked.get("nonce") is not None:
        return
    if challenge is None or not pkce.is_challenge(challenge):
        raise OAuthError("invalid_request", "A code_challenge for S256 is required.")
    if asked.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "The code_challenge_method must be S256.")


def allowed_scopes(asked: Asked) -> None:
    """``openid`` must be there; unknown scopes are ignored, known ones must be registered."""
    scopes = (asked.get("scope") or "").split(" ")
    if "openid" not in scopes:
        raise OAuthError("invalid_scope", "The scope openid is required.")
    if not {scope for scope in scopes if scope in SCOPES} <= asked.client.scopes:
        raise OAuthError("invalid_scope", "The service is not registered for a scope it asks for.")


def well_formed_claims(asked: Asked) -> None:
    """The claims parameter and acr_values can be read, and are not endless."""
    parse_claims(
        asked.get("claims"), allowed=asked.client.scopes, verified=asked.client.verified_claims
    )
    if len((asked.get("acr_values") or "").split()) > MAX_ACR_VALUES:
        raise OAuthError("invalid_request", "There are too many acr_values.")


def attainable_level(asked: Asked) -> None:
    """An essential acr that no login here can ever reach is refused at once."""
    best = Standing(
        level=2, auth_level=BEST_AUTH_LEVEL, min_auth_level=asked.client.min_auth_level
    )
    if not is_met(_acr(asked), best, prefix=asked.acr_prefix):
        raise unmet()


def usable_max_age(asked: Asked) -> None:
    """A whole number of seconds."""
    max_age = asked.get("max_age")
    if max_age is not None and not (
        max_age.isascii() and max_age.isdigit() and len(max_age) <= MAX_AGE_DIGITS
    ):
        raise OAuthError("invalid_request", "The max_age is not a number of seconds.")


def possible_prompt(asked: Asked) -> None:
    """A known one; ``none`` stands alone."""
    prompts = (asked.get("prompt") or "").split()
    if not PROMPTS.issuperset(prompts) or ("none" in prompts and len(prompts) > 1):
        raise OAuthError("invalid_request", "The prompt is not one that is offered.")


Check = Callable[[Asked], None]
CHECKS: tuple[Check, ...] = (
    no_repetition,
    no_request_object,
    only_its_way,
    code_flow,
    proof_key,
    allowed_scopes,
    well_formed_claims,
    usable_max_age,
    possible_prompt,
    known_resource,
    bindable_key,
    attainable_level,
)


def unmet() -> OAuthError:
    """The essential acr cannot be reached (OIDC unmet-authentication-requirements 1.0)."""
    return OAuthError(
        "unmet_authentication_requirements", "The level that was asked for cannot be reached."
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


def _acr(asked: Asked) -> AcrRequest:
    _, claimed = parse_claims(asked.get("claims"), allowed=asked.client.scopes, verified=False)
    listed = tuple((asked.get("acr_values") or "").split())
    return AcrRequest(essential=claimed.essential, voluntary=claimed.voluntary + listed)


def _echoed_state(parameters: Parameters) -> str | None:
    state = parameters.get("state")
    return state if state is not None and len(state) <= MAX_STATE else None
