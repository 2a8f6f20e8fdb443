"""Fictional holders for tests and demonstrations; no number belongs to a real person.

Each number has the structure of Vietnam's twelve digits (place, century and sex, year, six
digits) with a tail of equal digits, so that it is easy to recognise as made up.

>>> from eid.testing.people import PEOPLE
>>> PEOPLE["thu"].can, PEOPLE["thu"].document_number
('999999', '090999999')
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Literal

NO_EXPIRY = "Không thời hạn"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Person:
    """A card holder as the issuing office writes him: names in Vietnamese, surname first.

    ``expiry`` None is the card of a person over sixty. Empty strings are absent entries.
    """

    number: str
    name: str
    birth_date: date
    sex: Literal["M", "F"]
    issue_date: date
    expiry: date | None
    origin: str
    residence: str
    nationality: str = "Việt Nam"
    ethnicity: str = "Kinh"
    religion: str = "Không"
    features: str = "Không có đặc điểm"
    father: str = ""
    mother: str = ""
    spouse: str = ""
    old_number: str = ""
    chip_id: str = "0123456789ABCDEF"

    @property
    def can(self) -> str:
        """The card access number: the last six digits of the personal number."""
        return self.number[-6:]

    @property
    def document_number(self) -> str:
        """The nine characters of the TD1 document number."""
        return self.number[3:]

    @property
    def surname(self) -> str:
        """First word of the name in MRZ letters."""
        return mrz_letters(self.name).split("<")[0]

    @property
    def given_names(self) -> str:
        """The words after the surname in MRZ letters, joined by ``<``."""
        return "<".join(mrz_letters(self.name).split("<")[1:])


def mrz_letters(text: str) -> str:
    """Vietnamese text in the letters A-Z and ``<`` of a machine-readable zone."""
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    letters = (c for c in plain.upper() if c == " " or ("A" <= c <= "Z"))
    return "".join(letters).replace(" ", "<")


_THU = Person(
    number="001090999999",
    name="Nguyễn Văn Thử",
    birth_date=date(1990, 3, 2),
    sex="M",
    issue_date=date(2021, 5, 4),
    expiry=date(2030, 3, 2),
    origin="Xã Thử Nghiệm, Hà Nội",
    residence="Số 1 Phố Mẫu, Hà Nội",
    father="Nguyễn Văn Cha",
    mother="Trần Thị Mẹ",
    spouse="Lê Thị Vợ",
    old_number="012345678",
)
_MAU = Person(
    number="079301888888",
    name="Trần Thị Mẫu",
    birth_date=date(2001, 7, 15),
    sex="F",
    issue_date=date(2024, 8, 1),
    expiry=date(2041, 7, 15),
    origin="Phường Ví Dụ, Thành phố Hồ Chí Minh",
    residence="Số 22 Đường Minh Họa, Thành phố Hồ Chí Minh",
    father="Trần Văn Bố",
    mother="Phạm Thị Má",
    chip_id="00112233445566AA",
)
_GIA = Person(
    number="048058777777",
    name="Đặng Quốc Giả Định",
    birth_date=date(1958, 12, 31),
    sex="M",
    issue_date=date(2021, 11, 20),
    expiry=None,
    origin="Xã Tưởng Tượng, Đà Nẵng",
    residence="Số 3 Đường Không Có Thật, Đà Nẵng",
    spouse="Võ Thị Không Có",
    old_number="201234567",
    chip_id="FFEEDDCCBBAA9988",
)
_VIEN = Person(
    number="001185666666",
    name="Phạm Thị Cán Bộ",
    birth_date=date(1985, 1, 9),
    sex="F",
    issue_date=date(2022, 2, 2),
    expiry=date(2045, 1, 9),
    origin="Xã Quầy Số Một, Hà Nội",
    residence="Số 4 Phố Tiếp Dân, Hà Nội",
    mother="Ngô Thị Bà",
    chip_id="A1A2A3A4A5A6A7A8",
)

PEOPLE: Mapping[str, Person] = MappingProxyType(
    {"thu": _THU, "mau": _MAU, "gia": _GIA, "vien": _VIEN}
)
