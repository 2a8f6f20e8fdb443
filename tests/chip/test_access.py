"""Keys that open a chip: forms, passwords, and nothing shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eid.chip.access import Can, MrzKey, can_from_number, personal_number
from eid.errors import FormatError

ICAO = json.loads(
    (Path(__file__).parents[1] / "vectors" / "emrtd" / "icao-9303-11-examples.json").read_text()
)


def test_can() -> None:
    can = can_from_number(personal_number("001234567890"))
    assert (can.value, can.password(), can.kind, can.reference) == ("567890", b"567890", "can", 2)


def test_published_mrz_password() -> None:
    pace = ICAO["G1_pace_ecdh_gm"]
    key = MrzKey(
        document_number=pace["document_number"],
        birth=pace["date_of_birth"],
        expiry=pace["date_of_expiry"],
    )
    assert key.information().decode() == pace["mrz_information"]
    assert key.password().hex().upper() == pace["sha1_of_mrz_information"]
    assert (key.kind, key.reference) == ("mrz", 1)


def test_short_number_is_filled() -> None:
    bac = ICAO["D_bac"]
    for number in ("L898902C", "L898902C<"):
        key = MrzKey(
            document_number=number, birth=bac["date_of_birth"], expiry=bac["date_of_expiry"]
        )
        assert key.information().decode() == bac["mrz_information"]


def test_long_number_stays_whole() -> None:
    key = MrzKey(document_number="D23145890734", birth="740812", expiry="120415")
    assert key.information() == b"D23145890734974081221204159"


def test_nothing_is_shown() -> None:
    key = MrzKey(document_number="C11T002JM", birth="960812", expiry="231031")
    shown = repr(key) + str(key) + repr(Can("123456"))
    assert not any(part in shown for part in ("C11T", "9608", "2310", "123456"))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "12345",
        "1234567",
        "12345a",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "12 456",
        "\u00b223456",
    ],
)
def test_not_a_can(value: str) -> None:
    with pytest.raises(FormatError) as caught:
        Can(value)
    assert caught.value.code == "access.can"
    assert not value or value not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["", "00123456789", "0012345678901", "00123456789x", "001234567890\n"]
)
def test_not_a_personal_number(value: str) -> None:
    with pytest.raises(FormatError) as caught:
        personal_number(value)
    assert caught.value.code == "access.personal_number"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"birth": "9608"}, "access.birth"),
        ({"birth": "1996-8"}, "access.birth"),
        ({"expiry": "23103a"}, "access.expiry"),
        ({"document_number": ""}, "access.document_number"),
        ({"document_number": "<<<"}, "access.document_number"),
        ({"document_number": "A" * 23}, "access.document_number"),
        ({"document_number": "c11t"}, "mrz.character"),
    ],
)
def test_not_an_mrz_key(fields: dict[str, str], code: str) -> None:
    good = {"document_number": "C11T002JM", "birth": "960812", "expiry": "231031"}
    with pytest.raises(FormatError) as caught:
        MrzKey(**(good | fields))
    assert caught.value.code == code
