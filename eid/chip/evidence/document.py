r"""Strict JSON in and canonical JSON out (RFC 8259 with I-JSON's limits, RFC 7493; RFC 8785).

>>> canonical({"b": None, "a": "é"})
b'{"a":"\xc3\xa9","b":null}'
>>> load(b'{"a": 1, "a": 1}', max_bytes=100)
Traceback (most recent call last):
    ...
eid.errors.FormatError: The document repeats a member.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NoReturn

from eid.errors import FormatError

JSON = None | bool | int | str | Sequence["JSON"] | Mapping[str, "JSON"]
_MAX_INTEGER_DIGITS: Final = 15


def canonical(value: JSON) -> bytes:
    """Write a document in its one canonical form; member names are ASCII, numbers integers."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8")


def load(data: bytes, *, max_bytes: int) -> JSON:
    """Read a document; its size is checked before anything else. Raises FormatError."""
    if len(data) > max_bytes:
        raise bad("The document is too big.", "evidence.size")
    try:
        document: JSON = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_members,
            parse_int=_integer,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
        canonical(document)
    except FormatError:
        raise
    except (ValueError, RecursionError):
        raise bad("The document is not valid JSON.", "evidence.json") from None
    return document


def bad(message: str, code: str = "evidence.form") -> FormatError:
    """Return the error for a document of another form."""
    return FormatError(message, code=code)


def members(value: JSON, names: Collection[str], where: str) -> Mapping[str, JSON]:
    """Take an object with exactly these members."""
    if not isinstance(value, Mapping) or set(value) != set(names):
        raise bad(f"The member {where} has other members than it must.", "evidence.members")
    return value


def text(value: JSON, where: str, *, most: int = 64) -> str:
    """Take a printable string of limited length."""
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise bad(f"The member {where} is not a short text.")
    return value


def optional_text(value: JSON, where: str) -> str | None:
    """Take a printable string or null."""
    return None if value is None else text(value, where)


def optional_number(value: JSON, where: str) -> int | None:
    """Take a small whole number or null."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0xFFFF:
        raise bad(f"The member {where} is not a small number.")
    return value


def octets(value: JSON, where: str, *, most: int) -> bytes:
    """Take base64url without padding, in its one encoding."""
    if not isinstance(value, str) or len(value) > most * 4 // 3 + 4:
        raise bad(f"The member {where} is not base64url.", "evidence.base64")
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise bad(f"The member {where} is not base64url.", "evidence.base64") from None
    if encode_octets(raw) != value or len(raw) > most:
        raise bad(f"The member {where} is not base64url.", "evidence.base64")
    return raw


def encode_octets(data: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _members(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise bad("The document repeats a member.", "evidence.members")
    return found


def _integer(digits: str) -> int:
    if len(digits) > _MAX_INTEGER_DIGITS:
        raise bad("The document holds a number that is too big.")
    return int(digits)


def _no_number(_: str) -> NoReturn:
    raise bad("The document holds a number that is not whole.")
