"""The machine-readable zone of a Vietnamese card, written by the issuer (9303-5 §4.2).

>>> from eid.testing.people import PEOPLE
>>> for line in td1_lines(PEOPLE["thu"]):
...     print(line)
IDVNM0909999995001090999999<<6
9003026M3003024VNM<<<<<<<<<<<0
NGUYEN<<VAN<THU<<<<<<<<<<<<<<<
"""

from __future__ import annotations

from datetime import date

from eid.testing.people import Person

_WEIGHTS = (7, 3, 1)
_NO_EXPIRY = "991231"


def check_digit(text: str) -> str:
    """Check digit over digits, letters and ``<`` (9303-3 §4.9)."""
    values = (0 if char == "<" else int(char, 36) for char in text)
    return str(sum(value * _WEIGHTS[i % 3] for i, value in enumerate(values)) % 10)


def td1_lines(person: Person) -> tuple[str, str, str]:
    """Three lines of thirty characters."""
    document = person.document_number + check_digit(person.document_number)
    optional = f"{person.number}<<{check_digit(person.number)}"
    birth, expiry = _checked(person.birth_date), _checked(person.expiry)
    composite = check_digit(document + optional + birth + expiry + "<" * 11)
    names = f"{person.surname}<<{person.given_names}"
    return (
        f"IDVNM{document}{optional}",
        f"{birth}{person.sex}{expiry}VNM{'<' * 11}{composite}",
        names[:30].ljust(30, "<"),
    )


def mrz_information(person: Person) -> str:
    """What the MRZ password is derived from: number, birth and expiry with check digits."""
    document = person.document_number + check_digit(person.document_number)
    return document + _checked(person.birth_date) + _checked(person.expiry)


def _checked(day: date | None) -> str:
    text = _NO_EXPIRY if day is None else day.strftime("%y%m%d")
    return text + check_digit(text)
