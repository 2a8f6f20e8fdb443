"""An accepted authorization request as a value, and the addresses that answer it.

(RFC 6749 §4.1.2, RFC 9207.)

>>> answer_location("https://rp.example/cb?t=1", {"code": "c"}, issuer="https://id.example",
...                 state="s t")
'https://rp.example/cb?t=1&code=c&state=s%20t&iss=https%3A%2F%2Fid.example'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from eid.errors import OAuthError
from eid.keys import JSON
from eid.oidc.acr import AcrRequest
from eid.oidc.claims import ClaimsRequest
from eid.oidc.payload import Payload, members, optional_text, text, texts


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A request that passed every check; what the rest of the login works with."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    code_challenge: str
    state: str | None = field(default=None, repr=False)
    nonce: str | None = field(default=None, repr=False)
    login_hint: str | None = field(default=None, repr=False)
    acr: AcrRequest = field(default_factory=AcrRequest)
    claims: ClaimsRequest = field(default_factory=ClaimsRequest)

    def to_json(self) -> dict[str, JSON]:
        """For the stored interaction."""
        return {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scopes": list(self.scopes),
            "code_challenge": self.code_challenge,
            "state": self.state,
            "nonce": self.nonce,
            "login_hint": self.login_hint,
            "acr": self.acr.to_json(),
            "claims": self.claims.to_json(),
        }

    @classmethod
    def from_json(cls, payload: Payload) -> AuthorizationRequest:
        """From the stored interaction."""
        return cls(
            client_id=text(payload, "client_id"),
            redirect_uri=text(payload, "redirect_uri"),
            scopes=texts(payload, "scopes"),
            code_challenge=text(payload, "code_challenge"),
            state=optional_text(payload, "state"),
            nonce=optional_text(payload, "nonce"),
            login_hint=optional_text(payload, "login_hint"),
            acr=AcrRequest.from_json(members(payload, "acr")),
            claims=ClaimsRequest.from_json(members(payload, "claims")),
        )


def error_location(redirect_uri: str, error: OAuthError, *, issuer: str, state: str | None) -> str:
    """The error response to a validated redirect URI, with ``iss`` (RFC 9207)."""
    return answer_location(
        redirect_uri,
        {"error": error.error, "error_description": error.description},
        issuer=issuer,
        state=state,
    )


def answer_location(
    redirect_uri: str, answer: Mapping[str, str], *, issuer: str, state: str | None
) -> str:
    """The redirect URI with the answer, ``state`` and always ``iss`` in its query."""
    echoed = {} if state is None else {"state": state}
    query = urlencode({**answer, **echoed, "iss": issuer}, quote_via=quote)
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}"
