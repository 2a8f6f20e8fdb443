"""Two-digit years of the MRZ, and dates as DG13 words them (ICAO Doc 9303-3 §4.8).

An expiry lies in 2000 to 2099. A birth lies in the latest century that is not in the future, or
in the one that the personal number or DG13 names.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

_ZONE: Final = re.compile(r"([0-9]{2})([0-9]{2}|<<)([0-9]{2}|<<)\Z")
_WORDED: Final = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})\Z")


def expiry_date(zone: str) -> date | None:
    """The MRZ's expiry, or ``None`` if it is no whole date.

    >>> expiry_date("351114"), expiry_date("<<<<<<")
    (datetime.date(2035, 11, 14), None)
    """
    return _date(f"20{zone}") if len(zone) == 6 else None


def birth_date(zone: str, *, at: date, century: int | None = None) -> date | None:
    """The MRZ's birth date, or ``None`` if it is incomplete.

    >>> birth_date("260102", at=date(2026, 6, 1)), birth_date("260702", at=date(2026, 6, 1)).year
    (datetime.date(2026, 1, 2), 1926)
    """
    if century is not None:
        return _date(f"{century // 100:02}{zone}")
    recent = _date(f"20{zone}")
    if recent is None or recent <= at:
        return recent
    return _date(f"19{zone}")


def is_plausible(zone: str) -> bool:
    """Whether the six characters are a date, or one with day or month and day unknown."""
    match = _ZONE.fullmatch(zone)
    if zone == "<<<<<<" or (match and match[2] == match[3] == "<<"):
        return True
    if match is None or match[2] == "<<":
        return False
    day = "01" if match[3] == "<<" else match[3]
    return _date(f"20{match[1]}{match[2]}{day}") is not None or f"{match[2]}{day}" == "0229"


def worded_date(text: str | None) -> date | None:
    """A ``dd/mm/yyyy`` of DG13, or ``None`` if it is worded otherwise.

    >>> worded_date("02/03/1990"), worded_date("Không thời hạn")
    (datetime.date(1990, 3, 2), None)
    """
    match = _WORDED.fullmatch((text or "").strip())
    return None if match is None else _date(f"{match[3]}{int(match[2]):02}{int(match[1]):02}")


def _date(digits: str) -> date | None:
    if len(digits) != 8 or not (digits.isascii() and digits.isdigit()):
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
