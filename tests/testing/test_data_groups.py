from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from eid import tlv
from eid.testing import data_groups
from eid.testing.people import PEOPLE, Person
from eid.testing.portrait import HEIGHT, WIDTH, draw_portrait

_VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "vietnam" / "synthetic_vectors.json").read_text()
)
_SPARSE = replace(PEOPLE["thu"], spouse="", old_number="", expiry=None)


@pytest.mark.parametrize(
    ("person", "layout", "expected"),
    [
        (PEOPLE["thu"], "A", "dg13_full_layout_A_hex"),
        (PEOPLE["thu"], "B", "dg13_full_layout_B_hex"),
        (_SPARSE, "A", "dg13_no_spouse_no_old_id_no_expiry_hex"),
    ],
)
def test_dg13_equals_the_published_shape(
    person: Person, layout: data_groups.ParentsLayout, expected: str
) -> None:
    assert data_groups.dg13(person, parents=layout).hex() == _VECTORS[expected]


@pytest.mark.parametrize("layout", ["A", "B"])
def test_dg13_without_parents_has_an_empty_field(layout: data_groups.ParentsLayout) -> None:
    person = replace(PEOPLE["thu"], father="", mother="")
    assert bytes.fromhex("300302010d") in data_groups.dg13(person, parents=layout)


def test_dg1_is_ninety_characters() -> None:
    dg1 = data_groups.dg1(PEOPLE["thu"])
    assert dg1[:5].hex() == "615d5f1f5a"
    assert dg1[5:].decode("ascii") == "".join(_VECTORS["mrz_td1"])


@pytest.mark.parametrize(("sex", "code"), [("M", 1), ("F", 2)])
def test_dg2_holds_the_picture_in_cbeff_and_19794_5(sex: str, code: int) -> None:
    jpeg = draw_portrait("someone")
    group = tlv.children(tlv.only([tlv.parse(data_groups.dg2(jpeg, sex=sex))], 0x75))
    count, template = tlv.children(tlv.only(group, 0x7F61))
    header, block = tlv.children(template)
    assert (count.tag, count.value, template.tag) == (0x02, b"\x01", 0x7F60)
    assert {item.tag: item.value.hex() for item in tlv.children(header)} == {
        0x80: "0101",
        0x81: "02",
        0x82: "00",
        0x87: "0101",
        0x88: "0008",
    }
    record = block.value
    assert record[:8] == b"FAC\x00010\x00"
    assert int.from_bytes(record[8:12], "big") == len(record)
    assert record[12:14] == b"\x00\x01"
    assert int.from_bytes(record[14:18], "big") == len(record) - 14
    assert record[20] == code
    image = record[34:46]
    assert image[:2] == b"\x01\x00"
    assert image[2:6] == WIDTH.to_bytes(2, "big") + HEIGHT.to_bytes(2, "big")
    assert record[46:] == jpeg


def test_dg3_holds_no_finger() -> None:
    assert data_groups.dg3(b"\xaa").hex() == "63097f610602010053" + "01aa"


def test_com_lists_groups_by_tag_in_order() -> None:
    assert data_groups.com({15, 1, 2, 13}).hex() == (
        "6016" + "5f010430313037" + "5f3606303430303030" + "5c04" + "61756d6f"
    )


def test_portraits_are_pictures_of_passport_size_and_weight() -> None:
    jpeg = draw_portrait("001090999999")
    picture = Image.open(BytesIO(jpeg))
    assert (picture.format, picture.size) == ("JPEG", (WIDTH, HEIGHT))
    assert 12_000 < len(jpeg) < 24_000


def test_portraits_repeat_and_differ() -> None:
    assert draw_portrait("a") == draw_portrait("a")
    assert draw_portrait("a") != draw_portrait("b")
