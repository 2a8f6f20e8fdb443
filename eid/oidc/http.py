"""Requests and responses as values: the provider's core knows no web framework (RFC 9110).

>>> asked = parse_parameters("scope=openid&state=a%20b&state=c&nonce=")
>>> asked.get("scope"), asked.get("nonce"), sorted(asked.repeated)
('openid', None, ['state'])
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import parse_qsl

from eid.errors import FormatError
from eid.keys import JSON, canonical_json

FORM_TYPE = "application/x-www-form-urlencoded"
MAX_PARAMETERS = 64
MAX_VALUE = 2048
MAX_NAME = 128
MAX_SEALED = 512 * 1024
"""Evidence, encrypted to the provider, as a form carries it."""
MAX_SEALED_VISIT = 540 * 1024
"""The same with the kiosk's record around it."""
NO_LIMITS: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Named values of a query or form; empty ones count as absent (RFC 6749 §3.1).

    ``repeated`` and ``overlong`` name the parameters that no endpoint may act upon.
    """

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    repeated: frozenset[str] = frozenset()
    overlong: frozenset[str] = frozenset()

    def get(self, name: str) -> str | None:
        """The value, or None if it is absent, empty, repeated or over-long."""
        return self.values.get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an endpoint sees of a request: never the Host header.

    ``cookies`` maps a name to all its values. ``body`` is bounded by the route. ``address`` is
    the peer's, or its /64: what guesses are counted under. ``correlation`` names the request in
    the log and on an error page.
    """

    method: str
    query: str = field(default="", repr=False)
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""
    authorization: str | None = field(default=None, repr=False)
    dpop: str | None = field(default=None, repr=False)
    origin: str | None = None
    fetch_site: str | None = None
    if_none_match: str | None = None
    accept_language: str = ""
    cookies: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    path: Mapping[str, str] = field(default_factory=dict, repr=False)
    address: str = ""
    correlation: str = ""

    def parameters(self) -> Parameters:
        """The query's parameters; FormatError if it is malformed."""
        return parse_parameters(self.query)

    def form(self, *, limits: Mapping[str, int] = NO_LIMITS) -> Parameters:
        """The form's parameters; FormatError unless the body is a urlencoded form."""
        if self.content_type.split(";", 1)[0].strip().lower() != FORM_TYPE:
            raise FormatError("The request's body must be a form.", code="request.content_type")
        try:
            body = self.body.decode("ascii")
        except UnicodeDecodeError as error:
            raise FormatError("The form is not urlencoded.", code="request.form") from error
        return parse_parameters(body, limits=limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What an endpoint answers. ``headers`` may repeat a name (Set-Cookie)."""

    status: int = 200
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def parse_parameters(text: str, *, limits: Mapping[str, int] = NO_LIMITS) -> Parameters:
    """Parse urlencoded text strictly: UTF-8, at most 64 parameters, no control characters.

    A value is at most 2048 characters, or ``limits[name]``.
    """
    try:
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError as error:  # UnicodeDecodeError is one
        raise FormatError("The parameters are malformed.", code="request.parameters") from error
    values: dict[str, str] = {}
    repeated, overlong = set(), set()
    for name, value in pairs:
        if len(name) > MAX_NAME or has_controls(name) or has_controls(value):
            raise FormatError("A parameter is malformed.", code="request.parameters")
        if name in values:
            repeated.add(name)
        if len(value) > limits.get(name, MAX_VALUE):
            overlong.add(name)
        values[name] = value
    bad = repeated | overlong
    kept = {name: value for name, value in values.items() if value and name not in bad}
    return Parameters(
        values=MappingProxyType(kept),
        repeated=frozenset(repeated),
        overlong=frozenset(overlong),
    )


def json_response(
    value: Mapping[str, JSON], *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()
) -> Response:
    """A JSON object."""
    return Response(
        status=status,
        body=canonical_json(value),
        content_type="application/json",
        headers=headers,
    )


def see_other(location: str, *, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """A redirect that never repeats a POST (RFC 9700 §4.12: 303, not 307)."""
    return Response(status=303, headers=(("Location", location), *headers))


def has_controls(text: str) -> bool:
    """Whether the text holds a control character, or half of one beyond the first plane."""
    if text.isascii():
        return not text.isprintable()
    return any(unicodedata.category(char) in {"Cc", "Cs"} for char in text)
