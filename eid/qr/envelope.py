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


def pack(message: bytes) -> str:
    """The text that goes into the QR code."""
    return base45.encode(zlib.compress(message, 9))


def unpack(text: str) -> bytes:
    """The message inside *text*; ``FormatError`` with code ``qr.base45`` or ``qr.zlib``."""
    stream = base45.decode(text)
    content = inflate(stream)
    last = stream[-_TRAILER - 1]
    if last:
        without = bytes([last & ~(1 << last.bit_length() - 1)])
        cleared = stream[: -_TRAILER - 1] + without + stream[-_TRAILER:]
        if _is_same(cleared, content):
            raise _refuse("Unused bits at the end of the compressed data are set.")
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


def _is_same(stream: bytes, content: bytes) -> bool:
    inflater = zlib.decompressobj()
    try:
        again = inflater.decompress(stream, len(content) + 1)
    except zlib.error:
        return False
    return inflater.eof and again == content


def _refuse(message: str) -> FormatError:
    return FormatError(message, code="qr.zlib")
