"""Base45: two bytes as three characters of the QR alphanumeric set (RFC 9285 §4).

>>> encode(b"ietf!")
'QED8WEX0'
>>> decode("QED8WEX0")
b'ietf!'

Exactly one text stands for each byte string, so decoding is strict: no lower case, no white
space around it, no values above 65535.
"""

from __future__ import annotations

import struct

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


def decode(text: str, *, max_chars: int = MAX_CHARS) -> bytes:
    """Read base45 strictly; ``FormatError`` with code ``qr.base45`` for anything else."""
    if len(text) > max_chars:
        raise _refuse("The text is longer than a QR code can hold.")
    if len(text) % 3 == 1:
        raise _refuse("The text has a length that base45 cannot have.")
    digits = _digits(text)
    whole = len(digits) // 3 * 3
    values = [
        low + 45 * middle + 2025 * high
        for low, middle, high in zip(
            digits[0:whole:3], digits[1:whole:3], digits[2:whole:3], strict=True
        )
    ]
    try:
        data = struct.pack(f">{len(values)}H", *values)
    except struct.error as e:
        raise _refuse("Three characters stand for more than two bytes.") from e
    if whole == len(digits):
        return data
    last = digits[-2] + 45 * digits[-1]
    if last > 0xFF:
        raise _refuse("The last two characters stand for more than one byte.")
    return data + bytes([last])


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
