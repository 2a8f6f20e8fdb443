"""How single values of a Claim 169 map are read, and what is odd about them (1.2.0 §3.2).

>>> read_date("1990-03-02")
(datetime.date(1990, 3, 2), ('date.dashes',))
>>> read_date("19900231") is None
True

A reader gives ``None`` for a value that it does not understand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Literal, TypeAlias
from unicodedata import normalize

from eid.qr.cbor import Cbor
from eid.qr.plaintext import shown_text, warnings_of

MAX_ITEMS = 10

Sex: TypeAlias = Literal["M", "F", "X"]
SEXES: Mapping[int, Sex] = {1: "M", 2: "F", 3: "X"}

_DASHED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}")

Value: TypeAlias = str | int | bytes | date | tuple[int, ...]


Read: TypeAlias = tuple[Value, tuple[str, ...]]
"""A value that was understood, and the codes of what was odd about it."""

Reader: TypeAlias = Callable[[Cbor], Read | None]


def text(limit: int, *, lines: bool = False, pattern: str = "") -> Reader:
    """A reader for shown text of at most *limit* characters that matches *pattern*, if any."""
    if pattern:
        return _coded(limit, re.compile(pattern))

    def read(value: Cbor) -> Read | None:
        if not isinstance(value, str):
            return None
        if not value.isprintable() or len(value) > limit:
            value = shown_text(value, max_chars=limit, lines=lines)
        if not value.isascii():
            value = normalize("NFC", value)
        return value, warnings_of(value)

    return read


def _coded(limit: int, form: re.Pattern[str]) -> Reader:
    def read(value: Cbor) -> Read | None:
        if isinstance(value, str) and len(value) <= limit and form.fullmatch(value):
            return value, ()
        return None

    return read


def read_date(value: Cbor) -> Read | None:
    """YYYYMMDD, or with dashes (``date.dashes``)."""
    if not isinstance(value, str):
        return None
    plain = len(value) == 8 and value.isascii() and value.isdigit()
    if not plain and not _DASHED.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value), () if plain else ("date.dashes",)
    except ValueError:
        return None


def read_sex(value: Cbor) -> Read | None:
    """1, 2 or 3, or the same as text (``sex.text``)."""
    if isinstance(value, str) and value in {"1", "2", "3"}:
        return SEXES[int(value)], ("sex.text",)
    number = integer(value)
    sex = None if number is None else SEXES.get(number)
    return None if sex is None else (sex, ())


def read_language(value: Cbor) -> Read | None:
    """Three small letters; two or capitals are ``language.not_iso_639_3``."""
    if not isinstance(value, str) or not _LANGUAGE.fullmatch(value):
        return None
    return value, () if len(value) == 3 and value.islower() else ("language.not_iso_639_3",)


def number_between(low: int, high: int) -> Reader:
    """A reader for whole numbers from *low* to *high*."""

    def read(value: Cbor) -> Read | None:
        number = integer(value)
        return (number, ()) if number is not None and low <= number <= high else None

    return read


def octets(limit: int) -> Reader:
    """A reader for one to *limit* bytes."""

    def read(value: Cbor) -> Read | None:
        return (value, ()) if isinstance(value, bytes) and 0 < len(value) <= limit else None

    return read


def read_integers(value: Cbor) -> Read | None:
    """A short list of whole numbers."""
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        return None
    numbers = tuple(number for item in value if (number := integer(item)) is not None)
    return (numbers, ()) if len(numbers) == len(value) else None


def integer(value: Cbor) -> int | None:
    """*value* if it is a whole number; ``True`` is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
