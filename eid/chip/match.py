"""A printed card code as a value, held against the verified chip (facts: printed QR).

>>> from datetime import date
>>> printed = PrintedCard(
...     number="001090999999", old_number="", name="NGUYEN VAN THU", birth_date=date(1990, 3, 2),
...     sex="M", residence="Hà Nội", issue_date=date(2021, 5, 4), extras=(), findings=())
>>> printed.consistent
True

The printed code is unsigned: it says what to look for, never who somebody is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Literal

from eid.chip.checks.dates import worded_date
from eid.chip.checks.holder import same_name
from eid.chip.verify import VerifiedCard

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
class Match:
    """How a printed card compares with the chip, field by field.

    ``outcome`` is ``mismatch`` if any field differs, ``not_comparable`` if not even the number
    could be compared, and else ``match``.
    """

    outcome: Comparison
    fields: Mapping[str, Comparison]

    @property
    def mismatched(self) -> tuple[str, ...]:
        """The names of the fields that differ."""
        return tuple(name for name, found in self.fields.items() if found == "mismatch")


def match(printed: PrintedCard, card: VerifiedCard) -> Match:
    """Hold the printed fields against the verified chip; the chip is right where they differ.

    Names are compared in NFC without regard to case and spaces, against DG13 where it is known,
    else against the MRZ in plain letters, which may cut a long name. The address is not compared:
    it changes, and its wording is not fixed.
    """
    dg13 = card.dg13
    born = date.fromisoformat(card.holder.birth_date) if card.holder.birth_date else None
    fields = MappingProxyType(
        {
            "number": _equal(printed.number, card.holder.personal_number),
            "name": _same_name(printed.name, card),
            "birth_date": _equal(printed.birth_date, born),
            "sex": _equal(printed.sex, card.holder.sex),
            "issue_date": _equal(
                printed.issue_date, worded_date(dg13.issue_date if dg13 else None)
            ),
            "old_number": _equal(printed.old_number, dg13.old_number if dg13 else None),
        }
    )
    if "mismatch" in fields.values():
        return Match(outcome="mismatch", fields=fields)
    return Match(outcome=fields["number"], fields=fields)


def _equal(printed: str | date | None, shown: str | date | None) -> Comparison:
    if not printed or not shown:
        return "not_comparable"
    return "match" if printed == shown else "mismatch"


def _same_name(printed: str, card: VerifiedCard) -> Comparison:
    name = card.dg13.name if card.dg13 else None
    if name:
        return _equal(_folded(printed), _folded(name))
    return "match" if same_name(card.mrz, printed) else "mismatch"


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())
