from __future__ import annotations

import pytest

from eid.testing.people import PEOPLE, Person, mrz_letters

_CENTURY_AND_SEX = {(1900, "M"): 0, (1900, "F"): 1, (2000, "M"): 2, (2000, "F"): 3}


@pytest.mark.parametrize("person", PEOPLE.values(), ids=PEOPLE.keys())
def test_numbers_are_structurally_valid_and_visibly_made_up(person: Person) -> None:
    year = person.birth_date.year
    expected = _CENTURY_AND_SEX[year // 100 * 100, person.sex]
    assert len(person.number) == 12
    assert person.number[3] == str(expected)
    assert person.number[4:6] == f"{year % 100:02d}"
    assert len(set(person.number[6:])) == 1


@pytest.mark.parametrize("person", PEOPLE.values(), ids=PEOPLE.keys())
def test_representations_hide_the_person(person: Person) -> None:
    assert person.number not in repr(person)
    assert person.name not in repr(person)


def test_numbers_and_cans_are_all_different() -> None:
    assert len({person.can for person in PEOPLE.values()}) == len(PEOPLE)


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Nguyễn Văn Thử", "NGUYEN<VAN<THU"),
        ("Đặng Quốc Giả Định", "DANG<QUOC<GIA<DINH"),
        ("đỗ-ơn", "DOON"),
    ],
)
def test_vietnamese_letters_lose_their_marks(name: str, letters: str) -> None:
    assert mrz_letters(name) == letters


def test_surname_comes_first() -> None:
    assert (PEOPLE["thu"].surname, PEOPLE["thu"].given_names) == ("NGUYEN", "VAN<THU")
