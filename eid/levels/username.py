"""User names: one spelling per name, no look-alikes (row F-014).

>>> normalize_username("  Nguyễn.An ")
'nguyễn.an'
"""

from __future__ import annotations

import string
import unicodedata

from eid.errors import FormatError

MAX_CHARACTERS = 64
_ASCII = frozenset(string.ascii_lowercase + string.digits + "._@+-")


def normalize_username(text: str) -> str:
    """NFC and case-folded, Latin letters, digits and ``. _ @ + -``; FormatError otherwise."""
    name = text[: MAX_CHARACTERS * 2].strip(" ")
    name = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    if not 0 < len(name) <= MAX_CHARACTERS or not all(map(_allowed, name)):
        raise FormatError(
            "A user name has 1 to 64 Latin letters, digits or . _ @ + -.", code="username"
        )
    return name


def _allowed(character: str) -> bool:
    if character in _ASCII:
        return True
    return not character.isascii() and unicodedata.name(character, "").startswith(
        "LATIN SMALL LETTER"
    )
