"""The byte-stream transport against a served software card and against broken peers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from eid.chip.access import can_from_number, personal_number
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.chip.stream import StreamTransport, connect_unix
from eid.errors import CardRemoved, DeadlineExceeded, ReaderError
from eid.testing.card_image import CardImage
from eid.testing.faults import pulled
from eid.testing.people import Person
from eid.testing.softcard import SoftwareCard
from eid.testing.stream_card import StreamCard

ATR = bytes.fromhex("3B80800101")
Peer = Callable[[socket.socket], None]


def frame(payload: bytes) -> bytes:
    return len(payload).to_bytes(2, "big") + payload


@pytest.fixture
def served(card_image: CardImage, tmp_path: Path) -> Iterator[StreamCard]:
    with StreamCard(SoftwareCard(card_image), tmp_path / "card.sock") as card:
        yield card


def test_a_whole_read(served: StreamCard, people: dict[str, Person], at: datetime) -> None:
    transport = connect_unix(served.path)
    can = can_from_number(personal_number(people["thu"].number))
    evidence = read(transport, can, plan=PLANS["bank"], challenge=bytes(8), at=at)
    assert evidence.active_authentication is not None
    assert evidence.reader is not None
    assert (evidence.reader.name, evidence.reader.atr) == ("stream:card.sock", ATR)
    transport.close()
    transport.close()
    with pytest.raises(CardRemoved):
        transport.transmit(bytes(4))


def test_pulled_card(card_image: CardImage, tmp_path: Path) -> None:
    card = SoftwareCard(card_image, faults=[pulled(1)])
    with StreamCard(card, tmp_path / "card.sock") as served:
        transport = connect_unix(served.path)
        with pytest.raises(CardRemoved):
            transport.transmit(bytes.fromhex("00A4020C02011C"))
        with pytest.raises(CardRemoved):
            transport.transmit(bytes.fromhex("00A4020C02011C"))
        transport.close()


@pytest.mark.parametrize(
    "make", [lambda p: None, lambda p: p.write_bytes(b"")], ids=["no", "file"]
)
def test_nobody_there(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "card.sock"
    make(path)
    with pytest.raises(ReaderError) as caught:
        connect_unix(path)
    assert caught.value.code == "reader.gone"


@pytest.fixture
def against() -> Iterator[Callable[[Peer], StreamTransport]]:
    """Connect to a peer that answers power-on and ATR, then does what the test says."""
    open_sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def connect(peer: Peer) -> StreamTransport:
        ours, theirs = socket.socketpair()
        open_sockets.extend((ours, theirs))
        thread = threading.Thread(target=peer, args=(theirs,), daemon=True)
        threads.append(thread)
        thread.start()
        return StreamTransport(ours, timeout_s=0.3)

    yield connect
    for each in open_sockets:
        each.close()
    for thread in threads:
        thread.join(2)


def start(theirs: socket.socket) -> bytes:
    """Take power-on and the request for the ATR, and answer it."""
    taken = b""
    while len(taken) < 6:
        taken += theirs.recv(6 - len(taken))
    theirs.sendall(frame(ATR))
    return taken


def test_frames(against: Callable[[Peer], StreamTransport]) -> None:
    seen: list[bytes] = []

    def peer(theirs: socket.socket) -> None:
        seen.append(start(theirs))
        seen.append(theirs.recv(100))
        for octet in frame(b"data\x90\x00"):
            theirs.sendall(bytes([octet]))
        seen.append(theirs.recv(100))

    transport = against(peer)
    assert transport.transmit(b"\x00\xb0\x00\x00\x04") == b"data\x90\x00"
    transport.close()
    threading.Event().wait(0.05)
    assert seen == [b"\x00\x01\x01\x00\x01\x04", frame(b"\x00\xb0\x00\x00\x04"), b"\x00\x01\x00"]


@pytest.mark.parametrize(
    "answer", [b"", b"\x00", frame(b""), frame(b"\x90"), b"\x00\x05abc"], ids=range(5)
)
def test_broken_answers(against: Callable[[Peer], StreamTransport], answer: bytes) -> None:
    def peer(theirs: socket.socket) -> None:
        start(theirs)
        theirs.recv(100)
        theirs.sendall(answer)
        theirs.close()

    transport = against(peer)
    with pytest.raises(CardRemoved):
        transport.transmit(bytes(5))
    with pytest.raises(CardRemoved):
        transport.transmit(bytes(5))


def test_silent_card(against: Callable[[Peer], StreamTransport]) -> None:
    hold = threading.Event()

    def peer(theirs: socket.socket) -> None:
        start(theirs)
        hold.wait(2)

    transport = against(peer)
    with pytest.raises(DeadlineExceeded):
        transport.transmit(bytes(5))
    hold.set()
    with pytest.raises(CardRemoved):
        transport.transmit(bytes(5))


def test_peer_gone_before_the_command(against: Callable[[Peer], StreamTransport]) -> None:
    gone = threading.Event()

    def peer(theirs: socket.socket) -> None:
        start(theirs)
        theirs.close()
        gone.set()

    transport = against(peer)
    gone.wait(2)
    with pytest.raises(CardRemoved):
        transport.transmit(bytes(5))
    transport.close()


def flood(transport: StreamTransport) -> None:
    for _ in range(50):
        transport._send(bytes(65_535))


def test_peer_that_takes_nothing(against: Callable[[Peer], StreamTransport]) -> None:
    hold = threading.Event()

    def peer(theirs: socket.socket) -> None:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        start(theirs)
        hold.wait(3)

    transport = against(peer)
    with pytest.raises((DeadlineExceeded, CardRemoved)):
        flood(transport)
    hold.set()


def test_peer_that_leaves_a_command_unread(
    against: Callable[[Peer], StreamTransport],
) -> None:
    def peer(theirs: socket.socket) -> None:
        start(theirs)
        theirs.recv(1)
        theirs.close()

    transport = against(peer)
    with pytest.raises(CardRemoved):
        transport.transmit(bytes(5))


def test_peer_that_resets(against: Callable[[Peer], StreamTransport]) -> None:
    transport = against(start)
    transport._connection.shutdown(socket.SHUT_RDWR)
    with pytest.raises(CardRemoved):
        transport.transmit(bytes(5))


@pytest.mark.parametrize("size", [0, 1, 3, 65_536])
def test_commands_that_are_none(against: Callable[[Peer], StreamTransport], size: int) -> None:
    transport = against(start)
    with pytest.raises(ValueError, match="command"):
        transport.transmit(bytes(size))
