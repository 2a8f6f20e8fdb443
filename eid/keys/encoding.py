r"""Strict base64url and strict JSON: one spelling per value (RFC 7515 §2, RFC 8259 §4).

>>> decode_base64url("AQID")
b'\x01\x02\x03'
>>> parse_json_object(b'{"a": 1, "a": 2}')
Traceback (most recent call last):
    ...
eid.errors.FormatError: The JSON text repeats a member name.
"""

from __future__ import annotations

import base64
import json
import math
import re
from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, TypeAlias

from eid.errors import FormatError

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"

MAX_JSON = 256 * 1024
MAX_DEPTH = 32
_TO_URL = bytes.maketrans(b"+/", b"-_")
_ALPHABET = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_ENCODE = json.JSONEncoder(
    separators=(",", ":"), sort_keys=True, ensure_ascii=False, allow_nan=False
).encode
_BRACKET_OR_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def encode_base64url(data: bytes) -> str:
    """Unpadded base64url."""
    return b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode("ascii")


def new_name(rng: Callable[[int], bytes], *, size: int = 16) -> str:
    """A random name of ``size`` bytes as base64url, fit to be typed after a command.

    Never with a hyphen in front, which a command would take for one of its options.
    """
    name = encode_base64url(rng(size))
    return f"A{name[1:]}" if name.startswith("-") else name


def decode_base64url(text: str) -> bytes:
    """Unpadded base64url in its one canonical form; FormatError for anything else."""
    if not _ALPHABET.fullmatch(text) or len(text) % 4 == 1:
        raise FormatError("The text is not unpadded base64url.", code="base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode_base64url(data) != text:
        raise FormatError("The base64url text has stray bits at its end.", code="base64url")
    return data


def canonical_json(value: JSON) -> bytes:
    """Compact UTF-8 JSON with sorted members; no NaN."""
    return _ENCODE(value).encode()


def parse_json_object(data: bytes, *, max_size: int = MAX_JSON) -> dict[str, JSON]:
    """One JSON object: UTF-8, no duplicate member, no NaN, nesting at most 32; FormatError."""
    if len(data) > max_size:
        raise FormatError("The JSON text is too long.", code="json.size")
    _check_depth(data)
    try:
        value = _DECODE(data.decode("utf-8"))
        if b"\\u" in data:  # an escaped lone surrogate is no character
            canonical_json(value)
    except (ValueError, RecursionError) as error:
        raise FormatError("The text is not JSON.", code="json.syntax") from error
    if not isinstance(value, dict):
        raise FormatError("The JSON text is not an object.", code="json.object")
    return value


def _check_depth(data: bytes) -> None:
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for token in _BRACKET_OR_STRING.finditer(data):
        if token[0] in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise FormatError("The JSON text is nested too deeply.", code="json.depth")
        elif token[0] in b"]}":
            depth -= 1


def _unique(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise FormatError("The JSON text repeats a member name.", code="json.duplicate")
    return members


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_constant(text)


def _no_constant(_name: str) -> NoReturn:
    raise FormatError("The JSON text holds a number that JSON does not have.", code="json.number")


_DECODE = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
).decode
