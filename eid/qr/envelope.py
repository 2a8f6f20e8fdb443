"""Text of a code ⇄ COSE bytes: base45 around zlib (MOSIP Claim 169 §"Encoding").

>>> unpack(pack(b"a signed message"))
b'a signed message'

Inflating is bounded to ``MAX_INFLATED`` bytes, nothing may follow the zlib stream, and the unused
bits at its end must be zero: else several texts would stand for one message.
"""

from __future__ import annotations

import zlib

from eid.errors import FormatError
from eid.qr import base45

MAX_INFLATED = 64 * 1024
_TRAILER = 4
"""Bytes of the Adler-32 checksum at the end of a zlib stream (RFC 1950 §2.2)."""
_ONE_FIXED_BLOCK = 0b011
"""How a stream begins behind its two bytes of header if this block is its only one (RFC 1951 §3.2.3)."""


def pack(message: bytes) -> str:
    """The text that goes into the QR code."""
    return base45.encode(zlib.compress(message, 9))


def unpack(text: str) -> bytes:
    """The message inside *text*; ``FormatError`` with code ``qr.base45`` or ``qr.zlib``."""
    stream = base45.decode(text)
    content = inflate(stream)
    last = stream[-_TRAILER - 1]
    if last > 1 or (last and stream[2] & 7 != _ONE_FIXED_BLOCK):
        _check_unused_bits(stream, last, content)
    return content


def inflate(stream: bytes, *, max_size: int = MAX_INFLATED) -> bytes:
    """Inflate one whole zlib stream of at most *max_size* bytes of content."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(stream, max_size + 1)
    except zlib.error as e:
        raise _refuse("The compressed data is damaged.") from e
    if len(content) > max_size:
        raise _refuse("The compressed data unfolds to more than is allowed.")
    if not inflater.eof:
        raise _refuse("The compressed data is cut short.")
    if inflater.unused_data:
        raise _refuse("Bytes follow the compressed data.")
    return content


def _check_unused_bits(stream: bytes, last: int, content: bytes) -> None:
    """Refuse a stream that means the same without the highest bit that is set in its last byte.

    A block of fixed codes ends with seven zero bits, so there only the lowest bit can mean anything.
    """
    without = bytes([last & ~(1 << last.bit_length() - 1)])
    cleared = stream[: -_TRAILER - 1] + without + stream[-_TRAILER:]
    inflater = zlib.decompressobj()
    try:
        again = inflater.decompress(cleared, len(content) + 1)
    except zlib.error:
        return
    if inflater.eof and again == content:
        raise _refuse("Unused bits at the end of the compressed data are set.")


def _refuse(message: str) -> FormatError:
    return FormatError(message, code="qr.zlib")
