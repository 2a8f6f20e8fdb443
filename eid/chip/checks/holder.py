"""The document's words: MRZ, holder, expiry (ICAO Doc 9303-3, -5; vietnam.md §1.3, §2)."""

from __future__ import annotations

import hmac
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Final

from eid.chip.checks.dates import birth_date, expiry_date, is_plausible, worded_date
from eid.chip.checks.question import Covered, Question
from eid.chip.lds.dg1 import parse_dg1
from eid.chip.lds.vn import VnData, parse_dg13
from eid.chip.mrz import Mrz, check_digit
from eid.chip.verdict import Check, Holder, failed, not_checked, passed, unknown
from eid.errors import EidError, Expired, FormatError, HolderMismatch, Inconsistent

VIETNAM_TIME: Final = timezone(timedelta(hours=7))
_NUMBER: Final = re.compile(r"([0-9]{12})(?:<<([0-9]))?")
_STATE: Final = re.compile(r"[A-Z]{1,3}")
_SEXES: Final = frozenset({"M", "F", "X", ""})
_WORDED_SEXES: Final = {"nam": "M", "nữ": "F"}
_NO_EXPIRY: Final = "<<<<<<"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What the covered files say about the holder; ``dg13`` only if its profile is known."""

    mrz: Mrz | None = field(repr=False)
    dg13: VnData | None = field(repr=False)
    holder: Holder | None = field(repr=False)
    expires: date | None = field(repr=False)


def read_mrz(covered: Covered) -> Mrz | None:
    """The MRZ of a covered DG1, or ``None``; it is judged by :func:`check_mrz`."""
    try:
        return covered.read("EF.DG1", parse_dg1)
    except FormatError:
        return None


def read_person(question: Question, covered: Covered, mrz: Mrz | None) -> Person:
    """Put MRZ and DG13 together; fields that cannot be read stay empty."""
    dg13 = _dg13(covered)
    if mrz is None:
        return Person(mrz=None, dg13=dg13, holder=None, expires=None)
    born = worded_date(dg13.birth_date) if dg13 else None
    born = born or _birth(mrz, question.at)
    holder = Holder(
        name=(dg13.name if dg13 else None) or f"{mrz.surname} {mrz.given_names}".strip(),
        birth_date=born.isoformat() if born else "",
        sex=mrz.sex if mrz.sex in ("M", "F") else "",
        nationality=mrz.nationality,
        document_number=mrz.document_number,
        personal_number=_personal_number(mrz) or (dg13.number if dg13 else None) or "",
    )
    return Person(mrz=mrz, dg13=dg13, holder=holder, expires=expiry_date(mrz.expiry))


def _dg13(covered: Covered) -> VnData | None:
    try:
        return covered.read("EF.DG13", parse_dg13)
    except FormatError:
        return None


def _personal_number(mrz: Mrz) -> str:
    match = _NUMBER.fullmatch(mrz.optional_data)
    return match[1] if match else ""


def _today(at: datetime) -> date:
    """The date in Vietnam; on the calendar's last day, the date as it is."""
    try:
        return at.astimezone(VIETNAM_TIME).date()
    except OverflowError:
        return at.date()


def _birth(mrz: Mrz, at: datetime) -> date | None:
    number = _personal_number(mrz) if mrz.issuing_state == "VNM" else ""
    century = 1900 + 100 * (int(number[3]) // 2) if number else None
    today = _today(at)
    born = birth_date(mrz.birth_date, at=today, century=century)
    return born if born is None or born <= today else birth_date(mrz.birth_date, at=today)


def check_mrz(covered: Covered, policy_state: str | None) -> Check:
    """``mrz``: form, check digits, dates, sex, states and name of DG1."""
    name = "mrz"
    try:
        mrz = covered.read("EF.DG1", parse_dg1)
        if mrz is None:
            return not_checked(name)
        _check_fields(mrz)
        if policy_state is not None and mrz.issuing_state != policy_state:
            raise Inconsistent("The document is of another state.", code="mrz.issuing_state")
    except EidError as error:
        return failed(name, error)
    return passed(name, "mrz.good", "The machine-readable zone is well formed.")


def _check_fields(mrz: Mrz) -> None:
    number = _NUMBER.fullmatch(mrz.optional_data)
    digit = number[2] if number and mrz.issuing_state == "VNM" else None
    rules = (
        ("mrz.check_digit", not mrz.problems),
        ("mrz.check_digit", digit is None or check_digit(mrz.optional_data[:12]) == digit),
        ("mrz.document_code", mrz.document_code[:1].isalpha()),
        ("mrz.state", bool(_STATE.fullmatch(mrz.issuing_state))),
        ("mrz.state", bool(_STATE.fullmatch(mrz.nationality))),
        ("mrz.birth_date", is_plausible(mrz.birth_date)),
        ("mrz.expiry", mrz.expiry == _NO_EXPIRY or expiry_date(mrz.expiry) is not None),
        ("mrz.sex", mrz.sex in _SEXES),
        ("mrz.name", bool(mrz.surname) and not any(map(str.isdigit, mrz.surname))),
        ("mrz.document_number", bool(mrz.document_number)),
    )
    for code, holds in rules:
        if not holds:
            raise Inconsistent("A field of the machine-readable zone is wrong.", code=code)


def check_consistency(question: Question, covered: Covered, person: Person) -> Check:
    """``holder.consistency``: DG1 against DG13 against the expected number."""
    name = "holder.consistency"
    if person.mrz is None or person.holder is None:
        return not_checked(name)
    try:
        _check_expected(question.expect_number, person.holder.personal_number)
        _check_pairs(person.mrz, person.dg13, question.at)
    except EidError as error:
        return failed(name, error)
    if person.dg13 is None and "EF.DG13" in covered.files:
        return passed(name, "holder.dg13_unread", "DG1 agrees; DG13 is of an unknown profile.")
    if not _number_fits(person.mrz):
        message = "The data groups agree; the number was given for another sex or year of birth."
        return passed(name, "holder.number_differs", message)
    if person.dg13 is not None and not same_name(person.mrz, person.dg13.name):
        return passed(name, "holder.name_differs", "Numbers agree; the names are spelt apart.")
    return passed(name, "holder.consistent", "The data groups agree about the holder.")


def _number_fits(mrz: Mrz) -> bool:
    """Whether digits 4 to 6 of the number say sex and year as DG1 does.

    Only a remark: numbers outlive a correction of sex or year (Decree 137/2015 art. 13).
    """
    number = _personal_number(mrz) if mrz.issuing_state == "VNM" else ""
    if not number:
        return True
    sex = "M" if int(number[3]) % 2 == 0 else "F"
    return mrz.sex in ("", sex) and mrz.birth_date[:2] in ("<<", number[4:6])


def _check_expected(expected: str | None, number: str) -> None:
    if expected is None:
        return
    if not number:
        raise HolderMismatch("The card states no personal number.", code="holder.no_number")
    if not hmac.compare_digest(expected.encode(), number.encode()):
        raise HolderMismatch("The card is another person's.", code="holder.other_person")


def _check_pairs(mrz: Mrz, dg13: VnData | None, at: datetime) -> None:
    number = _personal_number(mrz)
    card = mrz.issuing_state == "VNM" and mrz.kind == "TD1"  # a passport has a number of its own
    if card and number and number[3:] != mrz.document_number:
        raise Inconsistent("DG1's two numbers disagree.", code="holder.document_number")
    if dg13 is None:
        return
    born, expires = worded_date(dg13.birth_date), worded_date(dg13.expiry)
    sex = _WORDED_SEXES.get((dg13.sex or "").strip().casefold())
    pairs = (
        ("holder.number", dg13.number, number or None),
        ("holder.birth_date", born, _birth(mrz, at)),
        ("holder.expiry", expires, expiry_date(mrz.expiry)),
        ("holder.sex", sex, mrz.sex or None),
    )
    for code, said, shown in pairs:
        if said is not None and shown is not None and said != shown:
            raise Inconsistent("DG1 and DG13 disagree.", code=code)


def same_name(mrz: Mrz, name: str | None) -> bool:
    """Whether a written name is the MRZ's: without marks and spaces, and cut if the zone is full.

    No name at all contradicts nothing.
    """
    if name is None:
        return True
    shown = f"{mrz.surname}{mrz.given_names}".replace(" ", "")
    said = plain_letters(name)
    full = not mrz.lines[-1 if mrz.kind == "TD1" else 0].endswith("<")
    return said == shown or (full and bool(shown) and said.startswith(shown))


def plain_letters(name: str) -> str:
    """A name in capital A to Z alone, as an MRZ spells it.

    >>> plain_letters("Đặng Thị Nguyệt")
    'DANGTHINGUYET'
    """
    marked = unicodedata.normalize("NFD", name.replace("đ", "d").replace("Đ", "D"))
    return "".join(char for char in marked.upper() if "A" <= char <= "Z")


def check_expiry(question: Question, person: Person) -> Check:
    """``document.expiry``: valid through its last day, by the calendar of Vietnam (UTC+7)."""
    name = "document.expiry"
    if person.mrz is None:
        return not_checked(name)
    if person.expires is None:
        worded = person.dg13.expiry if person.dg13 else None
        if worded and worded_date(worded) is None:
            return passed(name, "document.no_expiry", "The document states it does not expire.")
        return unknown(name, "document.expiry_unknown", "The document states no expiry.")
    today = _today(question.at)
    if today > person.expires:
        message = (
            f"The document has expired as of {today}, by the clock that the verifier judges with."
        )
        error = Expired(message, code="document.expired")
        return failed(name, error)
    return passed(name, "document.valid", "The document has not expired.")
