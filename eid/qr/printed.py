"""The code printed on Vietnamese identity cards: plain text, unsigned (facts: printed QR).

>>> card = parse_printed("001090999999||Nguyễn Văn Thử|02031990|Nam|Hà Nội|04052021")
>>> card.birth_date, card.consistent, card.findings
(datetime.date(1990, 3, 2), True, ())

Fields parted by ``|``: number, old number, name, birth date, sex, residence, issue date, then
extras whose order on the 2024 card is unknown and which stay raw. The result identifies, it
never authenticates: read the chip for that.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Literal

from eid.chip.match import PrintedCard
from eid.errors import FormatError
from eid.qr.plaintext import shown_text, warnings_of

MAX_SIZE = 2048
MAX_FIELDS = 32
_MAX_CHARS = 512
_VIETNAM = timezone(timedelta(hours=7))
_SEXES: dict[str, Literal["M", "F"]] = {"Nam": "M", "Nữ": "F"}
_INSURANCE = re.compile(r"[A-Z]{2}[0-9]{13}|[0-9]{10}")
_UNUSED = frozenset(
    {
        3,
        5,
        7,
        9,
        13,
        16,
        18,
        21,
        23,
        28,
        29,
        32,
        39,
        41,
        43,
        47,
        50,
        53,
        55,
        57,
        59,
        61,
        63,
        65,
        69,
        71,
        73,
        76,
        78,
        81,
        85,
        88,
        90,
    }
)
_PLACES = frozenset({*range(1, 97)} - _UNUSED | {*range(101, 296)})
"""Where a birth can be registered: 63 provinces and 195 countries (Circular 07/2016 art. 7)."""


def parse_printed(data: str | bytes, *, at: datetime | None = None) -> PrintedCard:
    """Read a printed code; with *at*, an issue date after it is a finding.

    ``FormatError``: ``printed.utf8``, ``printed.size``, ``printed.fields``, ``printed.number``,
    ``printed.birth_date``, ``printed.sex``, ``printed.health_insurance`` for the other pipe
    string that people scan by mistake, and ``qr.text`` for hidden characters. Messages never
    hold what was scanned.
    """
    parts = _parts(data)
    findings: list[str] = []
    if len(parts) == 6:
        parts.insert(1, "")
        findings.append("fields.six")
    number, old_number, name, born, sex, residence, issued, *extras = parts
    if not re.fullmatch(r"[0-9]{12}", number):
        raise _refuse("number", "The code has no twelve-digit number at its start.")
    if sex not in _SEXES:
        raise _refuse("sex", "The sex field of the code is neither of the two printed words.")
    if not re.fullmatch(r"[0-9]{8}|[0-9]{2}/[0-9]{2}/[0-9]{4}", born):
        raise _refuse("birth_date", "The birth date field of the code is not eight digits.")
    if old_number and not re.fullmatch(r"[0-9]{9}", old_number):
        findings.append("old_number.form")
    card = PrintedCard(
        number=number,
        old_number=old_number,
        name=name,
        birth_date=_date(born),
        sex=_SEXES[sex],
        residence=residence,
        issue_date=_date(issued),
        extras=tuple(extras),
        findings=(),
    )
    findings += _number_findings(card) + _date_findings(card, issued, at)
    findings += dict.fromkeys(code for part in parts for code in warnings_of(part))
    return replace(card, findings=tuple(findings))


def _parts(data: str | bytes) -> list[str]:
    if len(data) > MAX_SIZE:
        raise _refuse("size", "The code is longer than a card's.")
    try:
        text = data.decode() if isinstance(data, bytes) else data
    except UnicodeDecodeError as e:
        raise _refuse("utf8", "The code is not UTF-8 text.") from e
    if not 6 <= text.count("|") + 1 <= MAX_FIELDS:
        raise _refuse("fields", "The code has too few or too many fields.")
    parts = [shown_text(part, max_chars=_MAX_CHARS) for part in text.split("|")]
    if _INSURANCE.fullmatch(parts[0]) and len(parts) > 6:
        raise _refuse("health_insurance", "This is the code of a health insurance card.")
    return parts


def _date(text: str) -> date | None:
    """A date written ddMMyyyy or dd/MM/yyyy, if there is such a day."""
    digits = text.replace("/", "")
    if not re.fullmatch(r"[0-9]{8}", digits):
        return None
    try:
        return date(int(digits[4:]), int(digits[2:4]), int(digits[:2]))
    except ValueError:
        return None


def _number_findings(card: PrintedCard) -> list[str]:
    """Digits 1-3 place, 4 century and sex, 5-6 birth year (Decree 137/2015 art. 13)."""
    found = []
    if int(card.number[:3]) not in _PLACES:
        found.append("number.place")
    century, female = divmod(int(card.number[3]), 2)
    if card.sex != "MF"[female]:
        found.append("number.sex")
    year = 1900 + 100 * century + int(card.number[4:6])
    if card.birth_date is not None and card.birth_date.year != year:
        found.append("number.birth_year")
    return found


def _date_findings(card: PrintedCard, issued: str, at: datetime | None) -> list[str]:
    found = []
    if card.birth_date is None:
        found.append("birth_date.not_real")
    if card.issue_date is None:
        found.append("issue_date.not_real" if issued else "issue_date.absent")
        return found
    if card.birth_date is not None and card.issue_date < card.birth_date:
        found.append("issue_date.before_birth")
    if at is not None and card.issue_date > at.astimezone(_VIETNAM).date():
        found.append("issue_date.in_future")
    return found


def _refuse(what: str, message: str) -> FormatError:
    return FormatError(message, code=f"printed.{what}")
