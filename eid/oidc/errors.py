"""Errors on their way out: HTTP status, JSON for programs, words for people.

>>> from eid.errors import HolderMismatch
>>> status_of(HolderMismatch("The card belongs to another person."))
403
>>> words_of("holder_mismatch").english
'The card belongs to another person.'
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from eid.errors import (
    AccountError,
    EidError,
    FormatError,
    InsufficientEvidence,
    OAuthError,
    SettingsError,
    Unavailable,
    VerificationError,
)
from eid.keys import JSON
from eid.oidc.http import Response, json_response

RETRY_AFTER_S = 5
DPOP_ALGORITHMS = ("ES256", "ES384", "ES512", "PS256", "RS256", "EdDSA")
UNKNOWN = "error"

_BY_CODE: Mapping[str, int] = MappingProxyType(
    {
        "interaction.over": 410,
        "interaction.changed": 409,
        "interaction.impossible_step": 409,
        "login.throttled": 429,
        "request.method": 405,
        "request.too_many": 429,
        "request.not_found": 404,
        "request.size": 413,
    }
)
_BY_KIND: tuple[tuple[type[EidError], int], ...] = (
    (FormatError, 400),
    (VerificationError, 403),
    (InsufficientEvidence, 403),
    (AccountError, 403),
    (Unavailable, 503),
    (SettingsError, 500),
)


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence, twice."""

    vietnamese: str
    english: str

    def spoken(self, language: str) -> str:
        """The one of them in ``vi`` or ``en``."""
        return self.english if language == "en" else self.vietnamese


def status_of(error: EidError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, OAuthError):
        return error.status
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((status for kind, status in _BY_KIND if isinstance(error, kind)), 500)


def words_of(code: str, family: str = UNKNOWN) -> Words:
    """What a person reads for a code, else for the family of the error, else in general."""
    words = _texts()
    return next(words[name] for name in (code, family, UNKNOWN) if name in words)


def json_error(error: EidError, *, correlation: str) -> Response:
    """The answer to a program (RFC 6749 §5.2, RFC 6750 §3)."""
    status = status_of(error)
    name, description = _oauth_words(error, status)
    body: dict[str, JSON] = {
        "error": name,
        "error_description": description,
        "correlation_id": correlation,
    }
    headers = retry_headers(status) + _challenge(error) + _nonce(error)
    return json_response(body, status=status, headers=headers)


def retry_headers(status: int) -> tuple[tuple[str, str], ...]:
    """When to come back, for the statuses that mean later."""
    return (("Retry-After", str(RETRY_AFTER_S)),) if status in {429, 503} else ()


def _oauth_words(error: EidError, status: int) -> tuple[str, str]:
    if isinstance(error, OAuthError):
        return error.error, error.description
    if isinstance(error, Unavailable):
        return "temporarily_unavailable", "The provider cannot answer now; try again."
    if status == 500:
        return "server_error", "The provider is not set up to answer this."
    return ("invalid_request" if isinstance(error, FormatError) else error.code), error.message


def _challenge(error: EidError) -> tuple[tuple[str, str], ...]:
    if not isinstance(error, OAuthError) or error.status != 401:
        return ()
    if error.error == "invalid_client":
        return (("WWW-Authenticate", 'Basic realm="token", charset="UTF-8"'),)
    named = "" if error.error == "unauthorized" else f', error="{error.error}"'
    if error.facts.get("scheme") == "DPoP":
        algorithms = " ".join(DPOP_ALGORITHMS)
        return (("WWW-Authenticate", f'DPoP realm="userinfo"{named}, algs="{algorithms}"'),)
    return (("WWW-Authenticate", f'Bearer realm="userinfo"{named}'),)


def _nonce(error: EidError) -> tuple[tuple[str, str], ...]:
    """The nonce that a DPoP proof was missing (RFC 9449 §8)."""
    nonce = error.facts.get("dpop_nonce")
    return () if nonce is None else (("DPoP-Nonce", str(nonce)),)


@cache
def _texts() -> Mapping[str, Words]:
    data = resources.files("eid.oidc").joinpath("pages", "errors.toml").read_text("utf-8")
    return {
        code: Words(vietnamese=row["vi"], english=row["en"])
        for code, row in tomllib.loads(data).items()
    }
