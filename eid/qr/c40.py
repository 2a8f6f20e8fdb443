"""C40: three characters in two bytes, and the dates beside them (9303-13 §2.3; ISO/IEC 16022).

>>> encode("UTO").hex(), decode(encode("UTO"))
('d9c5', 'UTO')
>>> decode(encode("AB1CD"))
'AB1CD'
>>> read_date(bytes.fromhex("a8f206"))
datetime.date(2006, 11, 7)
"""

from __future__ import annotations

from datetime import date

from eid.errors import FormatError

_CHARS = "\0\0\0 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_UNLATCH = 0xFE


def encode(text: str) -> bytes:
    """Capitals, digits, spaces and ``<`` (as a space) in C40; a rest of one as plain character."""
    codes = [_CHARS.index(char) for char in text.replace("<", " ")]
    data = bytearray()
    for start in range(0, len(codes) - len(codes) % 3, 3):
        data += _pair(codes[start], codes[start + 1], codes[start + 2])
    rest = len(codes) % 3
    if rest == 2:
        data += _pair(codes[-2], codes[-1], 0)
    elif rest == 1:
        data += bytes([_UNLATCH, ord(text[-1].replace("<", " ")) + 1])
    return bytes(data)


def decode(data: bytes) -> str:
    """The text of C40 bytes; ``FormatError`` ``qr.foreign``."""
    if len(data) % 2:
        raise _refuse()
    text = []
    for at in range(0, len(data), 2):
        if data[at] == _UNLATCH:
            if at + 2 != len(data) or not 0x20 < data[at + 1] < 0x80:
                raise _refuse()
            text.append(chr(data[at + 1] - 1))
            break
        value = (data[at] << 8 | data[at + 1]) - 1
        codes = (value // 1600, value // 40 % 40, value % 40)
        padded = at + 2 == len(data) and codes[2] == 0
        used = codes[:2] if padded else codes
        if value < 0 or not all(3 <= code < 40 for code in used):
            raise _refuse()
        text += [_CHARS[code] for code in used]
    return "".join(text)


def read_date(data: bytes) -> date:
    """Three bytes with the number MMDDYYYY; ``FormatError`` ``qr.foreign``."""
    number = int.from_bytes(data, "big")
    try:
        return date(number % 10_000, number // 1_000_000, number // 10_000 % 100)
    except ValueError as e:
        raise _refuse() from e


def write_date(day: date) -> bytes:
    """The other way round."""
    return (day.month * 1_000_000 + day.day * 10_000 + day.year).to_bytes(3, "big")


def _pair(*codes: int) -> bytes:
    first, second, third = codes
    return (first * 1600 + second * 40 + third + 1).to_bytes(2, "big")


def _refuse() -> FormatError:
    return FormatError("The code holds malformed text or dates.", code="qr.foreign")
