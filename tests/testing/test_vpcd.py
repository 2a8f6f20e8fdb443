"""The card's end of the virtual reader's wire, with the reader played by this test."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from eid.errors import ReaderError
from eid.testing import vpcd
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault, pulled
from eid.testing.softcard import SoftwareCard

READ = bytes.fromhex("00B0000001")
SELECT = bytes.fromhex("00A4020C02011C")
OFF, ON, RESET, ATR = (bytes([n]) for n in (0, 1, 2, 4))


class Reader:
    """A listening virtual reader."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(5)
        self.port = self.listener.getsockname()[1]
        self.connection: socket.socket | None = None

    def accept(self) -> None:
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(5)

    def send(self, *payloads: bytes) -> None:
        assert self.connection is not None
        frames = (len(payload).to_bytes(2, "big") + payload for payload in payloads)
        self.connection.sendall(b"".join(frames))

    def receive(self) -> bytes:
        size = int.from_bytes(self._exactly(2), "big")
        return self._exactly(size)

    def ended(self) -> bool:
        assert self.connection is not None
        return self.connection.recv(1) == b""

    def _exactly(self, size: int) -> bytes:
        assert self.connection is not None
        data = b""
        while len(data) < size:
            data += self.connection.recv(size - len(data))
        return data

    def close(self) -> None:
        self.listener.close()
        if self.connection is not None:
            self.connection.close()


@pytest.fixture
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


def _inserted(reader: Reader, card: SoftwareCard) -> vpcd.InsertedCard:
    inserted = vpcd.insert(card, port=reader.port)
    reader.accept()
    return inserted


def test_controls_may_come_back_to_back(reader: Reader, card_image: CardImage) -> None:
    inserted = _inserted(reader, SoftwareCard(card_image))
    reader.send(ON, RESET, ATR, SELECT, b"\x09", ATR)
    assert [reader.receive() for _ in range(3)] == [card_image.atr, b"\x90\x00", card_image.atr]
    assert inserted.wait_noticed(5)
    inserted.remove()
    assert reader.ended()
    assert not inserted.present


@pytest.mark.parametrize("control", [OFF, ON, RESET])
def test_each_power_control_makes_the_chip_forget(
    reader: Reader, card_image: CardImage, control: bytes
) -> None:
    inserted = _inserted(reader, SoftwareCard(card_image))
    reader.send(SELECT, READ, control, READ)
    answers = [reader.receive()[-2:].hex() for _ in range(3)]
    assert answers == ["9000", "9000", "6986"]
    inserted.remove()
    inserted.remove()


def test_frames_may_come_in_pieces(reader: Reader, card_image: CardImage) -> None:
    inserted = _inserted(reader, SoftwareCard(card_image))
    assert reader.connection is not None
    for octet in b"\x00\x07" + SELECT:
        reader.connection.sendall(bytes([octet]))
    assert reader.receive() == b"\x90\x00"
    inserted.remove()


def test_a_pulled_card_ends_the_connection(reader: Reader, card_image: CardImage) -> None:
    inserted = _inserted(reader, SoftwareCard(card_image, faults=[pulled(1)]))
    reader.send(SELECT)
    assert reader.ended()
    assert inserted.wait_removed(5)


def test_a_reader_that_goes_ends_the_card(reader: Reader, card_image: CardImage) -> None:
    inserted = _inserted(reader, SoftwareCard(card_image))
    assert reader.connection is not None
    reader.connection.sendall(b"\x00")
    assert not inserted.wait_removed(0)
    reader.close()
    assert inserted.wait_removed(5)


def test_a_reader_that_goes_before_the_answer_ends_the_card(card_image: CardImage) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"\x00\x07" + SELECT)
    theirs.close()
    vpcd.serve(SoftwareCard(card_image), ours)
    assert ours.fileno() == -1


def test_a_reset_connection_ends_the_card(reader: Reader, card_image: CardImage) -> None:
    inserted = _inserted(reader, SoftwareCard(card_image))
    assert reader.connection is not None
    at_once = (1).to_bytes(4, "little") + bytes(4)
    reader.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    reader.close()
    assert inserted.wait_removed(5)


def test_answers_never_exceed_a_frame(reader: Reader, card_image: CardImage) -> None:
    image = replace(card_image, files={"EF.CardAccess": bytes(70_000)})
    inserted = _inserted(reader, SoftwareCard(image, faults=[Fault("long")]))
    reader.send(bytes.fromhex("00B09C00000000"))
    assert len(reader.receive()) == 0xFFFF
    inserted.remove()


def test_no_reader_is_a_reader_error(reader: Reader, card_image: CardImage) -> None:
    reader.close()
    with pytest.raises(ReaderError) as caught:
        vpcd.insert(SoftwareCard(card_image), port=reader.port, timeout=0.05)
    assert caught.value.code == "reader.no_virtual_reader"
