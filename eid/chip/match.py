"""A printed card code as a value, to be held against the verified chip (facts: printed QR).

>>> from datetime import date
>>> printed = PrintedCard(
...     number="001090999999", old_number="", name="NGUYEN VAN THU", birth_date=date(1990, 3, 2),
...     sex="M", residence="Hà Nội", issue_date=date(2021, 5, 4), extras=(), findings=())
>>> printed.consistent
True

The printed code is unsigned: it says what to look for, never who somebody is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal


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
