"""Machine-readable zones as an issuer writes them (9303-4 §4.2, 9303-5 §4.2, 9303-6 §4.2).

>>> from eid.testing.people import PEOPLE
>>> for line in td1_lines(PEOPLE["thu"]):
...     print(line)
IDVNM0909999995001090999999<<6
9003026M3003024VNM<<<<<<<<<<<0
NGUYEN<<VAN<THU<<<<<<<<<<<<<<<
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from eid.testing.people import Person

Zone = Literal["TD1", "TD2", "TD3"]
_WEIGHTS = (7, 3, 1)
_NO_EXPIRY = "991231"
_NUMBER_FIELD: Final = 9


def check_digit(text: str) -> str:
    """Check digit over digits, letters and ``<`` (9303-3 §4.9)."""
    values = (0 if char == "<" else int(char, 36) for char in text)
    return str(sum(value * _WEIGHTS[i % 3] for i, value in enumerate(values)) % 10)


def zone_lines(person: Person, zone: Zone, number: str = "") -> tuple[str, ...]:
    """Lines of any size; ``number`` other than the person's own is the document number."""
    makers = {"TD1": td1_lines, "TD2": td2_lines, "TD3": td3_lines}
    return makers[zone](person, number)


def td1_lines(person: Person, number: str = "") -> tuple[str, str, str]:
    """Three lines of thirty characters; a long number goes on in the optional data."""
    document, optional = _td1_number(person, number)
    birth, expiry = _checked(person.birth_date), _checked(person.expiry)
    composite = check_digit(document + optional + birth + expiry + "<" * 11)
    names = f"{person.surname}<<{person.given_names}"
    return (
        f"IDVNM{document}{optional}",
        f"{birth}{person.sex}{expiry}VNM{'<' * 11}{composite}",
        names[:30].ljust(30, "<"),
    )


def td2_lines(person: Person, number: str = "") -> tuple[str, str]:
    """Two lines of thirty-six characters."""
    return _two_lines(person, number or _passport_number(person), first="IDVNM", width=36)


def td3_lines(person: Person, number: str = "") -> tuple[str, str]:
    """Two lines of forty-four characters; the personal number is in the optional data."""
    return _two_lines(person, number or _passport_number(person), first="P<VNM", width=44)


def mrz_information(person: Person, zone: Zone = "TD1", number: str = "") -> str:
    """What the MRZ password is derived from: number, birth and expiry with check digits."""
    if not number:
        number = person.document_number if zone == "TD1" else _passport_number(person)
    number = number.ljust(_NUMBER_FIELD, "<")
    return number + check_digit(number) + _checked(person.birth_date) + _checked(person.expiry)


def _td1_number(person: Person, number: str) -> tuple[str, str]:
    """Field of ten and optional data of fifteen characters (9303-5 §4.2.2.1 note j)."""
    if not number:
        document = person.document_number + check_digit(person.document_number)
        return document, f"{person.number}<<{check_digit(person.number)}"
    head, rest = number[:_NUMBER_FIELD].ljust(_NUMBER_FIELD, "<"), number[_NUMBER_FIELD:]
    if not rest:
        return head + check_digit(head), "<" * 15
    return f"{head}<", f"{rest}{check_digit(number)}".ljust(15, "<")


def _two_lines(person: Person, number: str, *, first: str, width: int) -> tuple[str, str]:
    document = number.ljust(_NUMBER_FIELD, "<")
    document += check_digit(document)
    birth, expiry = _checked(person.birth_date), _checked(person.expiry)
    optional = "<" * 7
    if width == 44:
        personal = person.number.ljust(14, "<")
        optional = personal + check_digit(personal)
    composite = check_digit(document + birth + expiry + optional)
    names = f"{person.surname}<<{person.given_names}"
    return (
        f"{first}{names}"[:width].ljust(width, "<"),
        f"{document}VNM{birth}{person.sex}{expiry}{optional}{composite}",
    )


def _passport_number(person: Person) -> str:
    """One letter and seven digits: a character short of the field."""
    return f"C{person.number[-7:]}"


def _checked(day: date | None) -> str:
    text = _NO_EXPIRY if day is None else day.strftime("%y%m%d")
    return text + check_digit(text)
