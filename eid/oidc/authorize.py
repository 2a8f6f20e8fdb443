"""The authorization request: who asks, where to answer, and then a row of small checks.

(RFC 6749 §4.1.1, RFC 7636, OIDC Core §3.1.2, RFC 9700 §4.11.) Nothing is sent to a redirect URI
before the client and the URI are known to belong together. PAR and CIBA share the checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from eid.errors import OAuthError, SettingsError
from eid.oidc import pkce
from eid.oidc.acr import AcrRequest, Standing, is_met
from eid.oidc.authorization import AuthorizationRequest, error_location
from eid.oidc.claims import MAX_CLAIMS, SCOPES, parse_claims
from eid.oidc.clients import Client
from eid.oidc.http import Parameters
from eid.oidc.provider import Provider

LIMITS: Mapping[str, int] = {"claims": MAX_CLAIMS, "request": 1 << 20, "id_token_hint": 1 << 14}
MAX_STATE = MAX_NONCE = 1024
MAX_ACR_VALUES = 16
PROMPTS = frozenset({"none", "login", "consent", "select_account"})
BEST_AUTH_LEVEL = 2
"""The highest authentication level that the login pages can lead to: password and card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request under examination, its client already known."""

    parameters: Parameters
    client: Client
    acr_prefix: str

    def get(self, name: str) -> str | None:
        """A parameter."""
        return self.parameters.get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRedirect:
    """A refusal that the client hears of: where the browser is sent, and why."""

    location: str = field(repr=False)
    client_id: str
    error: OAuthError


def authorize(provider: Provider, parameters: Parameters) -> AuthorizationRequest | ErrorRedirect:
    """Judge a request. OAuthError where the browser must not be redirected at all."""
    client = known_client(provider, parameters)
    redirect_uri = registered_redirect_uri(client, parameters)
    prefix = provider.settings.acr_prefix
    asked = Asked(parameters=parameters, client=client, acr_prefix=prefix)
    try:
        for check in CHECKS:
            check(asked)
    except OAuthError as error:
        location = error_location(
            redirect_uri, error, issuer=provider.settings.issuer, state=_echoed_state(parameters)
        )
        return ErrorRedirect(location=location, client_id=client.client_id, error=error)
    claims, _ = parse_claims(asked.get("claims"), allowed=client.scopes)
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        scopes=_scopes(asked),
        code_challenge=str(asked.get("code_challenge")),
        state=asked.get("state"),
        nonce=asked.get("nonce"),
        login_hint=asked.get("login_hint"),
        acr=_acr(asked),
        claims=claims,
    )


def known_client(provider: Provider, parameters: Parameters) -> Client:
    """The registered client that the request names; OAuthError for a page, not a redirect."""
    client_id = parameters.get("client_id")
    try:
        client = provider.client(client_id) if client_id else None
    except SettingsError as error:
        raise OAuthError("unauthorized_client", error.message) from error
    if client is None:
        raise OAuthError("invalid_client", "The service that sent you here is not known.")
    return client


def registered_redirect_uri(client: Client, parameters: Parameters) -> str:
    """The redirect URI, equal as a string to a registered one (RFC 9700 §2.1)."""
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None or redirect_uri not in client.redirect_uris:
        raise OAuthError(
            "invalid_redirect_uri", "The service did not register the address to return to."
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


def no_request_object(asked: Asked) -> None:
    """Request objects are refused, never ignored (OIDC Core §6)."""
    for name, error in (
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ):
        if asked.get(name) is not None:
            raise OAuthError(error, f"The {name} parameter is not supported.")


def code_flow(asked: Asked) -> None:
    """Only ``response_type=code``, answered in the query."""
    response_type = asked.get("response_type")
    if response_type is None:
        raise OAuthError("invalid_request", "The response_type is missing.")
    if response_type != "code":
        raise OAuthError("unsupported_response_type", "Only the code flow is offered.")
    if asked.get("response_mode") not in {None, "query"}:
        raise OAuthError("invalid_request", "Only the response mode query is offered.")


def proof_key(asked: Asked) -> None:
    """PKCE with S256, always (RFC 7636 §4.3, RFC 9700 §2.1.1)."""
    challenge = asked.get("code_challenge")
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
    parse_claims(asked.get("claims"), allowed=asked.client.scopes)
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
    """A whole number of seconds; every login here is fresh, so it is always met."""
    max_age = asked.get("max_age")
    if max_age is not None and not (max_age.isascii() and max_age.isdigit()):
        raise OAuthError("invalid_request", "The max_age is not a number of seconds.")


def possible_prompt(asked: Asked) -> None:
    """``none`` stands alone and cannot be met: there is no session to answer from."""
    prompts = (asked.get("prompt") or "").split()
    if not PROMPTS.issuperset(prompts) or ("none" in prompts and len(prompts) > 1):
        raise OAuthError("invalid_request", "The prompt is not one that is offered.")
    if prompts == ["none"]:
        raise OAuthError("login_required", "The person has to log in.")


Check = Callable[[Asked], None]
CHECKS: tuple[Check, ...] = (
    no_repetition,
    no_request_object,
    code_flow,
    proof_key,
    allowed_scopes,
    well_formed_claims,
    usable_max_age,
    possible_prompt,
    attainable_level,
)


def unmet() -> OAuthError:
    """The essential acr cannot be reached (OIDC unmet-authentication-requirements 1.0)."""
    return OAuthError(
        "unmet_authentication_requirements", "The level that was asked for cannot be reached."
    )


def _scopes(asked: Asked) -> tuple[str, ...]:
    given = (asked.get("scope") or "").split(" ")
    return tuple(dict.fromkeys(s for s in given if s == "openid" or s in SCOPES))


def _acr(asked: Asked) -> AcrRequest:
    _, claimed = parse_claims(asked.get("claims"), allowed=asked.client.scopes)
    listed = tuple((asked.get("acr_values") or "").split())
    return AcrRequest(essential=claimed.essential, voluntary=claimed.voluntary + listed)


def _echoed_state(parameters: Parameters) -> str | None:
    state = parameters.get("state")
    return state if state is not None and len(state) <= MAX_STATE else None
