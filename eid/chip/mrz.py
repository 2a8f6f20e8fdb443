"""The machine-readable zone: TD1, TD2, TD3 and their check digits (9303-3 §4.9, -4, -5, -6).

A wrong check digit is a finding in ``problems``, not an error: who judges decides what it means.

>>> check_digit("520727")
'3'
>>> mrz = parse_mrz("I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
>>> mrz.kind, mrz.document_number, mrz.surname, mrz.given_names, mrz.problems
('TD1', 'D23145890', 'ERIKSSON', 'ANNA MARIA', ())
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from eid.errors import FormatError

Kind = Literal["TD1", "TD2", "TD3"]
Span = tuple[int, int]

FILLER: Final = "<"
_DIGITS: Final = "0123456789"
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_VALUES: Final[Mapping[str, int]] = MappingProxyType(
    {FILLER: 0, **{char: value for value, char in enumerate(_DIGITS + _LETTERS)}}
)
_WEIGHTS: Final = (7, 3, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mrz:
    """The zone's fields without fillers; dates are its own six characters (YYMMDD).

    ``problems`` names every check digit that is wrong: ``document_number``, ``birth_date``,
    ``expiry``, ``optional_data``, ``composite``.
    """

    kind: Kind
    lines: tuple[str, ...] = field(repr=False)
    document_code: str
    issuing_state: str
    nationality: str
    document_number: str = field(repr=False)
    optional_data: str = field(repr=False)
    optional_data_2: str = field(repr=False)
    birth_date: str = field(repr=False)
    sex: str = field(repr=False)
    expiry: str = field(repr=False)
    surname: str = field(repr=False)
    given_names: str = field(repr=False)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where each field lies in the joined lines; ``composite`` lists what its digit covers."""

    kind: Kind
    width: int
    number: Span
    optional: Span
    optional_2: Span
    birth: Span
    sex: int
    expiry: Span
    nationality: Span
    name: Span
    optional_digit: int | None
    composite: tuple[Span, ...]
    composite_digit: int


_TD1: Final = _Layout(
    "TD1", 30, (5, 14), (15, 30), (48, 59), (30, 36), 37, (38, 44), (45, 48), (60, 90),
    None, ((5, 30), (30, 37), (38, 45), (48, 59)), 59,
)  # fmt: skip
_TD2: Final = _Layout(
    "TD2", 36, (36, 45), (64, 71), (71, 71), (49, 55), 56, (57, 63), (46, 49), (5, 36),
    None, ((36, 46), (49, 56), (57, 71)), 71,
)  # fmt: skip
_TD3: Final = _Layout(
    "TD3", 44, (44, 53), (72, 86), (86, 86), (57, 63), 64, (65, 71), (54, 57), (5, 44),
    86, ((44, 54), (57, 64), (65, 87)), 87,
)  # fmt: skip
_LAYOUTS: Final = MappingProxyType({90: _TD1, 72: _TD2, 88: _TD3})


def check_digit(text: str) -> str:
    """Return the check digit of these characters (weights 7, 3, 1; ``<`` counts 0)."""
    try:
        total = sum(_VALUES[char] * _WEIGHTS[i % 3] for i, char in enumerate(text))
    except KeyError:
        raise FormatError("A character cannot stand in an MRZ.", code="mrz.character") from None
    return str(total % 10)


def parse_mrz(zone: str | bytes) -> Mrz:
    """Read a zone of 90, 72 or 88 characters, line ends ignored. Raises FormatError."""
    text = _clean(zone)
    layout = _LAYOUTS.get(len(text))
    if layout is None:
        raise FormatError("An MRZ has 90, 72 or 88 characters.", code="mrz.length")
    number, number_digit, optional = _document_number(text, layout)
    surname, _, given = text[slice(*layout.name)].rstrip(FILLER).partition("<<")
    return Mrz(
        kind=layout.kind,
        lines=tuple(text[i : i + layout.width] for i in range(0, len(text), layout.width)),
        document_code=text[:2].rstrip(FILLER),
        issuing_state=text[2:5].rstrip(FILLER),
        nationality=text[slice(*layout.nationality)].rstrip(FILLER),
        document_number=number,
        optional_data=optional,
        optional_data_2=text[slice(*layout.optional_2)].rstrip(FILLER),
        birth_date=text[slice(*layout.birth)],
        sex=text[layout.sex].replace(FILLER, ""),
        expiry=text[slice(*layout.expiry)],
        surname=_words(surname),
        given_names=_words(given),
        problems=_problems(text, layout, number, number_digit),
    )


def _clean(zone: str | bytes) -> str:
    if len(zone) > 128:
        raise FormatError("An MRZ has 90, 72 or 88 characters.", code="mrz.length")
    if isinstance(zone, bytes):
        zone = zone.decode("latin-1")
    text = zone.replace("\r", "").replace("\n", "")
    if any(char not in _VALUES for char in text):
        raise FormatError("A character cannot stand in an MRZ.", code="mrz.character")
    return text


def _document_number(text: str, layout: _Layout) -> tuple[str, str, str]:
    """Return number, its check digit, and the optional data (9303-5 §4.2.2: long numbers).

    A number longer than nine characters has ``<`` for its check digit and goes on in the
    optional data; the last character before the first filler there is the check digit.
    """
    start, end = layout.number
    number, digit = text[start:end], text[end]
    optional = text[slice(*layout.optional)]
    if layout.kind == "TD3" or digit != FILLER or number.endswith(FILLER):
        return number.rstrip(FILLER), digit, optional.rstrip(FILLER)
    more, _, rest = optional.partition(FILLER)
    if len(more) < 2:
        return number, digit, optional.rstrip(FILLER)
    return number + more[:-1], more[-1], rest.strip(FILLER)


def _problems(text: str, layout: _Layout, number: str, number_digit: str) -> tuple[str, ...]:
    birth_end, expiry_end = layout.birth[1], layout.expiry[1]
    pairs = [
        ("document_number", number, number_digit),
        ("birth_date", text[slice(*layout.birth)], text[birth_end]),
        ("expiry", text[slice(*layout.expiry)], text[expiry_end]),
    ]
    if layout.optional_digit is not None:
        optional = text[slice(*layout.optional)]
        digit = text[layout.optional_digit]
        empty = not optional.strip(FILLER)
        pairs.append(("optional_data", optional, "0" if empty and digit == FILLER else digit))
    covered = "".join(text[slice(*span)] for span in layout.composite)
    pairs.append(("composite", covered, text[layout.composite_digit]))
    return tuple(name for name, field_text, digit in pairs if check_digit(field_text) != digit)


def _words(name: str) -> str:
    return " ".join(part for part in name.split(FILLER) if part)
