"""Reading the payload of a stored grant back into types.

>>> text({"client": "shop"}, "client"), integer({"n": 2}, "n"), texts({"s": ["a"]}, "s")
('shop', 2, ('a',))
"""

from __future__ import annotations

from collections.abc import Mapping

from eid.errors import FormatError
from eid.keys import JSON, decode_base64url

Payload = Mapping[str, JSON]


def text(payload: Payload, name: str) -> str:
    """A required string; FormatError if the row does not hold one."""
    value = payload.get(name)
    if not isinstance(value, str):
        raise _malformed(name)
    return value


def optional_text(payload: Payload, name: str) -> str | None:
    """A string, or None where the member is absent or null."""
    return None if payload.get(name) is None else text(payload, name)


def texts(payload: Payload, name: str) -> tuple[str, ...]:
    """A list of strings; an absent one is empty."""
    value = payload.get(name, ())
    if isinstance(value, str) or not isinstance(value, (list, tuple)):
        raise _malformed(name)
    return tuple(item if isinstance(item, str) else _fail(name) for item in value)


def integer(payload: Payload, name: str) -> int:
    """A required integer."""
    value = payload.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _malformed(name)
    return value


def octets(payload: Payload, name: str) -> bytes:
    """A required base64url string."""
    return decode_base64url(text(payload, name))


def members(payload: Payload, name: str) -> Payload:
    """A required object."""
    value = payload.get(name)
    if not isinstance(value, Mapping):
        raise _malformed(name)
    return value


def _fail(name: str) -> str:
    raise _malformed(name)


def _malformed(name: str) -> FormatError:
    return FormatError(f"A stored grant has no usable {name}.", code="grant.payload")
