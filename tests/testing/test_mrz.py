from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eid.testing.mrz import check_digit, mrz_information, td1_lines
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
