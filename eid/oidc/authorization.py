"""An accepted authorization request as a value, and the answers to it.

(RFC 6749 §4.1.2, RFC 9207, OAuth 2.0 Form Post Response Mode.)

>>> reply = Reply(redirect_uri="https://rp.example/cb?t=1", issuer="https://id.example",
...               values={"code": "c"}, state="s t")
>>> reply.location
'https://rp.example/cb?t=1&code=c&state=s%20t&iss=https%3A%2F%2Fid.example'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, cast, get_args
from urllib.parse import quote, urlencode

from eid.errors import OAuthError
from eid.keys import JSON, canonical_json, parse_json_object
from eid.oidc.acr import AcrRequest
from eid.oidc.claims import ClaimsRequest
from eid.oidc.payload import Payload, members, optional_text, text, texts

KEPT = 256
ResponseMode = Literal["query", "form_post"]
RESPONSE_MODES: tuple[ResponseMode, ...] = get_args(ResponseMode)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A request that passed every check; what the rest of the login works with.

    ``pushed`` is the key of the pushed request that it came by; ``jkt`` the key that the code
    will be bound to; ``max_age`` seconds.
    """

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    code_challenge: str | None = None
    state: str | None = field(default=None, repr=False)
    nonce: str | None = field(default=None, repr=False)
    login_hint: str | None = field(default=None, repr=False)
    response_mode: ResponseMode = "query"
    prompt: tuple[str, ...] = ()
    ui_locales: tuple[str, ...] = ()
    max_age: int | None = None
    resource: str | None = None
    jkt: str | None = None
    pushed: str | None = field(default=None, repr=False)
    acr: AcrRequest = field(default_factory=AcrRequest)
    claims: ClaimsRequest = field(default_factory=ClaimsRequest)

    def to_json(self) -> dict[str, JSON]:
        """For the stored interaction; what is absent is left out."""
        optional: dict[str, JSON] = {
            "code_challenge": self.code_challenge,
            "state": self.state,
            "nonce": self.nonce,
            "login_hint": self.login_hint,
            "response_mode": None if self.response_mode == "query" else self.response_mode,
            "prompt": list(self.prompt) or None,
            "ui_locales": list(self.ui_locales) or None,
            "resource": self.resource,
            "jkt": self.jkt,
            "pushed": self.pushed,
        }
        members: dict[str, JSON] = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scopes": list(self.scopes),
            "acr": self.acr.to_json(),
            "claims": self.claims.to_json(),
        }
        return members | {name: value for name, value in optional.items() if value is not None}

    @classmethod
    def from_json(cls, payload: Payload) -> AuthorizationRequest:
        """From the stored interaction; ``max_age`` has done its work by then."""
        mode = optional_text(payload, "response_mode") or "query"
        return cls(
            client_id=text(payload, "client_id"),
            redirect_uri=text(payload, "redirect_uri"),
            scopes=texts(payload, "scopes"),
            code_challenge=optional_text(payload, "code_challenge"),
            state=optional_text(payload, "state"),
            nonce=optional_text(payload, "nonce"),
            login_hint=optional_text(payload, "login_hint"),
            response_mode=cast("ResponseMode", mode),
            prompt=texts(payload, "prompt"),
            ui_locales=texts(payload, "ui_locales"),
            resource=optional_text(payload, "resource"),
            jkt=optional_text(payload, "jkt"),
            pushed=optional_text(payload, "pushed"),
            acr=AcrRequest.from_json(members(payload, "acr")),
            claims=ClaimsRequest.from_json(members(payload, "claims")),
        )


@lru_cache(maxsize=KEPT)
def stored_request(request: AuthorizationRequest) -> str:
    """The request as it is stored in the rows of its login: one text, made and read once."""
    return canonical_json(request.to_json()).decode()


def read_request(stored: JSON) -> AuthorizationRequest:
    """The request of a row; FormatError if the row does not hold one."""
    if isinstance(stored, str):
        return _read(stored)
    return AuthorizationRequest.from_json(members({"request": stored}, "request"))


@lru_cache(maxsize=KEPT)
def _read(stored: str) -> AuthorizationRequest:
    return AuthorizationRequest.from_json(parse_json_object(stored.encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a service is told, at an address that was checked; always with ``iss`` (RFC 9207)."""

    redirect_uri: str
    issuer: str
    values: Mapping[str, str] = field(repr=False)
    state: str | None = field(default=None, repr=False)
    mode: ResponseMode = "query"

    @property
    def parameters(self) -> dict[str, str]:
        """Everything that is sent."""
        echoed = {} if self.state is None else {"state": self.state}
        return {**self.values, **echoed, "iss": self.issuer}

    @property
    def location(self) -> str:
        """The redirect URI with the answer in its query."""
        query = urlencode(self.parameters, quote_via=quote)
        return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}{query}"


def reply_to(request: AuthorizationRequest, values: Mapping[str, str], *, issuer: str) -> Reply:
    """The answer to an accepted request, by the way it asked for."""
    return Reply(
        redirect_uri=request.redirect_uri,
        issuer=issuer,
        values=values,
        state=request.state,
        mode=request.response_mode,
    )


def error_values(error: OAuthError) -> dict[str, str]:
    """An error as the values of an answer."""
    return {"error": error.error, "error_description": error.description}
