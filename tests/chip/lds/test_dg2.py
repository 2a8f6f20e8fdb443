"""DG2: header sizes that vary, lengths that lie, and pictures nobody decodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from eid import tlv
from eid.chip.lds.dg2 import parse_dg2
from eid.errors import FormatError
from eid.testing import data_groups
from eid.testing.portrait import draw_portrait

SILVER = Path(__file__).parents[2] / "vectors" / "bsi_silver"
JPEG = b"\xff\xd8\xff\xe0 picture \xff\xd9"
JP2 = b"\x00\x00\x00\x0cjP  \r\n\x87\n picture"
CODESTREAM = b"\xff\x4f\xff\x51 picture"


def record(image=JPEG, *, magic=b"FAC\0", version=b"010\0", faces=1, features=0, slack=0, **lie):
    block = 20 + 8 * features + 12 + len(image)
    info = (
        (lie.get("block", block + slack)).to_bytes(4, "big")
        + features.to_bytes(2, "big")
        + bytes(14)
    )
    picture = b"\1\0" + (240).to_bytes(2, "big") + (320).to_bytes(2, "big") + bytes(6)
    total = lie.get("total", 14 + block + slack)
    head = magic + version + total.to_bytes(4, "big") + faces.to_bytes(2, "big")
    return head + info + b"\xff" * (8 * features) + picture + image


def dg2(*records, count=None, header=b"\xa1\x03\x87\x01\x01", tag=0x5F2E, group=0x7F61):
    instances = [tlv.encode(0x7F60, header, tlv.encode(tag, one)) for one in records]
    number = len(records) if count is None else count
    counter = b"" if number is None or number < 0 else b"\2\1" + bytes([number])
    return tlv.encode(0x75, tlv.encode(group, counter, *instances))


def test_the_silver_specimen():
    portrait = parse_dg2((SILVER / "Datagroup2.bin").read_bytes())
    assert portrait.format == "jp2"
    assert portrait.image.startswith(JP2[:12])
    assert (portrait.width, portrait.height) > (0, 0)


def test_a_drawn_portrait():
    picture = draw_portrait("001090999999")
    portrait = parse_dg2(data_groups.dg2(picture, sex="M"))
    assert portrait.image == picture
    assert portrait.format == "jpeg"


@pytest.mark.parametrize(("image", "kind"), [(JPEG, "jpeg"), (JP2, "jp2"), (CODESTREAM, "j2k")])
def test_the_bytes_decide_the_format(image, kind):
    portrait = parse_dg2(dg2(record(image)))
    assert (portrait.image, portrait.format, portrait.width, portrait.height) == (
        image,
        kind,
        240,
        320,
    )
    assert "picture" not in repr(portrait)


def test_tolerated_headers():
    """Feature points with FF bytes, both block tags, lengths off by one or eight (UK, NZ)."""
    for one in (record(features=3), record(slack=8), record(slack=1)):
        assert parse_dg2(dg2(one)).image == JPEG
    assert parse_dg2(dg2(record(), tag=0x7F2E, header=b"\xa1\x00")).image == JPEG
    assert parse_dg2(dg2(record(), record(CODESTREAM))).image == JPEG


@pytest.mark.parametrize(
    "data",
    [
        dg2(record(magic=b"IRC\0")), dg2(record(version=b"999\0")), dg2(record(faces=0)),
        dg2(record(faces=65535)), dg2(record(total=1 << 31)), dg2(record(block=3)),
        dg2(record(block=0xFFFFFFFF)), dg2(record(features=9, block=64)), dg2(record(b"")),
        dg2(record(b"only text")), dg2(b""), dg2(b"FAC\0" * 20), dg2(record(), count=2),
        dg2(record(), count=-1), dg2(count=0), dg2(*[record()] * 5), dg2(record(), header=b""),
        dg2(record(), tag=0x5F2F), dg2(record(), group=0x7F62), tlv.encode(0x75),
    ],
)  # fmt: skip
def test_malformed(data):
    with pytest.raises(FormatError):
        parse_dg2(data)


def test_feature_points_beyond_the_record():
    lying = bytearray(record())
    lying[18:20] = b"\xff\xff"
    with pytest.raises(FormatError) as caught:
        parse_dg2(dg2(bytes(lying)))
    assert caught.value.code == "dg2.block"
