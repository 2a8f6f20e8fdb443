"""DG13 of the Vietnamese card: both layouts, any order, any length, fields that are missing."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from eid import tlv
from eid.chip.lds.vn import parse_dg13
from eid.errors import FormatError
from eid.testing import data_groups, der
from eid.testing.people import PEOPLE

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "vietnam" / "synthetic_vectors.json").read_text(
        "utf-8"
    )
)
MARK = der.oid("1.0.10646.1.0.8")


def field(number, *values):
    return der.sequence(der.integer(number), *values)


def dg13(*fields, mark=MARK):
    body = der.sequence(der.integer(1), mark, tlv.encode(0x31, *fields))
    return tlv.encode(0x6D, body)


@pytest.mark.parametrize("layout", ["A", "B"])
def test_published_vectors(layout):
    found = parse_dg13(bytes.fromhex(VECTORS[f"dg13_full_layout_{layout}_hex"]))
    assert found.number == VECTORS["pin"]
    assert found.name == "Nguyễn Văn Thử"
    assert found.birth_date == "02/03/1990"
    assert found.sex == "Nam"
    assert len(found.family) == 2
    assert found.old_number == "012345678"
    assert found.unknown == {}
    assert found.findings == ()


def test_fields_that_are_absent():
    found = parse_dg13(bytes.fromhex(VECTORS["dg13_no_spouse_no_old_id_no_expiry_hex"]))
    assert found.spouse is None
    assert found.old_number is None
    assert found.expiry == "Không thời hạn"
    assert found.number == VECTORS["pin"]
    empty = parse_dg13(dg13())
    assert empty.number is empty.name is None
    assert empty.family == ()


@pytest.mark.parametrize("person", PEOPLE.values(), ids=sorted(PEOPLE))
def test_made_cards(person):
    for layout in ("A", "B"):
        found = parse_dg13(data_groups.dg13(person, parents=layout))
        assert (found.number, found.name, found.residence) == (
            person.number, person.name, person.residence,
        )  # fmt: skip
        assert found.family == tuple(name for name in (person.father, person.mother) if name)


def test_an_empty_place_among_the_parents_stays():
    mother = der.sequence(der.utf8("Mẹ"))
    assert parse_dg13(dg13(field(13, der.sequence(), mother))).family == ("", "Mẹ")
    assert parse_dg13(dg13(field(13, der.sequence(), der.sequence()))).family == ()


@pytest.mark.parametrize("size", [0, 1, 96, 127, 128, 200, 255, 256, 257, 700, 2000])
def test_every_length_form(size):
    text = "ă" * size
    found = parse_dg13(dg13(field(9, der.utf8(text)), field(1, der.printable("001090999999"))))
    assert found.residence == (text or None)
    assert found.number == "001090999999"


def test_the_place_of_a_field_means_nothing():
    """A value that holds the bytes of another field's number is still only text."""
    fields = [
        field(number, der.utf8(f"value {number}" + "\x02\x01\x01"))
        for number in (*range(1, 13), 14, 15, 16)
    ]
    straight, turned = parse_dg13(dg13(*fields)), parse_dg13(dg13(*reversed(fields)))
    assert straight.spouse == turned.spouse == "value 14\x02\x01\x01"
    assert straight.old_number == turned.old_number == "value 15\x02\x01\x01"
    assert straight.number == turned.number


def test_text_is_composed():
    name = unicodedata.normalize("NFD", "Đặng Thị Nguyệt")
    assert parse_dg13(dg13(field(2, der.utf8(name)))).name == "Đặng Thị Nguyệt"
    wide = tlv.encode(0x1E, "Hà Nội".encode("utf-16-be"))
    assert parse_dg13(dg13(field(9, wide))).residence == "Hà Nội"


def test_unknown_numbers_are_kept_as_they_are():
    odd = field(40, tlv.encode(0x0C, b"x"))
    assert parse_dg13(dg13(odd)).unknown == {40: odd}
    nested = field(17, der.sequence(der.sequence(der.utf8("a"))))
    assert parse_dg13(dg13(nested)).unknown == {17: nested}


def test_spouse_in_a_sequence_and_one_parent_alone():
    found = parse_dg13(
        dg13(field(14, der.sequence(der.utf8("X"))), field(13, der.sequence(der.utf8("Y"))))
    )
    assert found.spouse == "X"
    assert found.family == ("Y",)
    assert parse_dg13(dg13(field(14, der.sequence()))).spouse is None


def test_an_old_number_in_the_wrong_place_is_named():
    assert parse_dg13(dg13(field(16, der.printable("012345678")))).findings == (
        "dg13.old_number_place",
    )
    both = dg13(field(15, der.printable("012345678")), field(16, der.printable("012345678")))
    assert parse_dg13(both).findings == ()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (dg13(field(1, der.printable("1")), field(1, der.printable("1"))), "dg13.repeated"),
        (dg13(field(2, der.utf8("a"), der.utf8("b"))), "dg13.fields"),
        (dg13(field(2, tlv.encode(0x0C, b"\xff"))), "dg13.text"),
        (dg13(field(2, der.integer(5))), "dg13.text"),
        (dg13(field(2, der.utf8("x" * 4097))), "dg13.text"),
        (dg13(der.null()), "dg13.fields"),
        (dg13(der.sequence()), "dg13.fields"),
        (dg13(der.sequence(der.utf8("x"))), "dg13.fields"),
        (dg13(field(1 << 40)), "dg13.fields"),
        (dg13(*[field(number) for number in range(65)]), "dg13.fields"),
        (dg13(mark=der.null()), "dg13.profile"),
        (tlv.encode(0x6D, der.sequence(field(1, der.utf8("1")))), "dg13.profile"),
        (tlv.encode(0x6D, der.null()), "dg13.profile"),
        (tlv.encode(0x6E, der.sequence()), "lds.tag"),
    ],
)
def test_refused(data, code):
    with pytest.raises(FormatError) as caught:
        parse_dg13(data)
    assert caught.value.code == code


def test_nesting_is_bounded():
    deep = der.utf8("x")
    for _ in range(8):
        deep = der.sequence(deep)
    with pytest.raises(FormatError):
        parse_dg13(dg13(field(2, deep)))


def test_nothing_shows_in_a_repr():
    found = parse_dg13(data_groups.dg13(PEOPLE["thu"]))
    assert PEOPLE["thu"].number not in repr(found)
    assert "Hà" not in repr(found)


@given(st.permutations(range(1, 17)), st.sets(st.integers(1, 16)))
def test_any_order_and_any_choice(order, kept):
    fields = [field(number, der.utf8(f"v{number}")) for number in order if number in kept]
    found = parse_dg13(dg13(*fields))
    assert found.number == ("v1" if 1 in kept else None)
    assert found.family == (("v13",) if 13 in kept else ())
    assert found.chip_id == ("v16" if 16 in kept else None)
