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
from collections.abc import Callable, Collection, Mapping
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
_LONG = {25: (2, 1 << 8), 26: (4, 1 << 16), 27: (8, 1 << 32)}
"""Bytes of a long argument, and the least that needs them."""
_NOT_SHORTEST = "An integer or a length is cut short or not in its shortest form."
_TOO_MANY = "A list or map announces more than the data holds."


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
        raise _refuse("The CBOR item is cut short, or bytes follow it.")
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
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        raw = value.encode()
        return head(3, len(raw)) + raw
    if isinstance(value, Tag):
        return head(6, value.number) + encode(value.value)
    if isinstance(value, list):
        return head(4, len(value)) + b"".join([encode(item) for item in value])
    pairs = sorted((encode(key), encode(item)) for key, item in value.items())
    return head(5, len(pairs)) + b"".join([key + item for key, item in pairs])


def head(major: int, argument: int) -> bytes:
    """The first bytes of an item: its kind and its value, length or count."""
    if argument < 24:
        return bytes((major << 5 | argument,))
    if argument < 256:
        return bytes((major << 5 | 24, argument))
    for info, code, limit in ((25, ">BH", 16), (26, ">BI", 32), (27, ">BQ", 64)):
        if argument < 1 << limit:
            return struct.pack(code, major << 5 | info, argument)
    raise ValueError("the integer does not fit into 64 bits")


def _item(  # noqa: C901 - one branch per kind of item
    data: bytes, at: int, depth: int, tags: Collection[int]
) -> tuple[Cbor, int]:
    """The item at *at* and where it ends; an item that is cut short ends behind the data."""
    first = data[at]
    argument, at = first & 31, at + 1
    if argument == 24 and first < 0xE0:
        argument, at = data[at], at + 1
        if argument < 24:
            raise _refuse(_NOT_SHORTEST)
    elif argument > 24 and first < 0xE0:
        argument, at = _long_argument(data, at, argument)
    if first < 0x20:
        return argument, at
    if first < 0x40:
        return -1 - argument, at
    if first < 0x80:
        end = at + argument
        return (data[at:end] if first < 0x60 else data[at:end].decode()), end
    if first < 0xE0:
        if not depth:
            raise _refuse("The CBOR data is nested too deeply.")
        return _CONTAINERS[first >> 5](data, at, argument, depth - 1, tags)
    if argument not in _SIMPLE:
        raise _refuse("Floats and other simple values are not allowed.")
    return _SIMPLE[argument], at


def _long_argument(data: bytes, at: int, info: int) -> tuple[int, int]:
    if info not in _LONG:
        raise _refuse("Indefinite lengths and reserved forms are not allowed.")
    width, least = _LONG[info]
    end = at + width
    argument = int.from_bytes(data[at:end], "big")
    if argument < least or end > len(data):
        raise _refuse(_NOT_SHORTEST)
    return argument, end


def _tag(data: bytes, at: int, number: int, depth: int, tags: Collection[int]) -> tuple[Tag, int]:
    if number not in tags:
        raise _refuse("A tag is not allowed here.")
    value, at = _item(data, at, depth, tags)
    return Tag(number, value), at


def _list(
    data: bytes, at: int, count: int, depth: int, tags: Collection[int]
) -> tuple[list[Cbor], int]:
    if count > len(data) - at:
        raise _refuse(_TOO_MANY)
    items = []
    for _ in range(count):
        value, at = _item(data, at, depth, tags)
        items.append(value)
    return items, at


def _map(  # noqa: C901, PLR0912 - a call for each text would double the time
    data: bytes, at: int, count: int, depth: int, tags: Collection[int]
) -> tuple[dict[int | str, Cbor], int]:
    """A map. What nearly all maps in codes are made of, short texts and times, is read in place."""
    if count > len(data) - at:
        raise _refuse(_TOO_MANY)
    pairs: dict[int | str, Cbor] = {}
    key: int | str
    for _ in range(count):
        key = data[at]
        if key < 24:
            at += 1
        elif key == 0x18 and data[at + 1] > 23:
            key = data[at + 1]
            at += 2
        else:
            key, at = _key(data, at, depth, tags)
        first = data[at]
        if 0x60 <= first < 0x78:
            end = at + first - 0x5F
            pairs[key] = data[at + 1 : end].decode()
            at = end
        elif first < 24:
            pairs[key] = first
            at += 1
        elif first == 0x78 and data[at + 1] > 23:
            end = at + 2 + data[at + 1]
            pairs[key] = data[at + 2 : end].decode()
            at = end
        elif first == 0x1A and (data[at + 1] or data[at + 2]):
            end = at + 5
            pairs[key] = int.from_bytes(data[at + 1 : end], "big")
            at = end
        else:
            pairs[key], at = _item(data, at, depth, tags)
    if len(pairs) != count:
        raise _refuse("A map has the same key twice.")
    return pairs, at


def _key(data: bytes, at: int, depth: int, tags: Collection[int]) -> tuple[int | str, int]:
    if data[at] >> 5 in _KEY_TYPES:
        key, at = _item(data, at, depth, tags)
        if isinstance(key, int | str):
            return key, at
    raise _refuse("Map keys must be integers or text.")


_CONTAINERS: Mapping[int, Callable[[bytes, int, int, int, Collection[int]], tuple[Cbor, int]]] = {
    4: _list,
    5: _map,
    6: _tag,
}


def _refuse(message: str) -> FormatError:
    return FormatError(message, code="qr.cbor")
