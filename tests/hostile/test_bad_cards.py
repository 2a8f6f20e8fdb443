"""C-003, C-004, C-007, C-008, C-012, C-037: cards that fail at any command, in any way.

Whatever happens: a typed error within the deadline, keys wiped, and nothing half-read as whole.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import pytest

from eid import tlv
from eid.chip import card as card_module
from eid.chip.access import Can, can_from_number, personal_number
from eid.chip.evidence import Evidence
from eid.chip.messaging import SecureMessaging
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.chip.transport import ReaderInfo
from eid.errors import CardError, CardRemoved, DeadlineExceeded, ProtocolError
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault, pulled
from eid.testing.people import Person
from eid.testing.softcard import SoftwareCard
from eid.testing.softcard_apdu import ChipCommand

COMMANDS = 16
READS = "bank"
STATUS_WORDS = [(first << 8) | second for first in range(0x60, 0x70) for second in (0, 1, 0x82)]
STATUS_WORDS += [0x6CFF, 0x61FF, 0x63C0, 0x63C3, 0x6FFF, 0x9001, 0x9100, 0x9FFF]
PROTECTED = [
    0x6282,
    0x6300,
    0x6700,
    0x6982,
    0x6985,
    0x6988,
    0x6A80,
    0x6A82,
    0x6B00,
    0x6C10,
    0x6F00,
]


@pytest.fixture
def can(people: Mapping[str, Person]) -> Can:
    return can_from_number(personal_number(people["thu"].number))


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[SecureMessaging]]:
    """Every session that a read made; all must be over at the end."""
    made: list[SecureMessaging] = []
    secure = card_module.Card.secure

    def noting(self: card_module.Card, messaging: SecureMessaging) -> None:
        made.append(messaging)
        secure(self, messaging)

    monkeypatch.setattr(card_module.Card, "secure", noting)
    yield made
    assert not any(session.is_open for session in made)


Attempt = Callable[..., Evidence | None]


@pytest.fixture
def attempt(can: Can, at: datetime, card_image: CardImage) -> Attempt:
    """Read; a typed error is None, and evidence must hold only what the card holds."""

    def run(card: object, **options: object) -> Evidence | None:
        try:
            values = {"challenge": bytes(8)} | options
            evidence = read(card, can, plan=PLANS[READS], at=at, **values)
        except CardError:
            return None
        for name, content in evidence.files.items():
            if name != "EF.CardAccess":  # signed by nobody; the judge holds it against DG14
                assert content == card_image.files[name], name
        return evidence

    return run


@pytest.mark.usefixtures("sessions")
class TestEveryCommand:
    @pytest.mark.parametrize("extended", [True, False])
    def test_pulled(self, can: Can, at: datetime, card_image: CardImage, extended: bool) -> None:
        steps = range(1, COMMANDS + 1) if extended else (*range(1, 22), 50, 80, 100)
        for step in steps:
            card = SoftwareCard(card_image, faults=[pulled(step)], extended=extended)
            with pytest.raises(CardRemoved):
                read(card, can, plan=PLANS[READS], challenge=bytes(8), at=at)

    def test_noise(self, attempt: Attempt, card_image: CardImage) -> None:
        for step in range(1, COMMANDS + 1):
            attempt(SoftwareCard(card_image, faults=[Fault("random", step)]))
            noise = random.Random(step)
            for size in (0, 1, 2, 3, 40, 300):
                attempt(Answering(card_image, step, noise.randbytes(size)))

    @pytest.mark.parametrize("kind", ["flip", "short", "long", "naked", "missing_status"])
    def test_spoiled(self, attempt: Attempt, card_image: CardImage, kind: str) -> None:
        for step in range(1, COMMANDS + 1):
            attempt(SoftwareCard(card_image, faults=[Fault(kind, step)]))

    def test_c_003_naked_status_words(self, attempt: Attempt, card_image: CardImage) -> None:
        """In the clear they mean what they say; inside a session they end it."""
        for step in range(1, 7):
            for sw in STATUS_WORDS:
                attempt(Answering(card_image, step, sw.to_bytes(2, "big")), challenge=None)
        for step in range(7, COMMANDS + 1):
            for sw in (0x6982, 0x6988, 0x9000, 0x6B00, 0x6C10):
                lying = Answering(card_image, step, sw.to_bytes(2, "big"))
                found = attempt(lying, challenge=None if step < COMMANDS else bytes(8))
                assert found is None

    def test_c_003_protected_status_words(self, attempt: Attempt, card_image: CardImage) -> None:
        for step in range(7, COMMANDS + 1):
            for sw in PROTECTED:
                attempt(Refusing(card_image, step, sw), challenge=None)


class Answering:
    """A card of which one answer is replaced on the wire."""

    def __init__(self, image: CardImage, step: int, answer: bytes) -> None:
        self._inner = SoftwareCard(image)
        self._step, self._answer, self._count = step, answer, 0
        self.reader = ReaderInfo(name="Lying card")

    def transmit(self, command: bytes) -> bytes:
        self._count += 1
        assert self._count < 400, "a read must end"
        honest = self._inner.transmit(command)
        if self._count != self._step:
            return honest
        if len(self._answer) < 2:
            raise CardRemoved("The reader gave too little.")
        return self._answer

    def close(self) -> None:
        self._inner.close()


class Refusing(SoftwareCard):
    """A card that refuses one command, protected as it must be."""

    def __init__(self, image: CardImage, step: int, sw: int) -> None:
        self._step, self._sw = step, sw
        super().__init__(image)

    def _run(self, command: ChipCommand, room: int, *, protected: bool) -> tuple[bytes, int]:
        if self.count == self._step:
            return b"", self._sw
        return super()._run(command, room, protected=protected)


class TestClock:
    def test_c_004_slow_answers(self, card_image: CardImage, can: Can, at: datetime) -> None:
        """Each answer within its own limit, all of them together beyond the read's."""
        for pause in (0.5, 2.0, 7.0):
            now = [0.0]

            class Slow(Answering):
                def transmit(self, command: bytes) -> bytes:
                    now[0] += pause  # noqa: B023
                    return super().transmit(command)

            card = Slow(card_image, 0, b"")
            try:
                read(card, can, at=at, deadline_s=15.0, clock=lambda: now[0])  # noqa: B023
            except DeadlineExceeded:
                assert now[0] <= 15.0 + pause
            else:
                assert pause == 0.5

    def test_c_004_get_response_without_end(
        self, card_image: CardImage, can: Can, at: datetime
    ) -> None:
        class Endless(Answering):
            def transmit(self, command: bytes) -> bytes:
                return b"\x00" * 10 + b"\x61\x0a"

        with pytest.raises(ProtocolError):
            read(Endless(card_image, 0, b""), can, at=at)


class OneFile:
    """A chip without access control that holds one file of any size, and may frame it wrongly."""

    def __init__(self, content: bytes, *, frame: Callable[[bytes], bytes] | None = None) -> None:
        self.content, self._frame = content, frame
        self.reader = ReaderInfo(name="Big file")

    def transmit(self, command: bytes) -> bytes:
        if command[1] == 0xB0:
            offset = command[3] if command[2] & 0x80 else command[2] << 8 | command[3]
            return self.content[offset : offset + 0xFF00] + b"\x90\x00"
        short = command[4]
        data = command[5 : 5 + short] if short else command[7 : 7 + command[6]]
        offset = int.from_bytes(tlv.parse(data).value, "big")
        block = self.content[offset : offset + 4096]
        return (self._frame or (lambda b: tlv.encode(0x53, b)))(block) + b"\x90\x00"

    def close(self) -> None:
        pass


class TestBigFiles:
    CONTENT = tlv.encode(0x75, bytes(i * 31 & 0xFF for i in range(70_000)))

    def test_c_008_beyond_32_kb(self) -> None:
        assert card_module.Card(OneFile(self.CONTENT)).read_file(0x0102, 2) == self.CONTENT

    @pytest.mark.parametrize(
        "frame",
        [
            lambda b: tlv.encode(0x54, b),
            lambda b: tlv.encode(0x53, b) + b"\x00",
            lambda b: b"\x53\x82\xff\xff" + b,
            lambda b: b"",
            lambda b: tlv.encode(0x53, b + bytes(70_000)),
        ],
        ids=["tag", "trailing", "length", "empty", "excess"],
    )
    def test_c_008_wrong_frames(self, frame: Callable[[bytes], bytes]) -> None:
        with pytest.raises(CardError):
            card_module.Card(OneFile(self.CONTENT, frame=frame)).read_file(0x0102, 2)

    def test_c_070_announced_without_end(self) -> None:
        for head in ("7583FFFFFF", "7584FFFFFFFF", "7580", "7588"):
            with pytest.raises(CardError):
                card_module.Card(OneFile(bytes.fromhex(head) + bytes(300))).read_file(0x0102, 2)


def test_c_007_more_than_was_asked_for() -> None:
    class Generous(OneFile):
        def transmit(self, command: bytes) -> bytes:
            return tlv.encode(0x75, bytes(300)) + b"\x90\x00"

    with pytest.raises(ProtocolError):
        card_module.Card(Generous(b""), extended=False).read_file(0x0102, 2)


def test_c_012_cards_in_parallel_share_nothing(
    card_image: CardImage, can: Can, at: datetime
) -> None:
    found: list[Evidence] = []

    def one(step: int) -> None:
        card = SoftwareCard(card_image, faults=[Fault("naked", step)] if step else [])
        try:
            found.append(read(card, can, plan=PLANS["kiosk"], at=at))
        except CardError:
            return

    threads = [threading.Thread(target=one, args=(step,)) for step in (0, 9, 0, 12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 2
    assert found[0].files == found[1].files
