"""Files are cut at their outer data object once, for hashing and parsing alike."""

from __future__ import annotations

import pytest

from eid import tlv
from eid.chip.lds.files import FILES
from eid.chip.lds.template import contents, objects, trimmed
from eid.errors import FormatError


def test_padding_is_cut():
    data = tlv.encode(0x61, bytes(200))
    assert trimmed(data + bytes(99)) == data
    assert trimmed(data) == data


@pytest.mark.parametrize(
    "data", [b"", b"\x61", b"\x61\x80\0\0", b"\x1f", b"\x61\x84\xff\xff\xff\xff"]
)
def test_what_has_no_length_stays_as_it_is(data):
    assert trimmed(data) == data


def test_a_file_that_is_too_short_stays_as_it_is():
    assert trimmed(b"\x61\x05\x01") == b"\x61\x05\x01"


def test_contents():
    assert contents(b"\x61\x01\x05", FILES["EF.DG1"]) == b"\x05"
    with pytest.raises(FormatError) as caught:
        contents(b"\x61\x01\x05", FILES["EF.DG2"])
    assert caught.value.facts["file"] == "EF.DG2"


def test_objects_keep_their_own_zeros_and_end_before_those_that_fill_the_file() -> None:
    first, last = tlv.encode(0x47, b"\x80\x11\xc0"), tlv.encode(0x02, b"\x10\x00")
    for filler in (0, 1, 20):
        assert [item.raw for item in objects(first + last + bytes(filler))] == [first, last]
    assert objects(bytes(8)) == ()
    with pytest.raises(FormatError):
        objects(first + b"\x00" + last)
