import unicodedata
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.qr.printed import parse_printed

GOOD = "001190999999|012345678|Nguyễn Thị Minh Thử|02031990|Nữ|Số 1 Phố Mẫu, Hà Nội|04052021"


def changed(index, value):
    parts = GOOD.split("|")
    parts[index] = value
    return "|".join(parts)


def test_the_2021_card():
    card = parse_printed(GOOD.encode())
    assert (card.number, card.old_number) == ("001190999999", "012345678")
    assert (card.name, card.sex) == ("Nguyễn Thị Minh Thử", "F")
    assert (card.birth_date, card.issue_date) == (date(1990, 3, 2), date(2021, 5, 4))
    assert card.residence == "Số 1 Phố Mẫu, Hà Nội"
    assert (card.extras, card.findings, card.consistent) == ((), (), True)
    assert card == parse_printed(GOOD)
    assert "1190" not in repr(card)
    assert "Thử" not in repr(card)


def test_the_2024_card_has_extras_that_stay_raw():
    assert parse_printed(GOOD + "||||").extras == ("", "", "", "")
    assert parse_printed(GOOD + "|a|b|c|d").extras == ("a", "b", "c", "d")
    assert parse_printed(GOOD + "|x" * 25).extras == ("x",) * 25


def test_the_six_field_variant_is_warned_about():
    parts = GOOD.split("|")
    card = parse_printed("|".join([parts[0], *parts[2:]]))
    assert (card.old_number, card.findings) == ("", ("fields.six",))
    assert card.consistent


@pytest.mark.parametrize(
    ("index", "value", "finding", "consistent"),
    [
        (0, "097190999999", "number.place", True),
        (0, "003190999999", "number.place", True),
        (0, "300190999999", "number.place", True),
        (0, "001090999999", "number.sex", False),
        (0, "001390999999", "number.birth_year", False),
        (0, "001191999999", "number.birth_year", False),
        (1, "12345", "old_number.form", True),
        (3, "31021990", "birth_date.not_real", False),
        (3, "00001990", "birth_date.not_real", False),
        (6, "31022021", "issue_date.not_real", False),
        (6, "2021", "issue_date.not_real", False),
        (6, "", "issue_date.absent", True),
        (6, "01031990", "issue_date.before_birth", False),
        (2, "<script>", "text.markup", True),
        (5, "=cmd|", "text.formula", True),
        (5, "@SUM(A1)", "text.formula", True),
    ],
)
def test_each_rule_has_its_finding(index, value, finding, consistent):
    card = parse_printed(changed(index, value.rstrip("|")))
    assert card.findings == (finding,)
    assert card.consistent is consistent


@pytest.mark.parametrize("place", ["001", "096", "101", "295"])
def test_provinces_and_countries_are_known_places(place):
    assert parse_printed(changed(0, place + "190999999")).findings == ()


@pytest.mark.parametrize(
    ("number", "born", "sex"),
    [("001090999999", 1990, "Nam"), ("001205999999", 2005, "Nam"), ("001305999999", 2005, "Nữ"),
     ("001405999999", 2105, "Nam"), ("001999999999", 2399, "Nữ")],
)  # fmt: skip
def test_centuries(number, born, sex):
    text = f"{number}||Thử|0203{born}|{sex}|Hà Nội|04052399"
    assert parse_printed(text).findings == ()


def test_the_clock_is_passed_in():
    noon = datetime(2021, 5, 3, 12, tzinfo=UTC)
    assert parse_printed(GOOD, at=noon).findings == ("issue_date.in_future",)
    evening = datetime(2021, 5, 3, 17, tzinfo=UTC)  # already the fourth in Hanoi
    assert parse_printed(GOOD, at=evening).findings == ()


def test_dates_with_slashes_and_decomposed_text_are_read():
    card = parse_printed(unicodedata.normalize("NFD", changed(3, "02/03/1990")))
    assert card == parse_printed(GOOD)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("", "printed.fields"),
        ("001190999999", "printed.fields"),
        ("|".join(GOOD.split("|")[:5]), "printed.fields"),
        (GOOD + "|x" * 26, "printed.fields"),
        (GOOD + "|x" * 900, "printed.fields"),
        (GOOD + "x" * 8192, "printed.size"),
        (b"\xff" * 20, "printed.utf8"),
        (GOOD.encode("utf-16"), "printed.utf8"),
        (changed(0, "00119099999"), "printed.number"),
        (changed(0, "0011909999999"), "printed.number"),
        (changed(0, " 01190999999"), "printed.number"),
        (changed(0, "00119099999\uff19"), "printed.number"),
        (changed(0, "00119099999\u0663"), "printed.number"),
        ("\ufeff" + GOOD, "qr.text"),
        (changed(3, "1990-03-02"), "printed.birth_date"),
        (changed(3, ""), "printed.birth_date"),
        (changed(3, "02/031990"), "printed.birth_date"),
        (changed(4, "F"), "printed.sex"),
        (changed(4, "nữ"), "printed.sex"),
        (changed(2, "Thử\0"), "qr.text"),
        (changed(2, "Thử\u202e"), "qr.text"),
        (GOOD + "\r\n", "qr.text"),
        (changed(2, "x" * 513), "qr.text"),
        ("HS4010012345678|4e677579e1bb856e|02/03/1990|2|48c3a0|01|04/05/2021|-", "printed.health_insurance"),
    ],
)  # fmt: skip
def test_q010_what_is_no_card_code_is_refused_without_telling_it(data, code):
    with pytest.raises(FormatError) as refusal:
        parse_printed(data)
    assert refusal.value.code == code
    assert "1190" not in str(refusal.value)
    assert "Thử" not in str(refusal.value)


@given(st.binary(max_size=100) | st.text(max_size=100))
def test_any_bytes_are_a_card_or_refused(data):
    with pytest.raises(FormatError):
        parse_printed(data)


@given(st.lists(st.text(max_size=12), min_size=7, max_size=7), st.integers(0, 6))
def test_any_fields_are_a_card_or_refused(values, index):
    parts = GOOD.split("|")
    parts[index] = values[index]
    try:
        card = parse_printed("|".join(parts))
    except FormatError:
        return
    assert card.number.isascii()
