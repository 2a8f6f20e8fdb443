"""A printed card code or a typed form as a value, held against the verified chip.

>>> from datetime import date
>>> printed = PrintedCard(
...     number="001090999999", old_number="", name="NGUYEN VAN THU", birth_date=date(1990, 3, 2),
...     sex="M", residence="Hà Nội", issue_date=date(2021, 5, 4), extras=(), findings=())
>>> printed.consistent
True

>>> form = typed_form(number="001 090 999 999", name="Nguyễn Văn Thử", birth_date="2/3/1990")
>>> form.number, form.birth_date
('001090999999', datetime.date(1990, 3, 2))

Both are unsigned: they say what to look for, never who somebody is. A name is compared as
Vietnamese is written: composition, case, spaces and the letter that carries a tone do not count
(``hoà`` is ``hòa``), letters and tones do; ``đ`` is no ``d``. Two exceptions are named at
:func:`match`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final, Literal

from eid.chip.checks.dates import worded_date
from eid.chip.checks.holder import plain_letters, same_name
from eid.chip.verify import VerifiedCard
from eid.errors import FormatError

Comparison = Literal["match", "mismatch", "not_comparable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedCard:
    """The fields of the code printed on a card. Parsed, perhaps consistent, never verified.

    ``old_number`` is empty where there is none; a date is ``None`` where the text is no real
    date. ``extras`` are the fields after the seventh, raw. ``findings`` names every rule that
    does not hold; those in ``CONTRADICTIONS`` make the card inconsistent, the rest are warnings.
    """

    number: str = field(repr=False)
    old_number: str = field(repr=False)
    name: str = field(repr=False)
    birth_date: date | None = field(repr=False)
    sex: Literal["M", "F"] = field(repr=False)
    residence: str = field(repr=False)
    issue_date: date | None = field(repr=False)
    extras: tuple[str, ...] = field(repr=False)
    findings: tuple[str, ...]

    @property
    def consistent(self) -> bool:
        """Whether no rule about the fields' relation is broken. Proves nothing."""
        return not CONTRADICTIONS.intersection(self.findings)


CONTRADICTIONS = frozenset(
    {
        "number.sex",
        "number.birth_year",
        "birth_date.not_real",
        "issue_date.not_real",
        "issue_date.before_birth",
        "issue_date.in_future",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedForm:
    """What somebody typed about a card; what was left out is empty or ``None``.

    :func:`typed_form` makes one from text as people write it.
    """

    number: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    birth_date: date | None = field(default=None, repr=False)
    sex: Literal["M", "F", ""] = field(default="", repr=False)
    nationality: str = field(default="", repr=False)
    document_number: str = field(default="", repr=False)
    old_number: str = field(default="", repr=False)
    issue_date: date | None = field(default=None, repr=False)
    expiry: date | None = field(default=None, repr=False)


_MAX_TEXT: Final = 512
_TYPED_SEXES: Final[Mapping[str, Literal["M", "F", ""]]] = MappingProxyType(
    {"": "", "m": "M", "nam": "M", "male": "M", "f": "F", "nữ": "F", "nu": "F", "female": "F"}
)
_TONES: Final = frozenset("\u0300\u0301\u0303\u0309\u0323")


def typed_form(  # noqa: PLR0913 - the fields of a form, by keyword
    *,
    number: str = "",
    name: str = "",
    birth_date: str = "",
    sex: str = "",
    nationality: str = "",
    document_number: str = "",
    old_number: str = "",
    issue_date: str = "",
    expiry: str = "",
) -> TypedForm:
    """A form from its fields as typed: dates ``2/3/1990`` or ``1990-03-02``, sex in words or M, F.

    Spaces, dots and hyphens within numbers do not count. Raises ``FormatError`` with code
    ``form.number``, ``form.old_number``, ``form.document_number``, ``form.sex``,
    ``form.nationality``, ``form.name`` or ``form.<date>``; messages never hold what was typed.
    """
    if len(name) > _MAX_TEXT:
        raise _unusable("name")
    words = unicodedata.normalize("NFC", sex[:_MAX_TEXT]).strip().casefold()
    if words not in _TYPED_SEXES:
        raise _unusable("sex")
    return TypedForm(
        number=_typed_code("number", number, "[0-9]{12}"),
        name=name.strip(),
        birth_date=_typed_date("birth_date", birth_date),
        sex=_TYPED_SEXES[words],
        nationality=_typed_code("nationality", nationality, "[A-Z]{1,3}"),
        document_number=_typed_code("document_number", document_number, "[0-9A-Z]{1,20}"),
        old_number=_typed_code("old_number", old_number, "[0-9]{9}|[0-9]{12}"),
        issue_date=_typed_date("issue_date", issue_date),
        expiry=_typed_date("expiry", expiry),
    )


def _unusable(name: str) -> FormatError:
    return FormatError("A field of the form cannot be read.", code=f"form.{name}")


def _typed_code(name: str, text: str, form: str) -> str:
    found = re.sub(r"[ .\-]", "", text[:_MAX_TEXT]).upper()
    if found and not re.fullmatch(form, found):
        raise _unusable(name)
    return found


def _typed_date(name: str, text: str) -> date | None:
    found = text.strip()
    if not found:
        return None
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", found):
        year, month, day = found.split("-")
        found = f"{day}/{month}/{year}"
    typed = worded_date(found)
    if typed is None:
        raise _unusable(name)
    return typed


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """How a printed card or a typed form compares with the chip, field by field.

    ``outcome`` is ``mismatch`` if any field differs, ``not_comparable`` if not even the number
    could be compared, and else ``match``.
    """

    outcome: Comparison
    fields: Mapping[str, Comparison]

    @property
    def mismatched(self) -> tuple[str, ...]:
        """The names of the fields that differ."""
        return tuple(name for name, found in self.fields.items() if found == "mismatch")


def match(held: PrintedCard | TypedForm, card: VerifiedCard) -> Match:
    """Hold printed or typed fields against the verified chip; the chip is right where they differ.

    Names are compared against DG13 where it is known, else against the MRZ in plain letters,
    which may cut a long name. A *typed* name without a single mark is compared in plain letters,
    since not every keyboard writes Vietnamese. The address is not compared: it changes, and its
    wording is not fixed.
    """
    dg13, holder = card.dg13, card.holder
    born = date.fromisoformat(holder.birth_date) if holder.birth_date else None
    issued = worded_date(dg13.issue_date if dg13 else None)
    fields = {
        "number": _equal(held.number, holder.personal_number),
        "name": _same_name(held.name, card, plain=isinstance(held, TypedForm)),
        "birth_date": _equal(held.birth_date, born),
        "sex": _equal(held.sex, holder.sex),
        "issue_date": _equal(held.issue_date, issued),
        "old_number": _equal(held.old_number, dg13.old_number if dg13 else None),
    }
    if isinstance(held, TypedForm):
        fields["nationality"] = _equal(held.nationality, holder.nationality)
        fields["document_number"] = _equal(held.document_number, holder.document_number)
        fields["expiry"] = _equal(held.expiry, card.expires)
    outcome = "mismatch" if "mismatch" in fields.values() else fields["number"]
    return Match(outcome=outcome, fields=MappingProxyType(fields))


def _equal(said: str | date | None, shown: str | date | None) -> Comparison:
    if not said or not shown:
        return "not_comparable"
    return "match" if said == shown else "mismatch"


def _same_name(said: str, card: VerifiedCard, *, plain: bool) -> Comparison:
    if not said.strip():
        return "not_comparable"
    name = card.dg13.name if card.dg13 else None
    if not name:
        return "match" if same_name(card.mrz, said) else "mismatch"
    if plain and said.isascii():
        return _equal(plain_letters(said), plain_letters(name))
    return _equal(_folded(said), _folded(name))


def _folded(name: str) -> str:
    """Letters with their shape, each syllable's tones behind it; one form for every spelling.

    >>> _folded("Trần  HOÀ") == _folded("trần hòa"), _folded("Hòa") == _folded("Hoa")
    (True, False)
    """
    syllables = unicodedata.normalize("NFD", name.casefold()).split()
    return " ".join(
        "".join(char for char in syllable if char not in _TONES)
        + "".join(char for char in syllable if char in _TONES)
        for syllable in syllables
    )
