"""What opens a chip: CAN, MRZ key fields, PIN or PUK, as PACE passwords (9303-11 §4.4.4).

On a Vietnamese card the CAN is the last six digits of the personal number, so it is printed in
the clear: it opens a private channel and proves nothing about who holds the card.

>>> can_from_number(personal_number("001234567890"))
Can()
>>> _.kind, _.reference
('can', 2)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal, NewType, NoReturn

from eid.chip.mrz import FILLER, check_digit
from eid.errors import FormatError

PersonalNumber = NewType("PersonalNumber", str)
PasswordKind = Literal["can", "mrz", "pin", "puk"]

_DIGITS: Final = frozenset("0123456789")
_MAX_DOCUMENT_NUMBER: Final = 22


def _refuse_pickle(*_: object) -> NoReturn:
    raise TypeError("what opens a chip is neither pickled nor copied")


@dataclass(frozen=True, slots=True)
class Can:
    """A card access number: six ASCII digits."""

    kind: ClassVar[PasswordKind] = "can"
    reference: ClassVar[int] = 2

    value: str = field(repr=False)

    __reduce_ex__ = _refuse_pickle

    def __post_init__(self) -> None:
        _digits(self.value, 6, "A card access number is six digits.", "access.can")

    def password(self) -> bytes:
        """Return the password as PACE derives its key from it: the digits themselves."""
        return self.value.encode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class MrzKey:
    """The three MRZ fields that open a chip; dates are YYMMDD, as printed in the zone."""

    kind: ClassVar[PasswordKind] = "mrz"
    reference: ClassVar[int] = 1

    document_number: str = field(repr=False)
    birth: str = field(repr=False)
    expiry: str = field(repr=False)

    __reduce_ex__ = _refuse_pickle

    def __post_init__(self) -> None:
        _digits(self.birth, 6, "A date of birth is YYMMDD.", "access.birth")
        _digits(self.expiry, 6, "A date of expiry is YYMMDD.", "access.expiry")
        if not 1 <= len(self.document_number.rstrip(FILLER)) <= _MAX_DOCUMENT_NUMBER:
            raise FormatError(
                "A document number has 1 to 22 characters.", code="access.document_number"
            )
        check_digit(self.document_number)

    def information(self) -> bytes:
        """Return number, birth and expiry, each with its check digit (9303-11 D.2)."""
        number = self.document_number.ljust(9, FILLER)
        parts = (number, self.birth, self.expiry)
        return "".join(part + check_digit(part) for part in parts).encode("ascii")

    def password(self) -> bytes:
        """Return the password as PACE derives its key from it: SHA-1 of the information."""
        return hashlib.sha1(self.information(), usedforsecurity=False).digest()


@dataclass(frozen=True, slots=True)
class Pin:
    """A personal identification number for PACE: 5 or 6 digits, with a retry counter."""

    kind: ClassVar[PasswordKind] = "pin"
    reference: ClassVar[int] = 3

    value: str = field(repr=False)

    __reduce_ex__ = _refuse_pickle

    def __post_init__(self) -> None:
        if len(self.value) not in (5, 6) or not _DIGITS.issuperset(self.value):
            raise FormatError("A PIN is five or six digits.", code="access.pin")

    def password(self) -> bytes:
        """Return the digits themselves."""
        return self.value.encode("ascii")


@dataclass(frozen=True, slots=True)
class Puk:
    """The number that unblocks a PIN: ten digits."""

    kind: ClassVar[PasswordKind] = "puk"
    reference: ClassVar[int] = 4

    value: str = field(repr=False)

    __reduce_ex__ = _refuse_pickle

    def __post_init__(self) -> None:
        _digits(self.value, 10, "A PUK is ten digits.", "access.puk")

    def password(self) -> bytes:
        """Return the digits themselves."""
        return self.value.encode("ascii")


AccessKey = Can | MrzKey | Pin | Puk


def personal_number(text: str) -> PersonalNumber:
    """Take a personal number: exactly twelve ASCII digits, else FormatError."""
    _digits(text, 12, "A personal number is twelve digits.", "access.personal_number")
    return PersonalNumber(text)


def can_from_number(number: PersonalNumber) -> Can:
    """Return the CAN of a Vietnamese card: the last six digits of the personal number."""
    return Can(personal_number(number)[6:])


def _digits(text: str, count: int, message: str, code: str) -> None:
    if len(text) != count or not _DIGITS.issuperset(text):
        raise FormatError(message, code=code)
