from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eid.chip.mrz import parse_mrz
from eid.testing.mrz import Zone, check_digit, mrz_information, td1_lines, zone_lines
from eid.testing.people import PEOPLE

_VECTORS = Path(__file__).parents[1] / "vectors" / "vietnam" / "synthetic_vectors.json"


@pytest.mark.parametrize(
    ("text", "digit"),
    [("D23145890", "7"), ("740812", "2"), ("HA672242<", "6"), ("<<<", "0")],
)
def test_check_digits_of_9303_3(text: str, digit: str) -> None:
    assert check_digit(text) == digit


def test_the_lines_equal_the_published_shape() -> None:
    assert list(td1_lines(PEOPLE["thu"])) == json.loads(_VECTORS.read_text())["mrz_td1"]


def test_the_password_equals_the_published_shape() -> None:
    assert mrz_information(PEOPLE["thu"]) == json.loads(_VECTORS.read_text())["bac_mrz_info"]


def test_a_long_name_is_cut_at_thirty() -> None:
    person = replace(PEOPLE["thu"], name="Nguyễn Phước " + "Thử " * 10)
    assert td1_lines(person)[2] == "NGUYEN<<PHUOC<THU<THU<THU<THU<"


def test_no_expiry_is_written_as_nines() -> None:
    assert td1_lines(PEOPLE["gia"])[1][8:15] == "9912310"[:6] + check_digit("991231")


@pytest.mark.parametrize(("zone", "length"), [("TD1", 90), ("TD2", 72), ("TD3", 88)])
@pytest.mark.parametrize("number", ["", "AB12345"])
def test_every_zone_has_right_check_digits(zone: Zone, length: int, number: str) -> None:
    text = "".join(zone_lines(PEOPLE["thu"], zone, number))
    parsed = parse_mrz(text)
    assert len(text) == length
    assert (parsed.kind, parsed.problems) == (zone, ())
    assert parsed.document_number == (number or ("090999999" if zone == "TD1" else "C0999999"))


def test_a_long_number_overflows_as_9303_5_shows_it() -> None:
    line, _, _ = td1_lines(PEOPLE["thu"], "D23145890734")
    assert line[5:] == "D23145890<7349<<<<<<<<<<<"
    assert parse_mrz("".join(td1_lines(PEOPLE["thu"], "D23145890734"))).problems == ()


def test_the_password_of_a_passport_keeps_its_filler() -> None:
    assert mrz_information(PEOPLE["thu"], "TD3") == "C0999999<290030263003024"
