"""C-031, C-065: what is learnt from the wire, from a log or from a traceback: nothing."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime

import pytest

from eid.chip import card as card_module, chip_auth
from eid.chip.access import Can, can_from_number, personal_number
from eid.chip.evidence import Evidence
from eid.chip.messaging import SecureMessaging
from eid.chip.pace import handshake
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.chip.transport import ReaderInfo
from eid.errors import CardError, EidError
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault
from eid.testing.people import Person
from eid.testing.softcard import SoftwareCard


class Tap:
    """A transport that keeps all that goes over the wire."""

    def __init__(self, inner: SoftwareCard, change: Callable[[int, bytes], bytes]) -> None:
        self._inner, self._change = inner, change
        self.reader: ReaderInfo = inner.reader
        self.commands: list[bytes] = []
        self.answers: list[bytes] = []

    def transmit(self, command: bytes) -> bytes:
        self.commands.append(command)
        answer = self._change(len(self.commands), self._inner.transmit(command))
        self.answers.append(answer)
        return answer

    def close(self) -> None:
        self._inner.close()


@pytest.fixture
def person(people: Mapping[str, Person]) -> Person:
    return people["thu"]


@pytest.fixture
def can(person: Person) -> Can:
    return can_from_number(personal_number(person.number))


def honest(_: int, answer: bytes) -> bytes:
    return answer


def run(tap: Tap, can: Can, at: datetime, plan: str = "kiosk") -> Evidence:
    return read(tap, can, plan=PLANS[plan], challenge=bytes(8), at=at)


def test_nothing_personal_travels_in_the_clear(
    card_image: CardImage, can: Can, person: Person, at: datetime
) -> None:
    tap = Tap(SoftwareCard(card_image), honest)
    run(tap, can, at)
    wire = b"".join(tap.commands) + b"".join(tap.answers)
    for secret in (person.number, person.can, person.document_number, person.name):
        assert secret.encode() not in wire
    assert card_image.files["EF.SOD"][40:80] not in wire


def test_no_command_is_ever_sent_twice(card_image: CardImage, can: Can, at: datetime) -> None:
    """Doc 9303 and Chothia & Smirnov: a reader that repeats itself lets cards be traced."""
    tap = Tap(SoftwareCard(card_image), honest)
    run(tap, can, at, "bank")
    run(tap, can, at, "bank")
    protected = [command for command in tap.commands if command[0] & 0x0C]
    keys = [c for c in tap.commands if c[:2] == b"\x10\x86" and len(c) > 60]
    assert len(set(protected)) == len(protected)
    assert len(set(keys)) == len(keys) == 4


@pytest.mark.parametrize("kind", ["naked", "flip", "short", "long"])
def test_after_a_failure_nothing_more_is_sent(
    card_image: CardImage, can: Can, at: datetime, kind: str
) -> None:
    for step in range(7, 15):
        tap = Tap(SoftwareCard(card_image, faults=[Fault(kind, step)]), honest)
        with pytest.raises(CardError):
            run(tap, can, at)
        assert len(tap.commands) == step


def test_wrong_mac_and_wrong_plaintext_look_alike(
    card_image: CardImage, can: Can, at: datetime
) -> None:
    shown = set()
    for place in (-3, 4):

        def spoil(count: int, answer: bytes, place: int = place) -> bytes:
            if count != 9:
                return answer
            changed = bytearray(answer)
            changed[place] ^= 1
            return bytes(changed)

        with pytest.raises(CardError) as caught:
            run(Tap(SoftwareCard(card_image), spoil), can, at)
        shown.add(caught.value.code)
    assert shown == {"card.secure_messaging"}


def test_tracebacks_with_locals_show_no_secret(
    card_image: CardImage, can: Can, person: Person, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the number, the CAN, a session key or a file's content, at whichever step it fails."""
    sessions: list[tuple[bytes, bytes]] = []

    def noting(suite: object, ks_enc: bytes, ks_mac: bytes, ssc: bytes) -> SecureMessaging:
        sessions.append((ks_enc, ks_mac))
        return SecureMessaging(suite, ks_enc, ks_mac, ssc)

    monkeypatch.setattr(handshake, "SecureMessaging", noting)
    monkeypatch.setattr(chip_auth, "SecureMessaging", noting)
    chips = [(extended, step) for extended in (True, False) for step in range(1, 15)]
    for extended, step in [*chips, (False, 16), (False, 19), (False, 22)]:
        faults = [Fault("naked", step)]
        tap = Tap(SoftwareCard(card_image, faults=faults, extended=extended), honest)
        sessions.clear()
        try:
            run(tap, can, at)
        except EidError as error:
            stack = traceback.TracebackException.from_exception(error, capture_locals=True)
            shown = str(error) + repr(error.facts)
            for frame in stack.stack:
                if "/eid/chip/" in frame.filename:
                    shown += "".join((frame.locals or {}).values())
            assert repr(card_image.files["EF.DG13"][20:40])[2:-1] not in shown, step
            for secret in (person.number, person.can, person.surname):
                assert secret not in shown, step
            for keys in sessions:
                assert not any(repr(key) in shown for key in keys)


def test_nothing_is_logged_or_printed(
    card_image: CardImage,
    can: Can,
    at: datetime,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    run(Tap(SoftwareCard(card_image), honest), can, at)
    with pytest.raises(CardError):
        run(Tap(SoftwareCard(card_image, faults=[Fault("flip", 9)]), honest), can, at)
    assert not [record for record in caplog.records if record.name.startswith("eid")]
    assert capsys.readouterr() == ("", "")


def test_keys_are_wiped_however_a_read_ends(
    card_image: CardImage, can: Can, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions: list[SecureMessaging] = []
    secure = card_module.Card.secure

    def noting(self: card_module.Card, messaging: SecureMessaging) -> None:
        sessions.append(messaging)
        secure(self, messaging)

    monkeypatch.setattr(card_module.Card, "secure", noting)
    run(Tap(SoftwareCard(card_image), honest), can, at)
    with pytest.raises(CardError):
        run(Tap(SoftwareCard(card_image, faults=[Fault("naked", 9)]), honest), can, at)

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(SoftwareCard(card_image), can, plan=PLANS["kiosk"], at=at, progress=stop)
    assert len(sessions) >= 3
    assert not any(session.is_open for session in sessions)


def test_parallel_reads_share_nothing(card_image: CardImage, can: Can, at: datetime) -> None:
    found: list[Evidence] = []

    def one() -> None:
        found.append(run(Tap(SoftwareCard(card_image), honest), can, at))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    assert all(evidence.files == found[0].files for evidence in found)
