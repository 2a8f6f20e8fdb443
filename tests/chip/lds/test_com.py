"""EF.COM: unsigned, so it is only ever compared."""

from __future__ import annotations

import pytest

from eid import tlv
from eid.chip.lds.com import parse_com
from eid.errors import FormatError


def com(version=b"0107", unicode=b"040000", tags=b"\x61\x75\x6d"):
    parts = [
        tlv.encode(tag, value)
        for tag, value in ((0x5F01, version), (0x5F36, unicode), (0x5C, tags))
        if value is not None
    ]
    return tlv.encode(0x60, *parts)


def test_com():
    found = parse_com(com())
    assert (found.lds_version, found.unicode_version) == ("0107", "040000")
    assert found.data_groups == {1, 2, 13}


@pytest.mark.parametrize(
    "changes",
    [
        {"version": None}, {"unicode": None}, {"tags": None}, {"tags": b""},
        {"version": b"107"}, {"version": b"01\xff7"}, {"unicode": b"04000x"},
        {"tags": b"\x61\x61"}, {"tags": b"\x61\x77"}, {"tags": b"\x61" * 40},
        {"version": "²²²²".encode("latin-1")},
    ],
)  # fmt: skip
def test_malformed(changes):
    with pytest.raises(FormatError):
        parse_com(com(**changes))
