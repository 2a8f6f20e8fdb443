"""Base45: two bytes as three characters of the QR alphanumeric set (RFC 9285 §4).

>>> encode(b"ietf!")
'QED8WEX0'
>>> decode("QED8WEX0")
b'ietf!'

Exactly one text stands for each byte string, so decoding is strict: no lower case, no white
space around it, no values above 65535.
"""

from __future__ import annotations

import functools

from eid.errors import FormatError

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
MAX_CHARS = 4296
"""What the largest QR symbol holds (40-L, alphanumeric)."""

_NOT_IN_ALPHABET = 0xFF
_DIGITS = bytes(
    ALPHABET.index(chr(octet)) if chr(octet) in ALPHABET else _NOT_IN_ALPHABET
    for octet in range(256)
)
_ONES = tuple(ALPHABET)
_PAIRS = tuple(low + high for high in ALPHABET for low in ALPHABET)


def encode(data: bytes) -> str:
    """Write *data* as base45; the text is 1.5 times as long, rounded up."""
    even = len(data) & ~1
    parts = []
    for index in range(0, even, 2):
        high, low = divmod(data[index] << 8 | data[index + 1], 2025)
        parts.append(_PAIRS[low] + _ONES[high])
    if even != len(data):
        parts.append(_PAIRS[data[-1]])
    return "".join(parts)


def decode(text: str) -> bytes:
    """Read base45 strictly; ``FormatError`` with code ``qr.base45`` for anything else."""
    if len(text) > MAX_CHARS:
        raise _refuse("The text is longer than a QR code can hold.")
    triples, rest = divmod(len(text), 3)
    if rest == 1:
        raise _refuse("The text has a length that base45 cannot have.")
    digits = _digits(text)
    if not rest:
        return _pairs_of_bytes(digits, triples)
    data = _pairs_of_bytes(digits[:-2], triples)
    last = digits[-2] + 45 * digits[-1]
    if last > 0xFF:
        raise _refuse("The last two characters stand for more than one byte.")
    return data + bytes([last])


def _pairs_of_bytes(digits: bytes, triples: int) -> bytes:
    """All triples at once: the digits are one long number of 24-bit lanes, low digit on top.

    No lane overflows: 44 + 45 · 44 + 2025 · 44 needs 17 bits.
    """
    lanes = int.from_bytes(digits, "big")
    lowest = _lowest(triples)
    values = (lanes >> 16 & lowest) + 45 * (lanes >> 8 & lowest) + 2025 * (lanes & lowest)
    if values & lowest << 16:
        raise _refuse("Three characters stand for more than two bytes.")
    data = bytearray(values.to_bytes(3 * triples, "big"))
    del data[::3]
    return bytes(data)


@functools.lru_cache(maxsize=64)
def _lowest(triples: int) -> int:
    """A mask for the lowest byte of each lane; codes come in few lengths."""
    return int.from_bytes(b"\x00\x00\xff" * triples, "big")


def _digits(text: str) -> bytes:
    try:
        digits = text.encode("ascii").translate(_DIGITS)
    except UnicodeEncodeError as e:
        raise _refuse("The text has a character outside the base45 alphabet.") from e
    if _NOT_IN_ALPHABET in digits:
        raise _refuse("The text has a character outside the base45 alphabet.")
    return digits


def _refuse(message: str) -> FormatError:
    return FormatError(message, code="qr.base45")
