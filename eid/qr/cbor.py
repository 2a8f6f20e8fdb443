"""CBOR, the strict subset that signed codes need (RFC 8949; deterministic form of §4.2.1).

>>> encode({1: "https://id.example", 4: 1_900_000_000}).hex()
'a2017268747470733a2f2f69642e6578616d706c65041a713fb300'
>>> decode(bytes.fromhex("a10102"))
{1: 2}

Refused on reading: indefinite lengths, integers and lengths not in their shortest form, floats,
``undefined``, map keys other than integers and text, duplicate keys, tags that the caller did
not allow, invalid UTF-8, more than ``MAX_DEPTH`` levels, and any byte after the item.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import NamedTuple, TypeAlias

from eid.errors import FormatError

MAX_DEPTH = 8
MAX_SIZE = 1 << 16
"""Bytes that `decode` looks at unless told otherwise."""


class Tag(NamedTuple):
    """A tagged item."""

    number: int
    value: Cbor


Cbor: TypeAlias = "int | bytes | str | bool | Tag | list[Cbor] | dict[int | str, Cbor] | None"

_SIMPLE: dict[int, bool | None] = {20: False, 21: True, 22: None}
_KEY_TYPES = (0, 1, 3)
_WIDTH = {24: 1, 25: 2, 26: 4, 27: 8}


def decode(
    data: bytes,
    *,
    tags: Collection[int] = (),
    max_depth: int = MAX_DEPTH,
    max_size: int = MAX_SIZE,
) -> Cbor:
    """Read exactly one item; ``FormatError`` (code ``qr.cbor``) for anything else.

    Only tags whose numbers are in *tags* are let through, as `Tag`.
    """
    if len(data) > max_size:
        raise _refuse("The CBOR data is larger than allowed.")
    try:
        value, end = _item(data, 0, max_depth, tags)
    except (IndexError, UnicodeDecodeError) as e:
        raise _refuse("The CBOR data is cut short or holds invalid UTF-8.") from e
    if end != len(data):
        raise _refuse("Bytes follow the CBOR item.")
    return value


def decode_map(
    data: bytes, *, tags: Collection[int] = (), max_size: int = MAX_SIZE
) -> dict[int | str, Cbor]:
    """Read exactly one item, which must be a map."""
    value = decode(data, tags=tags, max_size=max_size)
    if not isinstance(value, dict):
        raise _refuse("A map was expected.")
    return value


def encode(value: Cbor) -> bytes:  # noqa: PLR0911 - one return per kind of value
    """Write *value* in deterministic form; ``ValueError`` for what CBOR here cannot hold."""
    if value is None or isinstance(value, bool):
        return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        raw = value.encode()
        return _head(3, len(raw)) + raw
    if isinstance(value, Tag):
        return _head(6, value.number) + encode(value.value)
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join([encode(item) for item in value])
    pairs = sorted((encode(key), encode(item)) for key, item in value.items())
    return _head(5, len(pairs)) + b"".join([key + item for key, item in pairs])


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, code, limit in ((24, ">BB", 8), (25, ">BH", 16), (26, ">BI", 32), (27, ">BQ", 64)):
        if argument < 1 << limit:
            return struct.pack(code, major << 5 | info, argument)
    raise ValueError("the integer does not fit into 64 bits")


def _item(data: bytes, at: int, depth: int, tags: Collection[int]) -> tuple[Cbor, int]:
    head = data[at]
    major, argument = head >> 5, head & 31
    at += 1
    if argument >= 24 and major != 7:
        argument, at = _long_argument(data, at, argument)
    if major == 3 or major == 2:  # noqa: PLR1714 - this line runs for every field of every code
        end = at + argument
        if end > len(data):
            raise _refuse("A string is longer than the data.")
        return (data[at:end] if major == 2 else data[at:end].decode()), end
    if major == 0:
        return argument, at
    if major == 1:
        return -1 - argument, at
    if major == 7:
        if argument not in _SIMPLE:
            raise _refuse("Floats and other simple values are not allowed.")
        return _SIMPLE[argument], at
    return _container(data, at, (major, argument), depth - 1, tags)


def _long_argument(data: bytes, at: int, info: int) -> tuple[int, int]:
    width = _WIDTH.get(info)
    if width is None:
        raise _refuse("Indefinite lengths and reserved forms are not allowed.")
    end = at + width
    if end > len(data):
        raise _refuse("The CBOR data is cut short.")
    argument = int.from_bytes(data[at:end], "big")
    if argument < (24 if width == 1 else 1 << (4 * width)):
        raise _refuse("An integer or a length is not in its shortest form.")
    return argument, end


def _container(
    data: bytes, at: int, head: tuple[int, int], depth: int, tags: Collection[int]
) -> tuple[Cbor, int]:
    major, argument = head
    if depth < 0:
        raise _refuse("The CBOR data is nested too deeply.")
    if major == 6:
        if argument not in tags:
            raise _refuse("A tag is not allowed here.")
        value, at = _item(data, at, depth, tags)
        return Tag(argument, value), at
    if argument > len(data) - at:
        raise _refuse("A list or map announces more than the data holds.")
    return (_list if major == 4 else _map)(data, at, argument, depth, tags)


def _list(data: bytes, at: int, count: int, depth: int, tags: Collection[int]) -> tuple[Cbor, int]:
    items = []
    for _ in range(count):
        value, at = _item(data, at, depth, tags)
        items.append(value)
    return items, at


def _map(data: bytes, at: int, count: int, depth: int, tags: Collection[int]) -> tuple[Cbor, int]:
    pairs: dict[int | str, Cbor] = {}
    for _ in range(count):
        head = data[at]
        key: Cbor = head
        if head < 24:  # the keys of nearly every map here
            at += 1
        elif head >> 5 in _KEY_TYPES:
            key, at = _item(data, at, depth, tags)
        else:
            raise _refuse("Map keys must be integers or text.")
        if key in pairs:
            raise _refuse("A map has the same key twice.")
        pairs[key], at = _item(data, at, depth, tags)  # type: ignore[index]  # int or str, above
    return pairs, at


def _refuse(message: str) -> FormatError:
    return FormatError(message, code="qr.cbor")
