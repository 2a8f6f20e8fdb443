"""Machine-readable zones of all three sizes; samples of Doc 9303 parts 4 to 6 and made-up ones."""

from __future__ import annotations

import pytest

from eid.chip.mrz import check_digit, parse_mrz
from eid.errors import FormatError

TD1 = "I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<"
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<D231458907UTO7408122F1204159<<<<<<<6"
TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"


def composite_td1(lines: str) -> str:
    covered = lines[5:30] + lines[30:37] + lines[38:45] + lines[48:59]
    return lines[:59] + check_digit(covered) + lines[60:]


def vietnamese(number: str = "001188000123") -> str:
    document = number[3:]
    first = "IDVNM" + document + check_digit(document) + number + "<<" + check_digit(number)
    second = "880112" + check_digit("880112") + "F" + "280112" + check_digit("280112") + "VNM"
    return composite_td1((first + second + "<" * 11 + "0" + "NGUYEN<<THI<HOA").ljust(90, "<"))


def test_td1() -> None:
    mrz = parse_mrz(TD1)
    assert (mrz.kind, mrz.document_code, mrz.issuing_state, mrz.nationality) == (
        "TD1",
        "I",
        "UTO",
        "UTO",
    )
    assert (mrz.document_number, mrz.birth_date, mrz.sex, mrz.expiry) == (
        "D23145890",
        "740812",
        "F",
        "120415",
    )
    assert (mrz.optional_data, mrz.optional_data_2) == ("", "")
    assert [len(line) for line in mrz.lines] == [30, 30, 30]
    assert mrz.problems == ()


def test_td2() -> None:
    mrz = parse_mrz(TD2)
    assert (mrz.kind, mrz.surname, mrz.given_names) == ("TD2", "ERIKSSON", "ANNA MARIA")
    assert (mrz.document_number, mrz.nationality) == ("D23145890", "UTO")
    assert (mrz.birth_date, mrz.sex, mrz.expiry, mrz.problems) == ("740812", "F", "120415", ())


def test_td3() -> None:
    mrz = parse_mrz(TD3)
    assert (mrz.kind, mrz.document_number, mrz.optional_data) == ("TD3", "L898902C3", "ZE184226B")
    assert (mrz.sex, mrz.nationality, mrz.problems) == ("F", "UTO", ())


def test_vietnamese_card() -> None:
    mrz = parse_mrz(vietnamese())
    assert mrz.document_number == "188000123"
    assert mrz.optional_data[:12] == "001188000123"
    assert (mrz.surname, mrz.given_names, mrz.problems) == ("NGUYEN", "THI HOA", ())


def test_long_document_number_of_td1() -> None:
    """9303-5 §4.2.2: the digit's place holds a filler and the number goes on."""
    first = ("I<UTOD23145890<" + "734" + check_digit("D23145890734")).ljust(30, "<")
    mrz = parse_mrz(composite_td1(first + TD1[30:]))
    assert (mrz.document_number, mrz.optional_data, mrz.problems) == ("D23145890734", "", ())


def test_long_document_number_with_more_optional_data() -> None:
    first = ("I<UTOD23145890<" + "734" + check_digit("D23145890734") + "<AB").ljust(30, "<")
    mrz = parse_mrz(composite_td1(first + TD1[30:]))
    assert (mrz.document_number, mrz.optional_data) == ("D23145890734", "AB")


def test_long_document_number_of_td2() -> None:
    digits = check_digit("D23145890AB")
    lines = TD2[:36] + "D23145890<UTO7408122F1204159AB" + digits + "<<<<"
    lines += check_digit(lines[36:46] + lines[49:56] + lines[57:71])
    mrz = parse_mrz(lines)
    assert (mrz.document_number, mrz.problems) == ("D23145890AB", ())


def test_number_without_digit_is_a_problem() -> None:
    mrz = parse_mrz(TD1[:14] + "<" + TD1[15:])
    assert mrz.document_number == "D23145890"
    assert "document_number" in mrz.problems


@pytest.mark.parametrize(
    ("at", "problem"),
    [(14, "document_number"), (36, "birth_date"), (44, "expiry"), (59, "composite")],
)
def test_wrong_check_digits(at: int, problem: str) -> None:
    wrong = TD1[:at] + str((int(TD1[at]) + 1) % 10) + TD1[at + 1 :]
    assert problem in parse_mrz(wrong).problems


def test_optional_data_of_td3() -> None:
    wrong = TD3[:86] + "2" + TD3[87:]
    assert "optional_data" in parse_mrz(wrong).problems
    empty = TD3[:72] + "<" * 14 + "<"
    empty += check_digit(empty[44:54] + empty[57:64] + empty[65:87])
    assert parse_mrz(empty).problems == ()


def test_line_ends_and_bytes() -> None:
    lines = "\r\n".join((TD1[:30], TD1[30:60], TD1[60:])) + "\n"
    assert parse_mrz(lines.encode()) == parse_mrz(TD1)


def test_name_without_given_names() -> None:
    mrz = parse_mrz(TD1[:60] + "ERIKSSON".ljust(30, "<"))
    assert (mrz.surname, mrz.given_names) == ("ERIKSSON", "")


@pytest.mark.parametrize(
    ("zone", "code"),
    [
        ("", "mrz.length"),
        (TD1[:-1], "mrz.length"),
        (TD1 * 2, "mrz.length"),
        (TD1[:-1] + "a", "mrz.character"),
        (TD1[:-1] + " ", "mrz.character"),
        (TD1[:-1].encode() + b"\xc4", "mrz.character"),
    ],
)
def test_refused(zone: str | bytes, code: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_mrz(zone)
    assert caught.value.code == code


def test_check_digit_of_strange_characters() -> None:
    with pytest.raises(FormatError):
        check_digit("Đ")


def test_repr_shows_no_person() -> None:
    shown = repr(parse_mrz(vietnamese()))
    assert not any(part in shown for part in ("NGUYEN", "HOA", "0011", "1880", "8801", "2801"))
