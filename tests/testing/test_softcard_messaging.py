"""The chip's half of secure messaging, pinned to 9303-11 D.4 and against the library's reader."""

from __future__ import annotations

import pytest

from eid import tlv
from eid.chip import crypto
from eid.chip.apdu import Command, Response
from eid.chip.crypto import Suite
from eid.chip.messaging import SecureMessaging
from eid.testing.softcard_apdu import ChipCommand, Refused, take_apart
from eid.testing.softcard_messaging import ChipSession

KS_ENC = bytes.fromhex("979EC13B1CBFE9DCD01AB0FED307EAE5")
KS_MAC = bytes.fromhex("F1CB1F1FB5ADF208806B89DC579DC1F8")
D4_SSC = 0x887022120C06C226
D4 = (
    ("0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800", "990290008E08FA855A5D4C50A8ED9000"),
    (
        "0CB000000D9701048E08ED6705417E96BA5500",
        "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000",
    ),
    (
        "0CB000040D9701128E082EA28A70F3C7B53500",
        "871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000",
    ),
)
D4_PLAIN = (
    ("00A4020C02011E", ""),
    ("00B0000004", "60145F01"),
    ("00B0000412", "04303130365F36063034303030305C026175"),
)


def _keys(suite: Suite) -> tuple[bytes, bytes]:
    return bytes(range(suite.key_size)), bytes(range(1, suite.key_size + 1))


def _pair(suite: Suite) -> tuple[SecureMessaging, ChipSession]:
    ks_enc, ks_mac = _keys(suite)
    return (
        SecureMessaging(suite, ks_enc, ks_mac, bytes(suite.block_size)),
        ChipSession(suite, ks_enc, ks_mac),
    )


def _protected(command: Command, suite: Suite = Suite.AES_128) -> tuple[ChipCommand, ChipSession]:
    reader, chip = _pair(suite)
    wrapped = reader.protect(command)
    return take_apart(wrapped.encode(extended=not wrapped.short)), chip


def test_the_published_example() -> None:
    chip = ChipSession(Suite.DES3, KS_ENC, KS_MAC, ssc=D4_SSC)
    for (command, answer), (plain_command, plain_answer) in zip(D4, D4_PLAIN, strict=True):
        opened = chip.open(take_apart(bytes.fromhex(command)))
        wanted = take_apart(bytes.fromhex(plain_command))
        assert (opened.head, opened.data, opened.le) == (wanted.head, wanted.data, wanted.le)
        assert chip.protect(bytes.fromhex(plain_answer), 0x9000).hex().upper() == answer


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize(
    "command",
    [
        Command(0, 0xA4, 4, 12, bytes.fromhex("A0000002471001")),
        Command(0, 0xB0, 0x81, 0, le=223),
        Command(0, 0xB0, 0x81, 0, le=65536),
        Command(0, 0x88, 0, 0, bytes(8), le=256),
        Command(0, 0xB1, 0, 0, bytes.fromhex("54028000"), le=100),
        Command(0, 0xA4, 0, 12),
    ],
    ids=["select", "read", "read far", "sign", "odd", "nothing"],
)
def test_both_sides_agree(suite: Suite, command: Command) -> None:
    reader, chip = _pair(suite)
    for turn in range(3):
        wrapped = reader.protect(command)
        opened = chip.open(take_apart(wrapped.encode(extended=not wrapped.short)))
        assert (opened.cla, opened.ins, opened.data) == (0, command.ins, command.data)
        assert opened.le == (command.le or 0)
        data = bytes([turn]) * (turn * 20)
        answer = reader.open(Response.parse(chip.protect(data, 0x9000, odd=command.ins & 1)))
        assert (answer.data, answer.sw) == (data, 0x9000)


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("limit", [100, 255, 256, 1000, 65533])
def test_room_is_exact(suite: Suite, limit: int) -> None:
    chip = _pair(suite)[1]
    room = chip.room(limit)
    assert len(chip.protect(bytes(room), 0x9000)) - 2 <= limit
    assert len(chip.protect(bytes(room + 1), 0x9000)) - 2 > limit


@pytest.mark.parametrize(("suite", "room"), [(Suite.AES_128, 223), (Suite.DES3, 231)])
def test_room_of_a_short_answer(suite: Suite, room: int) -> None:
    assert _pair(suite)[1].room(256) == room


def test_a_tiny_limit_has_no_room() -> None:
    assert _pair(Suite.AES_128)[1].room(4) == 0


@pytest.mark.parametrize("place", range(31))
def test_every_changed_bit_is_found(place: int) -> None:
    command, chip = _protected(Command(0, 0x88, 0, 0, bytes(8), le=100))
    raw = bytearray(command.data)
    raw[place % len(raw)] ^= 1
    with pytest.raises(Refused) as caught:
        chip.open(ChipCommand(*command.head, data=bytes(raw)))
    assert caught.value.sw in (0x6987, 0x6988)


def test_a_changed_header_is_found() -> None:
    command, chip = _protected(Command(0, 0xB0, 0x81, 0, le=100))
    with pytest.raises(Refused):
        chip.open(ChipCommand(0x0C, 0xB0, 0x82, 0, data=command.data))


def test_a_repeated_command_is_found() -> None:
    command, chip = _protected(Command(0, 0xB0, 0x81, 0, le=100))
    chip.open(command)
    chip.protect(b"", 0x9000)
    with pytest.raises(Refused):
        chip.open(command)


def test_without_a_mac_nothing_is_opened() -> None:
    chip = _pair(Suite.AES_128)[1]
    with pytest.raises(Refused) as caught:
        chip.open(ChipCommand(0x0C, 0xB0, 0, 0, data=bytes.fromhex("970100")))
    assert caught.value.sw == 0x6987


@pytest.mark.parametrize(
    "data",
    [
        "8E080000000000000000970100",
        "9701009701008E080000000000000000",
        "990290008E080000000000000000",
        "97",
    ],
)
def test_other_data_objects_are_refused(data: str) -> None:
    with pytest.raises(Refused) as caught:
        _pair(Suite.AES_128)[1].open(ChipCommand(0x0C, 0xB0, 0, 0, data=bytes.fromhex(data)))
    assert caught.value.sw == 0x6988


def _with_mac(body: bytes) -> ChipCommand:
    """A command with this body and the right MAC."""
    suite = Suite.AES_128
    head = bytes.fromhex("0CB00000")
    mac = crypto.sm_mac(
        suite, _keys(suite)[1], (1).to_bytes(16, "big"), crypto.pad(head, 16) + body
    )
    return ChipCommand(*head, data=body + tlv.encode(0x8E, mac))


@pytest.mark.parametrize(
    "body",
    [
        tlv.encode(0x87, b"\x02" + bytes(16)),
        tlv.encode(0x87, b""),
        tlv.encode(0x87, b"\x01" + bytes(15)),
        tlv.encode(0x87, b"\x01" + bytes(16)),
        tlv.encode(0x97, b""),
        tlv.encode(0x97, bytes(3)),
    ],
    ids=["indicator", "empty", "half a block", "padding", "no Le", "long Le"],
)
def test_an_authentic_but_wrong_body_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        _pair(Suite.AES_128)[1].open(_with_mac(body))
    assert caught.value.sw == 0x6988


def test_an_answer_can_leave_out_its_status_object() -> None:
    chip = _pair(Suite.AES_128)[1]
    answer = chip.protect(b"", 0x9000, status_object=False)
    assert answer[:2].hex() == "8e08"
