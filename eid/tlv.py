"""BER-TLV in one small strict reader and writer (X.690 §8, §10; ISO/IEC 7816-4 §6.3).

Lengths are definite and minimal (DER) unless ``ber=True``, which also takes longer forms and
indefinite lengths. Depth, count and size are capped, so that no input costs more than its size.
Every function raises :class:`~eid.errors.FormatError` on bad bytes and nothing else.

>>> parse(bytes.fromhex("7C06 80 02 0102 81 00"))
Tlv(tag=124)
>>> [child.value.hex() for child in children(parse(bytes.fromhex("7C0680020102 8100")))]
['0102', '']
>>> encode(0x7F49, encode(0x06, encode_oid("0.4.0.127.0.7.2.2.4.2.2"))).hex()
'7f490c060a04007f00070202040202'
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from eid.errors import FormatError

MAX_DEPTH: Final = 32
MAX_COUNT: Final = 20_000
MAX_SIZE: Final = 1 << 20
MAX_OID_SIZE: Final = 64
MAX_INT_SIZE: Final = 2_050
INTEGER: Final = 0x02
OID: Final = 0x06
_MAX_TAG_SIZE: Final = 4
_MAX_LENGTH_SIZE: Final = 4
_CONSTRUCTED: Final = 0x20


class Tlv(NamedTuple):
    """One data object: its identifier octets as a number, its contents, and its very bytes."""

    tag: int
    value: bytes
    raw: bytes

    def __repr__(self) -> str:
        return f"Tlv(tag={self.tag})"

    @property
    def constructed(self) -> bool:
        """Whether the contents are data objects themselves (bit 6 of the first octet)."""
        return bool(self.raw[0] & _CONSTRUCTED)

    def children(self, *, ber: bool = False) -> tuple[Tlv, ...]:
        """Read the contents of a constructed data object."""
        if not self.constructed:
            raise FormatError("A data object with parts was expected.", code="tlv.primitive")
        return _all(self.value, ber=ber)

    def integer(self) -> int:
        """Read an ASN.1 INTEGER; another tag is a FormatError."""
        if self.tag != INTEGER:
            raise FormatError("An integer was expected.", code="tlv.tag")
        return decode_int(self.value)

    def oid(self) -> str:
        """Read an ASN.1 OBJECT IDENTIFIER in dotted form; another tag is a FormatError."""
        if self.tag != OID:
            raise FormatError("An object identifier was expected.", code="tlv.tag")
        return decode_oid(self.value)


class _Span(NamedTuple):
    tag: int
    constructed: bool
    indefinite: bool
    start: int
    end: int
    after: int


def parse(data: bytes, *, ber: bool = False, most: int = MAX_SIZE) -> Tlv:
    """Read exactly one data object with nothing after it; ``most`` caps the bytes."""
    item, rest = parse_first(data, ber=ber, most=most)
    if rest:
        raise FormatError("Bytes follow the data object.", code="tlv.trailing")
    return item


def parse_first(data: bytes, *, ber: bool = False, most: int = MAX_SIZE) -> tuple[Tlv, bytes]:
    """Read the first data object; return it and the bytes after it."""
    _cap(data, most)
    item = _plain(data, 0, len(data))
    if item is not None:
        return item, data[len(item.raw) :]
    span = _element(data, 0, len(data), ber=ber)
    return _cut(data, 0, span), data[span.after :]


def parse_all(data: bytes, *, ber: bool = False) -> tuple[Tlv, ...]:
    """Read the whole buffer as a sequence of data objects, which may be empty."""
    _cap(data)
    return _all(data, ber=ber)


def _all(data: bytes, *, ber: bool) -> tuple[Tlv, ...]:
    items: list[Tlv] = []
    at, end = 0, len(data)
    while at < end:
        item = _plain(data, at, end)
        if item is None:
            span = _element(data, at, end, ber=ber)
            item = _cut(data, at, span)
            at = span.after
        else:
            at += len(item.raw)
        items.append(item)
        if len(items) > MAX_COUNT:
            raise FormatError("There are too many data objects.", code="tlv.count")
    return tuple(items)


def _plain(data: bytes, at: int, end: int) -> Tlv | None:
    """Read the common case at once: a tag of one octet, a minimal length up to 64 KiB."""
    if at + 4 > end:
        return None
    tag, size, start = data[at], data[at + 1], at + 2
    if size >= 0x80:
        if size == 0x81 and data[start] >= 0x80:
            size, start = data[start], at + 3
        elif size == 0x82 and data[start]:
            size, start = data[start] << 8 | data[at + 3], at + 4
        else:
            return None
    after = start + size
    if after > end or tag & 0x1F == 0x1F or not tag:
        return None
    return tuple.__new__(Tlv, (tag, data[start:after], data[at:after]))


def children(item: Tlv, *, ber: bool = False) -> tuple[Tlv, ...]:
    """Read the contents of a constructed data object."""
    return item.children(ber=ber)


def find(items: Iterable[Tlv], tag: int) -> Tlv | None:
    """Return the first data object with this tag, if there is one."""
    return next((item for item in items if item.tag == tag), None)


def only(items: Iterable[Tlv], tag: int) -> Tlv:
    """Return the one data object with this tag; absent or repeated is a FormatError."""
    found = [item for item in items if item.tag == tag]
    if len(found) != 1:
        word = "repeated" if found else "missing"
        raise FormatError(f"Data object {tag:X} is {word}.", code=f"tlv.{word}", tag=f"{tag:X}")
    return found[0]


def check(
    data: bytes, *, ber: bool = False, depth: int = MAX_DEPTH, count: int = MAX_COUNT
) -> None:
    """Scan a whole tree against the caps, before any general ASN.1 library may see it."""
    _cap(data)
    seen = 0
    work = [(0, len(data), 0)]
    while work:
        at, end, level = work.pop()
        while at < end:
            span = _element(data, at, end, ber=ber)
            seen += 1
            if seen > count:
                raise FormatError("There are too many data objects.", code="tlv.count")
            if span.constructed:
                if level + 1 >= depth:
                    raise FormatError("Data objects are nested too deeply.", code="tlv.depth")
                work.append((span.start, span.end, level + 1))
            at = span.after


def total_length(head: bytes) -> int:
    """Return header plus contents length that the first bytes of a file announce.

    A file's length is taken from a longer form too: cards write 82 0063 where 63 would do.
    """
    tag_end = _tag_end(head, 0, len(head))
    length, start = _length(head, tag_end, len(head), ber=True)
    if length is None:
        raise FormatError("A file of indefinite length has no announced end.", code="tlv.length")
    if start + length > MAX_SIZE:
        raise FormatError("The announced length is too big.", code="tlv.size")
    return start + length


def encode(tag: int, *values: bytes) -> bytes:
    """Write one data object with a definite, minimal length around the joined values."""
    value = b"".join(values)
    identifier = tag.to_bytes(max(1, (tag.bit_length() + 7) // 8), "big")
    size = len(value)
    if size < 0x80:
        return identifier + bytes([size]) + value
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return identifier + bytes([0x80 | len(octets)]) + octets + value


def encode_int(number: int) -> bytes:
    """Write the contents octets of an INTEGER (two's complement, minimal)."""
    size = (number if number >= 0 else ~number).bit_length() // 8 + 1
    return number.to_bytes(size, "big", signed=True)


def decode_int(value: bytes) -> int:
    """Read the contents octets of an INTEGER; empty, padded or huge ones are refused."""
    if not value or len(value) > MAX_INT_SIZE:
        raise FormatError("An integer has an unusable length.", code="tlv.integer")
    if len(value) > 1 and value[0] in (0x00, 0xFF) and (value[0] ^ value[1]) < 0x80:
        raise FormatError("An integer is padded.", code="tlv.integer")
    return int.from_bytes(value, "big", signed=True)


def encode_oid(dotted: str) -> bytes:
    """Write the contents octets of an OBJECT IDENTIFIER."""
    arcs = [int(arc) for arc in dotted.split(".")]
    octets = bytearray()
    for arc in (arcs[0] * 40 + arcs[1], *arcs[2:]):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        octets += bytes(reversed(groups))
    return bytes(octets)


@lru_cache(maxsize=512)
def decode_oid(value: bytes) -> str:
    """Read the contents octets of an OBJECT IDENTIFIER into dotted form."""
    if not value or len(value) > MAX_OID_SIZE or value[-1] & 0x80:
        raise FormatError("An object identifier has an unusable length.", code="tlv.oid")
    arcs: list[int] = []
    arc, fresh = 0, True
    for octet in value:
        if fresh and octet == 0x80:
            raise FormatError("An object identifier is padded.", code="tlv.oid")
        arc = arc << 7 | octet & 0x7F
        fresh = not octet & 0x80
        if fresh:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(str(arc) for arc in (first, arcs[0] - 40 * first, *arcs[1:]))


def _cap(data: bytes, most: int = MAX_SIZE) -> None:
    if len(data) > most:
        raise FormatError("There are too many bytes.", code="tlv.size")


def _cut(data: bytes, at: int, span: _Span) -> Tlv:
    return Tlv(span.tag, data[span.start : span.end], data[at : span.after])


def _element(data: bytes, at: int, limit: int, *, ber: bool) -> _Span:
    start = _tag_end(data, at, limit)
    tag = int.from_bytes(data[at:start], "big")
    constructed = bool(data[at] & _CONSTRUCTED)
    length, start = _length(data, start, limit, ber=ber)
    if tag == 0:
        raise FormatError("An end mark stands where none may be.", code="tlv.tag")
    if length is not None:
        end = start + length
        if end > limit:
            raise FormatError("A data object is longer than its room.", code="tlv.truncated")
        return _Span(tag, constructed, indefinite=False, start=start, end=end, after=end)
    if not constructed:
        raise FormatError("A primitive data object has no length.", code="tlv.length")
    end = _end_mark(data, start, limit)
    return _Span(tag, constructed, indefinite=True, start=start, end=end, after=end + 2)


def _tag_end(data: bytes, at: int, limit: int) -> int:
    if at >= limit:
        raise FormatError("A data object is missing.", code="tlv.truncated")
    end = at + 1
    if data[at] & 0x1F != 0x1F:
        return end
    while True:
        if end >= limit:
            raise FormatError("A tag is cut short.", code="tlv.truncated")
        if end == at + 1 and data[end] == 0x80:
            raise FormatError("A tag is padded.", code="tlv.tag")
        end += 1
        if not data[end - 1] & 0x80:
            return end
        if end - at >= _MAX_TAG_SIZE:
            raise FormatError("A tag is too long.", code="tlv.tag")


def _length(data: bytes, at: int, limit: int, *, ber: bool) -> tuple[int | None, int]:
    """Return the contents length (None: indefinite) and where the contents start."""
    if at >= limit:
        raise FormatError("A length is missing.", code="tlv.truncated")
    first = data[at]
    start = at + 1
    if first < 0x80:
        return first, start
    size = first & 0x7F
    if size == 0:
        if not ber:
            raise FormatError("A length is indefinite.", code="tlv.length")
        return None, start
    if size > _MAX_LENGTH_SIZE and not (ber and first != 0xFF and size <= 8):
        raise FormatError("A length is too long.", code="tlv.length")
    if start + size > limit:
        raise FormatError("A length is cut short.", code="tlv.truncated")
    length = int.from_bytes(data[start : start + size], "big")
    if not ber and (length < 0x80 or data[start] == 0):
        raise FormatError("A length is not minimal.", code="tlv.length")
    return length, start + size


def _end_mark(data: bytes, at: int, limit: int) -> int:
    """Find the end mark that closes an indefinite length whose contents start at ``at``."""
    open_marks = 1
    while True:
        if data[at : at + 2] == b"\x00\x00" and at + 2 <= limit:
            open_marks -= 1
            if not open_marks:
                return at
            at += 2
            continue
        start = _tag_end(data, at, limit)
        constructed = data[at] & _CONSTRUCTED
        length, start = _length(data, start, limit, ber=True)
        if length is None:
            open_marks += 1
            if not constructed or open_marks > MAX_DEPTH:
                raise FormatError("Data objects are nested too deeply.", code="tlv.depth")
            at = start
            continue
        at = start + length
        if at > limit:
            raise FormatError("A data object is longer than its room.", code="tlv.truncated")
