from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, strategies as st

from eid.chip.apdu import Command
from eid.testing.softcard_apdu import AnswerChain, ChipCommand, Refused, far_offset, take_apart


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("00A40000", ChipCommand(0, 0xA4, 0, 0)),
        ("00B0000010", ChipCommand(0, 0xB0, 0, 0, le=16)),
        ("00B0000000", ChipCommand(0, 0xB0, 0, 0, le=256)),
        ("00A4020C02011C", ChipCommand(0, 0xA4, 2, 12, data=b"\x01\x1c")),
        ("00A4020C02011C00", ChipCommand(0, 0xA4, 2, 12, data=b"\x01\x1c", le=256)),
        ("00B00000000000", ChipCommand(0, 0xB0, 0, 0, le=65536, extended=True)),
        ("00B00000001234", ChipCommand(0, 0xB0, 0, 0, le=0x1234, extended=True)),
        ("00A4020C000002011C", ChipCommand(0, 0xA4, 2, 12, data=b"\x01\x1c", extended=True)),
        (
            "00A4020C000002011C0000",
            ChipCommand(0, 0xA4, 2, 12, data=b"\x01\x1c", le=65536, extended=True),
        ),
    ],
)
def test_the_cases_of_a_command(raw: str, expected: ChipCommand) -> None:
    assert take_apart(bytes.fromhex(raw)) == expected


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "00B000",
        "00A4020C03011C",
        "00A4020C02011C0000",
        "00A4020C00000000",
        "00A4020C000003011C",
        "00A4020C000002011C00",
        "00A4020C0001",
    ],
)
def test_impossible_lengths_are_6700(raw: str) -> None:
    with pytest.raises(Refused) as caught:
        take_apart(bytes.fromhex(raw))
    assert caught.value.sw == 0x6700


def test_extended_length_can_be_unknown_to_a_chip() -> None:
    with pytest.raises(Refused) as caught:
        take_apart(bytes.fromhex("00B00000000000"), extended_allowed=False)
    assert caught.value.sw == 0x6700


@given(
    st.binary(max_size=600),
    st.one_of(st.none(), st.integers(1, 65536)),
    st.booleans(),
)
def test_what_the_reader_writes_the_chip_reads(
    data: bytes, le: int | None, extended: bool
) -> None:
    command = Command(0x0C, 0xB0, 0x12, 0x34, data, le)
    extended = extended or not command.short
    taken = take_apart(command.encode(extended=extended))
    assert (taken.data, taken.le) == (data, le or 0)
    assert taken.head == bytes.fromhex("0CB01234")


@given(st.binary(max_size=40))
def test_any_bytes_are_a_command_or_refused(raw: bytes) -> None:
    with contextlib.suppress(Refused):
        assert take_apart(raw).head == raw[:4]


@pytest.mark.parametrize(
    ("data", "offset"), [("540100", 0), ("54028000", 0x8000), ("5403012345", 0x12345)]
)
def test_far_offsets(data: str, offset: int) -> None:
    assert far_offset(bytes.fromhex(data)) == offset


@pytest.mark.parametrize("data", ["", "5400", "5501 00", "540200", "5404 00000000", "54028000 00"])
def test_other_far_offsets_are_refused(data: str) -> None:
    with pytest.raises(Refused) as caught:
        far_offset(bytes.fromhex(data))
    assert caught.value.sw == 0x6A80


def test_a_long_answer_comes_in_parts() -> None:
    body = bytes(range(256)) * 2 + b"end"
    chain = AnswerChain()
    first = chain.begin(body + b"\x90\x00")
    second = chain.next(256)
    third = chain.next(3)
    assert first == body[:256] + b"\x61\x00"
    assert second == body[256:512] + b"\x61\x03"
    assert third == b"end\x90\x00"
    with pytest.raises(Refused):
        chain.next(256)
