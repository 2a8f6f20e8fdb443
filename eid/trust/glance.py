"""A first look at a certificate: where to file it, without reading all of it.

Ten thousand certificates are filed in a fraction of the time it takes to parse them. What a
glance gives is only for finding; whatever is found is then parsed and judged in full.

>>> glance(bytes.fromhex("3000"))
Traceback (most recent call last):
    ...
eid.errors.FormatError: A data object is missing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from eid.errors import FormatError

ANY_COUNTRY: Final = "?"
_COUNTRY: Final = bytes.fromhex("0603550406")
_KEY_ID: Final = bytes.fromhex("0603551d0e04")
_STRINGS: Final = (0x0C, 0x13, 0x16)
_MAX_LENGTH_SIZE: Final = 4
_MAX_KEY_ID: Final = 127


@dataclass(frozen=True, slots=True)
class Glance:
    """Serial and subject as encoded, country or ``?``, key identifier or empty."""

    fingerprint: str
    serial: bytes = field(repr=False)
    subject: bytes = field(repr=False)
    country: str
    key_id: bytes = field(repr=False)


def glance(data: bytes) -> Glance | None:
    """Look at a certificate; ``None`` if its encoding is too odd for a glance.

    Raises ``FormatError`` if it certainly is none.
    """
    outer, start, end = _head(data, 0, len(data))
    if start is None:
        return None
    tbs, at, tbs_end = _head(data, start, end)
    if outer != 0x30 or tbs != 0x30:
        raise FormatError("A certificate is malformed.", code="certificate.format")
    if at is None:
        return None
    if data[at : at + 1] == b"\xa0":
        at = _head(data, at, tbs_end)[2]
    fields: list[tuple[int, int, int]] = []
    for _ in range(5):
        tag, begin, finish = _head(data, at, tbs_end)
        if begin is None:
            return None
        fields.append((tag, at, finish))
        at = finish
    if [tag for tag, _, _ in fields] != [0x02, 0x30, 0x30, 0x30, 0x30]:
        raise FormatError("A certificate lacks a field.", code="certificate.field")
    subject = data[fields[4][1] : fields[4][2]]
    return Glance(
        fingerprint=hashlib.sha256(data[:end]).hexdigest(),
        serial=data[fields[0][1] + 2 : fields[0][2]],
        subject=subject,
        country=_country(subject),
        key_id=_key_id(data, at, tbs_end),
    )


def _head(data: bytes, at: int, limit: int) -> tuple[int, int | None, int]:
    """Tag, start of the contents and end; no start where the length is indefinite."""
    if at + 2 > limit:
        raise FormatError("A data object is missing.", code="tlv.truncated")
    tag, first, start = data[at], data[at + 1], at + 2
    if first == 0x80:
        return tag, None, limit
    if first > 0x80:
        size = first & 0x7F
        first = int.from_bytes(data[start : start + size], "big")
        start += size
        if size > _MAX_LENGTH_SIZE:
            return tag, None, limit
    if start + first > limit:
        raise FormatError("A data object is longer than its room.", code="tlv.truncated")
    return tag, start, start + first


def _country(subject: bytes) -> str:
    """The country in capitals if it stands there once in plain letters, else ``?``."""
    at = subject.find(_COUNTRY)
    if at < 0 or subject.count(_COUNTRY) != 1 or len(subject) < at + 7:
        return ANY_COUNTRY
    tag, size = subject[at + 5], subject[at + 6]
    value = subject[at + 7 : at + 7 + size]
    plain = tag in _STRINGS and value.isalpha() and value.isascii()
    return value.decode("ascii").upper() if plain else ANY_COUNTRY


def _key_id(data: bytes, at: int, end: int) -> bytes:
    """The subject key identifier behind the subject, if it is written plainly."""
    found = data.rfind(_KEY_ID, at, end)
    inner = found + len(_KEY_ID) + 1
    if found < 0 or data[inner : inner + 1] != b"\x04" or data[inner + 1] > _MAX_KEY_ID:
        return b""
    return data[inner + 2 : inner + 2 + data[inner + 1]]
