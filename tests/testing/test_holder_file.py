"""A holder of one's own: fictional by declaration, and every entry checked."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.testing.data_groups import dg1, dg13
from eid.testing.holder_file import EXAMPLE, MAX_TOML, holder_from_toml


def changed(old: str, new: str) -> bytes:
    assert old in EXAMPLE
    return EXAMPLE.replace(old, new, 1).encode()


def code_of(data: bytes) -> str:
    with pytest.raises(FormatError) as caught:
        holder_from_toml(data)
    return caught.value.code


def test_the_example_makes_a_card():
    person = holder_from_toml(EXAMPLE.encode())
    assert (person.name, person.birth_date) == ("Lê Văn Thí Dụ", date(1990, 1, 31))
    assert b"LE<<VAN<THI<DU" in dg1(person)
    assert person.number.encode() in dg13(person)


def test_a_card_without_end():
    lines = [line for line in EXAMPLE.splitlines() if not line.startswith("expiry")]
    assert holder_from_toml("\n".join(lines).encode()).expiry is None


def test_optional_entries():
    assert holder_from_toml(EXAMPLE.encode() + 'father = "Lê Văn Cha"\n'.encode()).father


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("fictional = true", "", "holder.not_fictional"),
        ("fictional = true", "fictional = 1", "holder.not_fictional"),
        ('sex = "M"', 'sex = "X"', "holder.entry"),
        ('sex = "M"', "", "holder.entry"),
        ("001090555555", "00109055555", "holder.entry"),
        ("1990-01-31", '"1990-01-31"', "holder.entry"),
        ("1990-01-31", "1990-01-31T00:00:00", "holder.entry"),
        ("2035-01-31", "7", "holder.entry"),
        ("Lê Văn Thí Dụ", "Lê", "holder.entry"),
        ('sex = "M"', 'sex = "M"\nsalary = 5', "holder.entry"),
        ('sex = "M"', 'sex = "M"\nold_number = "số"', "holder.entry"),
        ('sex = "M"', "sex = ", "holder.format"),
    ],
)
def test_what_is_refused(old, new, code):
    assert code_of(changed(old, new)) == code


def test_sizes():
    assert code_of(b"#" * (MAX_TOML + 1)) == "holder.size"
    assert code_of(changed("Số 5", "Số " + "5" * 200)) == "holder.entry"


@given(st.binary(max_size=120))
def test_any_bytes_are_a_holder_or_a_format_error(data):
    with suppress(FormatError):
        holder_from_toml(data)
