"""C-004, C-007, C-032, C-065, C-070: the wire and the process, where other files leave off."""

from __future__ import annotations

import contextlib
import copy
import pickle
import socket
import threading
from collections.abc import Callable
from datetime import datetime

import pytest

from eid import tlv
from eid.chip.access import Can, MrzKey, Pin, Puk
from eid.chip.card import MAX_FILE, Card
from eid.chip.evidence import Evidence
from eid.chip.lds.atr_info import parse_atr_info
from eid.chip.lds.com import parse_com
from eid.chip.lds.dir import parse_dir
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.chip.stream import StreamTransport
from eid.chip.transport import ReaderInfo
from eid.errors import (
    CardError,
    DeadlineExceeded,
    FormatError,
    ProtocolError,
    SecureMessagingError,
)
from eid.testing.card_image import CardImage
from eid.testing.softcard import SoftwareCard

COMMANDS = 14


class Spoiling:
    """A card of which one answer is changed by somebody who does not have its keys."""

    def __init__(self, image: CardImage, step: int, spoil: Callable[[bytes], bytes]) -> None:
        self._inner = SoftwareCard(image)
        self._step, self._spoil = step, spoil
        self.reader = self._inner.reader
        self.count = 0

    def transmit(self, command: bytes) -> bytes:
        self.count += 1
        answer = self._inner.transmit(command)
        return self._spoil(answer) if self.count == self._step else answer

    def close(self) -> None:
        self._inner.close()


def kiosk(card: object, image: CardImage, at: datetime, **options: object) -> Evidence:
    return read(card, Can(image.can), plan=PLANS["kiosk"], at=at, **options)


def objects(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    """Change the data objects of a protected answer: DO'87', DO'99', DO'8E'."""

    def spoil(answer: bytes) -> bytes:
        return b"".join(change([item.raw for item in tlv.parse_all(answer[:-2])])) + answer[-2:]

    return spoil


SPOILT = {
    "MAC flipped": lambda answer: answer[:-3] + bytes([answer[-3] ^ 1]) + answer[-2:],
    "MAC missing": objects(lambda parts: parts[:-1]),
    "cryptogram missing": objects(lambda parts: parts[1:]),
    "status object missing": objects(lambda parts: [parts[0], parts[2]]),
    "status differs": lambda answer: answer[:-2] + b"\x6f\x00",
    "order changed": objects(lambda parts: [parts[1], parts[0], parts[2]]),
    "two cryptograms": objects(lambda parts: [parts[0], *parts]),
    "unknown object": objects(lambda parts: [parts[0], b"\x81\x01\x00", *parts[1:]]),
    "unprotected": lambda _: b"a whole file\x90\x00",
    "status alone": lambda _: b"\x90\x00",
}


@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.parametrize("step", [8, 12])
def test_c_032_answers_that_somebody_without_the_keys_has_changed(
    card_image: CardImage, at: datetime, step: int, name: str
) -> None:
    """C-032: the session ends with this very answer, before and after Chip Authentication."""
    card = Spoiling(card_image, step, SPOILT[name])
    with pytest.raises(SecureMessagingError):
        kiosk(card, card_image, at)
    assert card.count == step


@pytest.mark.parametrize("step", range(1, COMMANDS))
def test_c_004_a_read_can_be_cancelled_before_every_command(
    card_image: CardImage, at: datetime, step: int
) -> None:
    """C-004: nothing more is sent once the caller has enough of a slow card."""
    card = Spoiling(card_image, 0, bytes)
    with pytest.raises(CardError) as caught:
        kiosk(card, card_image, at, cancelled=lambda: card.count >= step)
    assert caught.value.code == "card.cancelled"
    assert card.count == step


class Sparing:
    """A chip that gives fewer bytes than it was asked for, with 9000, and keeps to offsets."""

    reader = ReaderInfo(name="Sparing")

    def __init__(self, content: bytes, most: Callable[[int], int]) -> None:
        self._content, self._most = content, most
        self.commands = 0

    def transmit(self, command: bytes) -> bytes:
        self.commands += 1
        offset = command[3] if command[2] & 0x80 else command[2] << 8 | command[3]
        wanted = int.from_bytes(command[4:], "big") or 256
        return self._content[offset : offset + min(wanted, self._most(offset))] + b"\x90\x00"

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "most",
    [lambda _: 1, lambda _: 7, lambda offset: 1 + offset % 5, lambda offset: 100 if offset else 3],
    ids=["one byte", "seven", "in turn", "a short head"],
)
def test_c_007_fewer_bytes_than_asked_for(most: Callable[[int], int]) -> None:
    """C-007: the next command goes on behind what came, and the file is the file."""
    content = tlv.encode(0x75, bytes(i & 0xFF for i in range(600)))
    assert Card(Sparing(content, most), extended=False).read_file(0x0102, 2) == content


def test_c_007_no_more_bytes_at_all() -> None:
    """C-007: a chip that stops giving does not make half a file a whole one."""
    content = tlv.encode(0x75, bytes(600))
    with pytest.raises(CardError):
        Card(Sparing(content, lambda offset: 100 if offset < 300 else 0)).read_file(0x0102, 2)


KEYS = (
    Can("123456"),
    MrzKey(document_number="L898902C", birth="690806", expiry="940623"),
    Pin("135790"),
    Puk("1234567890"),
)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.kind)
def test_c_065_what_opens_a_chip_is_not_written_down(key: object) -> None:
    """C-065: neither shown, nor pickled into a queue, a cache or another process."""
    shown = repr(key) + str(key) + f"{key!r:>80}"
    assert not any(secret in shown for secret in ("123456", "L898902C", "690806", "135790"))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(key, protocol)
    for copying in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copying(key)


NESTED = b""
for _ in range(2000):
    NESTED = tlv.encode(0x61, NESTED)[:60_000]
RECURSIVE = {
    "nested": NESTED,
    "many": tlv.encode(0x61, b"\x61\x00" * 20_000),
    "records": b"\x61\x02\x4f\x00" * 20_000,
    "long": tlv.encode(0x60, bytes(200_000)),
    "open": b"\x7f\x66\x80" + b"\x30\x80" * 5_000,
    "one tag for ever": b"\x7f" + b"\xff" * 5_000,
}


@pytest.mark.parametrize("name", RECURSIVE)
@pytest.mark.parametrize("parse", [parse_com, parse_dir, parse_atr_info])
def test_c_070_files_that_nest_or_never_end(parse: Callable[[bytes], object], name: str) -> None:
    """C-070: EF.COM, EF.DIR and EF.ATR/INFO of any shape are values or refused, by caps."""
    with pytest.raises(FormatError):
        parse(RECURSIVE[name])


@pytest.mark.parametrize("size", [MAX_FILE, 1 << 24, (1 << 32) - 1])
def test_c_070_a_file_that_says_it_is_huge(size: int) -> None:
    """C-070: refused by its announced length, before it is read."""
    head = b"\x60\x84" + size.to_bytes(4, "big")
    chip = Sparing(head + bytes(500), lambda _: 256)
    with pytest.raises(ProtocolError):
        Card(chip, extended=False).read_file(0x011E, 0x1E)
    assert chip.commands == 1


class Late:
    """A reader with a clock of its own: each answer comes seven seconds after its command."""

    reader = ReaderInfo(name="Late")

    def __init__(self, image: CardImage) -> None:
        self._inner = SoftwareCard(image)
        self.now = 0.0
        self.allowed: list[float] = []

    def allow(self, seconds: float) -> None:
        self.allowed.append(seconds)

    def transmit(self, command: bytes) -> bytes:
        answer = self._inner.transmit(command)
        self.now += 7.0
        return answer

    def close(self) -> None:
        self._inner.close()


def test_c_004_every_command_has_only_what_is_left(card_image: CardImage, at: datetime) -> None:
    """C-004: the reader is told how long it may wait, and an answer past the end is not taken."""
    card = Late(card_image)
    with pytest.raises(DeadlineExceeded):
        kiosk(card, card_image, at, deadline_s=20.0, clock=lambda: card.now)
    assert card.allowed == [20.0, 13.0, 6.0]


def test_c_004_the_last_answer_is_too_late_too(card_image: CardImage, at: datetime) -> None:
    """C-004: a read that was whole a moment after its deadline is not returned."""
    card = Late(card_image)
    with pytest.raises(DeadlineExceeded):
        kiosk(card, card_image, at, deadline_s=7.0 * COMMANDS, clock=lambda: card.now)
    assert len(card.allowed) == COMMANDS
    whole = Late(card_image)
    limit = 7.0 * COMMANDS + 0.1
    assert kiosk(whole, card_image, at, deadline_s=limit, clock=lambda: whole.now).files


def test_c_004_bytes_that_dribble_in() -> None:
    """C-004: one byte every now and then does not start the time anew."""
    ours, theirs = socket.socketpair()
    theirs.sendall(bytes.fromhex("00053B80800101"))
    transport = StreamTransport(ours, timeout_s=30.0)
    transport.allow(0.5)
    done = threading.Event()

    def dribble() -> None:
        with contextlib.suppress(OSError):
            theirs.sendall(b"\xff\xff")
            while not done.wait(0.1):
                theirs.sendall(b"\x00")

    thread = threading.Thread(target=dribble)
    thread.start()
    try:
        with pytest.raises(DeadlineExceeded):
            transport.transmit(bytes.fromhex("00B09C0000"))
    finally:
        done.set()
        thread.join(60)
        theirs.close()
