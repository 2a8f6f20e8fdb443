"""The box as a PC/SC program sees it, in the raw words of smartcard.scard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from eid.testing.card_image import CardImage
from eid.testing.faults import Fault, pulled
from eid.testing.virtual_reader import VirtualReader

scard = pytest.importorskip("smartcard.scard")

READ_CARD_ACCESS = bytes.fromhex("00B09C0000")
GONE = {0, 0x80100016, 0x80100069}
READ_CARD_ACCESS_EXTENDED = bytes.fromhex("00B09C00000000")


class Session:
    def __init__(self, context: int, name: str) -> None:
        self.context = context
        self.name = name

    def connect(self) -> tuple[int, int]:
        code, handle, _ = scard.SCardConnect(
            self.context, self.name, scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_T1
        )
        return code & 0xFFFFFFFF, handle

    def state(self) -> int:
        code, states = scard.SCardGetStatusChange(self.context, 0, [(self.name, 0)])
        assert code == scard.SCARD_S_SUCCESS
        return states[0][1]


def transmit(handle: int, command: bytes) -> tuple[int, bytes]:
    code, answer = scard.SCardTransmit(handle, scard.SCARD_PCI_T1, list(command))
    return code & 0xFFFFFFFF, bytes(answer)


@pytest.fixture
def session(reader: VirtualReader) -> Iterator[Session]:
    code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    assert code == scard.SCARD_S_SUCCESS
    yield Session(context, reader.names[0])
    scard.SCardReleaseContext(context)


def test_both_slots_are_listed(reader: VirtualReader, session: Session) -> None:
    assert scard.SCardListReaders(session.context, []) == [0, list(reader.names)]


def test_a_card_answers_and_is_counted(
    reader: VirtualReader, session: Session, card_image: CardImage
) -> None:
    reader.insert(card_image)
    code, handle = session.connect()
    assert code == 0
    assert transmit(handle, READ_CARD_ACCESS) == (
        0,
        card_image.files["EF.CardAccess"] + b"\x90\x00",
    )
    assert transmit(handle, READ_CARD_ACCESS_EXTENDED)[1][-2:] == b"\x90\x00"
    assert reader.commands() == 2
    scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)


def test_presence_follows_at_once(
    reader: VirtualReader, session: Session, card_image: CardImage
) -> None:
    for _ in range(2):
        reader.insert(card_image)
        assert session.state() & scard.SCARD_STATE_PRESENT
        reader.remove()
        assert session.state() & scard.SCARD_STATE_EMPTY
    assert session.connect()[0] == 0x8010000C


def test_two_slots_hold_two_cards(
    reader: VirtualReader, session: Session, card_image: CardImage
) -> None:
    other = replace(card_image, files={"EF.CardAccess": b"\x31\x00"})
    reader.insert(card_image)
    reader.insert(other, slot=1)
    second = Session(session.context, reader.names[1])
    handles = session.connect()[1], second.connect()[1]
    answers = [transmit(handle, READ_CARD_ACCESS)[1] for handle in handles]
    assert answers == [card_image.files["EF.CardAccess"] + b"\x90\x00", b"\x31\x00\x90\x00"]
    for handle in handles:
        scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)


def test_a_pulled_card_answers_nothing_and_leaves_the_slot_empty(
    reader: VirtualReader, session: Session, card_image: CardImage
) -> None:
    reader.insert(card_image, faults=[pulled(2)])
    _, handle = session.connect()
    assert transmit(handle, READ_CARD_ACCESS)[1][-2:] == b"\x90\x00"
    code, answer = transmit(handle, READ_CARD_ACCESS)
    assert (code in GONE, answer) == (True, b"")
    code, answer = transmit(handle, READ_CARD_ACCESS)
    assert (code in GONE - {0}, answer) == (True, b"")
    scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)
    reader.remove()
    assert session.state() & scard.SCARD_STATE_EMPTY


def test_a_card_without_extended_length_refuses_it(
    reader: VirtualReader, session: Session, card_image: CardImage
) -> None:
    reader.insert(card_image, extended=False)
    _, handle = session.connect()
    assert transmit(handle, READ_CARD_ACCESS_EXTENDED) == (0, b"\x67\x00")
    scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)


def test_a_fault_strikes_at_its_command(
    reader: VirtualReader, session: Session, card_image: CardImage
) -> None:
    reader.insert(card_image, faults=[Fault("naked", 2)])
    _, handle = session.connect()
    answers = [transmit(handle, READ_CARD_ACCESS)[1][-2:].hex() for _ in range(3)]
    assert answers == ["9000", "6988", "9000"]
    scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)


def test_a_swap_inside_one_poll_keeps_the_handle_and_changes_the_card(
    reader: VirtualReader, session: Session, card_image: CardImage
) -> None:
    """Why no handle survives a failed command: the next answer may come from another card."""
    other = replace(card_image, files={"EF.CardAccess": b"\x31\x00"})
    reader.insert(card_image)
    _, handle = session.connect()
    assert transmit(handle, READ_CARD_ACCESS)[1][-2:] == b"\x90\x00"
    reader.insert(other, wait=False)
    answers = [transmit(handle, READ_CARD_ACCESS) for _ in range(2)]
    assert answers[0] != (0, card_image.files["EF.CardAccess"] + b"\x90\x00")
    assert (0, card_image.files["EF.CardAccess"] + b"\x90\x00") not in answers
    scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)


def test_reset_makes_the_chip_forget_its_selection(
    reader: VirtualReader, session: Session, card_image: CardImage
) -> None:
    reader.insert(card_image)
    _, handle = session.connect()
    assert transmit(handle, bytes.fromhex("00A4020C02011C"))[1] == b"\x90\x00"
    assert transmit(handle, bytes.fromhex("00B0000000"))[1][-2:] == b"\x90\x00"
    code, _ = scard.SCardReconnect(
        handle, scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_T1, scard.SCARD_RESET_CARD
    )
    assert code == 0
    assert transmit(handle, bytes.fromhex("00B0000000"))[1] == b"\x69\x86"
    scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)
