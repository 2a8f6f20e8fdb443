"""C-025, C-026, C-029, C-031, C-068: how a chip is opened, and what is never done to open it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime

import pytest

from eid.chip.access import AccessKey, Can, MrzKey
from eid.chip.evidence import Evidence
from eid.chip.plan import PLANS, Plan
from eid.chip.read import read
from eid.chip.verify import judge
from eid.errors import AccessDenied, CardError, ProtocolError
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.chip_traits import Traits
from eid.testing.people import Person
from eid.testing.personalise import personalise
from eid.testing.profiles import PROFILES, card_access
from eid.testing.softcard import SoftwareCard
from eid.trust.store import TrustStore

CAN = Can("123456")
MRZ = MrzKey(document_number="L898902C", birth="690806", expiry="940623")
MRZ_TEXT = "L898902C<369080619406236"
PLAN = Plan(name="little", files=("EF.DG1",))
PACE = card_access(("0.4.0.127.0.7.2.2.4.2.2", 13))
CHOOSE, STEP, CHALLENGE, BAC = 0x22, 0x86, 0x84, 0x82

Rewrite = Callable[[bytes, bytes], bytes]


def chip(*quirks: str, pace: bool = True) -> CardImage:
    files = {"EF.DG1": b"\x61\x03abc"} | ({"EF.CardAccess": PACE} if pace else {})
    traits = Traits(bac=True, quirks=frozenset(quirks))
    return CardImage(files=files, can=CAN.value, mrz_information=MRZ_TEXT, traits=traits)


class Tap:
    """A card behind somebody who hears everything and may answer in its place."""

    def __init__(self, card: SoftwareCard, rewrite: Rewrite = lambda _, answer: answer) -> None:
        self._inner, self._rewrite = card, rewrite
        self.reader = card.reader
        self.commands: list[bytes] = []

    def sent(self, instruction: int) -> list[bytes]:
        return [command for command in self.commands if command[1] == instruction]

    def transmit(self, command: bytes) -> bytes:
        self.commands.append(command)
        return self._rewrite(command, self._inner.transmit(command))

    def close(self) -> None:
        self._inner.close()


def attempt(tap: Tap, key: AccessKey, at: datetime, **options: object) -> Evidence:
    return read(tap, key, plan=PLAN, at=at, **options)


def test_c_025_a_wrong_can_is_tried_once(at: datetime) -> None:
    """C-025: three wrong CANs are three decisions of the caller; the reader repeats nothing."""
    card = SoftwareCard(chip())
    for wrong in ("000000", "111111", "222222"):
        tap = Tap(card)
        with pytest.raises(AccessDenied) as caught:
            attempt(tap, Can(wrong), at, insecure_bac_after_pace=True, reconnect=lambda: card)
        assert caught.value.code == "access.wrong_password"
        assert (len(tap.sent(CHOOSE)), len(tap.sent(STEP)), len(tap.sent(BAC))) == (1, 4, 0)
        card.reset()
    assert attempt(Tap(card), CAN, at).access.protocol == "PACE"


@pytest.mark.parametrize(
    ("status", "code", "tries"),
    [("63C2", "access.wrong_password", 2), ("6300", "access.wrong_password", None)],
)
def test_c_025_the_chips_count_is_passed_on(
    at: datetime, status: str, code: str, tries: int | None
) -> None:
    """C-025: where the chip counts, what is left is told to whoever has to ask the person."""

    def counting(command: bytes, answer: bytes) -> bytes:
        return bytes.fromhex(status) if command[:2] == b"\x00\x86" else answer

    with pytest.raises(AccessDenied) as caught:
        attempt(Tap(SoftwareCard(chip()), counting), Can("000000"), at)
    assert (caught.value.code, caught.value.facts.get("tries")) == (code, tries)


@pytest.mark.parametrize(
    ("status", "code"),
    [("63C1", "access.last_try"), ("63C0", "access.blocked"), ("6983", "access.blocked")],
)
def test_c_025_a_chip_that_counts_its_can_keeps_its_last_try(
    at: datetime, status: str, code: str
) -> None:
    """C-025: no password is used up, not even one that the rules say never blocks."""

    def counting(command: bytes, answer: bytes) -> bytes:
        return bytes.fromhex(status) if command[1] == CHOOSE else answer

    tap = Tap(SoftwareCard(chip()), counting)
    with pytest.raises(AccessDenied) as caught:
        attempt(tap, CAN, at)
    assert caught.value.code == code
    assert tap.sent(STEP) == []


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_c_026_a_broken_pace_is_no_way_to_bac(at: datetime, step: int) -> None:
    """C-026: spoiling PACE at any step does not get the weaker protocol run."""
    count = [0]

    def spoil(command: bytes, answer: bytes) -> bytes:
        count[0] += command[1] == STEP
        broken = command[1] == STEP and count[0] == step
        return b"\x6a\x80" if broken else answer

    tap = Tap(SoftwareCard(chip()), spoil)
    with pytest.raises(CardError):
        attempt(tap, MRZ, at)
    assert tap.sent(CHALLENGE) == tap.sent(BAC) == []
    assert tap.commands[-1] == tap.sent(STEP)[-1]


def test_c_026_asked_for_it_is_recorded_and_held_against_the_signed_file(
    authority: DocumentAuthority, people: dict[str, Person], at: datetime
) -> None:
    """C-026: the caller may insist; evidence and verdict then say what was done."""
    image = personalise(people["thu"], authority, at=at)
    traits = dataclasses.replace(
        image.traits, bac=True, quirks=image.traits.quirks | {"pace-wrong-token"}
    )
    image = dataclasses.replace(image, traits=traits, mrz_information=MRZ_TEXT)
    with pytest.raises(ProtocolError):
        read(SoftwareCard(image), MRZ, plan=PLANS["kiosk"], at=at)
    evidence = read(
        SoftwareCard(image), MRZ, plan=PLANS["kiosk"], at=at, insecure_bac_after_pace=True
    )
    assert (evidence.access.protocol, evidence.access.fallback) == ("BAC", "bac_after_failed_pace")
    verdict = judge(evidence, TrustStore.of(csca=[authority.csca_der]), at=at)
    assert verdict.check("pace.confirmation").code == "pace.downgrade"
    assert verdict.verdict == "rejected"


LIES: dict[str, Callable[[bytes], bytes]] = {
    "MAC": lambda answer: answer[:-3] + bytes([answer[-3] ^ 1]) + answer[-2:],
    "cryptogram": lambda answer: bytes([answer[0] ^ 1]) + answer[1:],
    "nonce of the terminal": lambda answer: answer[:8] + bytes([answer[8] ^ 1]) + answer[9:],
    "noise": lambda answer: bytes(40) + answer[-2:],
}


@pytest.mark.parametrize("lie", LIES)
def test_c_029_a_chip_that_does_not_know_the_key(at: datetime, lie: str) -> None:
    """C-029: a wrong MAC, cryptogram or nonce ends it, and no session was made."""

    def lying(command: bytes, answer: bytes) -> bytes:
        return LIES[lie](answer) if command[1] == BAC else answer

    tap = Tap(SoftwareCard(chip(pace=False)), lying)
    with pytest.raises(AccessDenied) as caught:
        attempt(tap, MRZ, at)
    assert caught.value.code == "access.wrong_password"
    assert tap.commands[-1] == tap.sent(BAC)[-1]


def test_c_029_a_challenge_that_is_changed_on_the_way(at: datetime) -> None:
    """C-029: RND.IC is in what both sides sign: another one is refused by the chip itself."""

    def changing(command: bytes, answer: bytes) -> bytes:
        return bytes([answer[0] ^ 1]) + answer[1:] if command[1] == CHALLENGE else answer

    tap = Tap(SoftwareCard(chip(pace=False)), changing)
    with pytest.raises(AccessDenied):
        attempt(tap, MRZ, at)
    assert len(tap.sent(BAC)) == 1


def test_c_031_nothing_that_was_sent_is_ever_sent_again(at: datetime) -> None:
    """C-031: a chip cannot be told from others by a cryptogram that it has seen before."""
    taps = [Tap(SoftwareCard(chip(pace=False))) for _ in range(3)]
    for tap in taps:
        attempt(tap, MRZ, at)
    proofs = [command for tap in taps for command in tap.sent(BAC)]
    assert len(set(proofs)) == len(proofs) == 3


def test_c_031_who_listens_learns_not_what_was_wrong(at: datetime) -> None:
    """C-031: MAC or nonce: one code, one sentence, the same commands in the same order."""
    seen = set()
    for lie in LIES.values():

        def lying(command: bytes, answer: bytes, lie: Callable[[bytes], bytes] = lie) -> bytes:
            return lie(answer) if command[1] == BAC else answer

        tap = Tap(SoftwareCard(chip(pace=False)), lying)
        with pytest.raises(AccessDenied) as caught:
            attempt(tap, MRZ, at)
        order = tuple((command[1], len(command)) for command in tap.commands)
        seen.add((caught.value.code, caught.value.message, caught.value.facts["sw"], order))
    assert len(seen) == 1


def test_c_068_pace_is_preferred_also_with_the_mrz(at: datetime) -> None:
    """C-068: a chip that offers both is opened by the one that listening does not break."""
    tap = Tap(SoftwareCard(chip()))
    assert attempt(tap, MRZ, at).access.protocol == "PACE"
    assert tap.sent(CHALLENGE) == tap.sent(BAC) == []


def test_c_068_bac_is_reported_as_the_weaker_way(
    authority: DocumentAuthority, people: dict[str, Person], at: datetime
) -> None:
    """C-068: where there is nothing else, evidence and verdict name it."""
    image = personalise(people["thu"], authority, at=at, profile=PROFILES["bac-passport"])
    number, birth, expiry = (image.mrz_information[a:b] for a, b in ((0, 9), (10, 16), (17, 23)))
    key = MrzKey(document_number=number.rstrip("<"), birth=birth, expiry=expiry)
    evidence = read(SoftwareCard(image), key, plan=PLANS["kiosk"], at=at)
    assert (evidence.access.protocol, evidence.access.fallback) == (
        "BAC",
        "bac_without_card_access",
    )
    found = judge(evidence, TrustStore.of(csca=[authority.csca_der]), at=at)
    check = found.check("pace.confirmation")
    assert (check.status, check.code) == ("unknown", "pace.bac")
