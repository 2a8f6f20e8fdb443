"""The row of small checks that every authorization request passes, pushed or not (OIDC Core §3.1.2).

Each takes the request and raises OAuthError, or lets it pass; :data:`CHECKS` is their order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eid.errors import OAuthError
from eid.oidc import pkce
from eid.oidc.acr import AcrRequest, Standing, is_met, unmet
from eid.oidc.authorization import RESPONSE_MODES
from eid.oidc.claims import SCOPES, parse_claims
from eid.oidc.client import Client
from eid.oidc.http import Parameters
from eid.oidc.request_source import Source

MAX_STATE = MAX_NONCE = 1024
MAX_ACR_VALUES = 16
MAX_AGE_DIGITS = 9
PROMPTS = frozenset({"none", "login", "consent", "select_account"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request under examination, its client already known."""

    source: Source
    client: Client
    acr_prefix: str
    best_auth_level: int

    @property
    def parameters(self) -> Parameters:
        """The parameters that count."""
        return self.source.parameters

    def get(self, name: str) -> str | None:
        """A parameter."""
        return self.source.parameters.get(name)


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
        level=2, auth_level=asked.best_auth_level, min_auth_level=asked.client.min_auth_level
    )
    if not is_met(acr_of(asked), best, prefix=asked.acr_prefix):
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


def acr_of(asked: Asked) -> AcrRequest:
    """What is asked of the login's level, by the claims parameter and by acr_values."""
    _, claimed = parse_claims(asked.get("claims"), allowed=asked.client.scopes, verified=False)
    listed = tuple((asked.get("acr_values") or "").split())
    return AcrRequest(essential=claimed.essential, voluntary=claimed.voluntary + listed)
