"""A whole card read through pyscard, pcscd and the virtual reader, and what breaks such a read."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path

import pytest

from eid.chip.access import Can
from eid.chip.evidence import Evidence
from eid.chip.pcsc import connect
from eid.chip.plan import PLANS
from eid.chip.policy import BANK
from eid.chip.read import read
from eid.chip.verify import judge
from eid.errors import AccessDenied, CardRemoved
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.faults import pulled
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.virtual_reader import VirtualReader
from eid.trust.store import TrustStore

pytest.importorskip("smartcard.scard")

CHALLENGE = bytes.fromhex("1112131415161718")


def _read(reader: VirtualReader, can: str, at: datetime, slot: int = 0) -> Evidence:
    transport = connect(reader.names[slot])
    try:
        return read(transport, Can(can), plan=PLANS["bank"], challenge=CHALLENGE, at=at)
    finally:
        transport.close()


@pytest.mark.parametrize("extended", [True, False], ids=["extended", "short"])
def test_the_card_is_read_and_accepted(
    reader: VirtualReader,
    card_image: CardImage,
    trust_folder: Path,
    at: datetime,
    extended: bool,
) -> None:
    reader.insert(card_image, extended=extended)
    evidence = _read(reader, card_image.can, at)
    assert reader.commands() <= (16 if extended else 106)
    assert evidence.reader is not None
    assert evidence.reader.name == reader.names[0]
    trust = TrustStore.load(trust_folder)
    verdict = judge(evidence, trust, policy=BANK, at=at, challenge=CHALLENGE)
    assert verdict.verdict == "accepted"


def test_a_wrong_number_opens_nothing_and_is_not_repeated(
    reader: VirtualReader, card_image: CardImage, at: datetime
) -> None:
    reader.insert(card_image)
    with pytest.raises(AccessDenied):
        _read(reader, "000001", at)
    assert reader.commands() == 6
    assert _read(reader, card_image.can, at).files["EF.DG1"] == card_image.files["EF.DG1"]


@pytest.mark.parametrize("at_apdu", [1, 4, 9, 13])
def test_a_card_pulled_in_the_middle_is_removed(
    reader: VirtualReader, card_image: CardImage, at: datetime, at_apdu: int
) -> None:
    reader.insert(card_image, faults=[pulled(at_apdu)])
    with pytest.raises(CardRemoved):
        _read(reader, card_image.can, at)


def test_a_card_swapped_in_the_middle_is_removed(
    reader: VirtualReader, card_image: CardImage, at: datetime
) -> None:
    """The same handle would talk to the other card: the session must end instead."""
    reader.insert(card_image)
    transport = connect(reader.names[0])
    assert transport.transmit(bytes.fromhex("00B09C0000"))[-2:] == b"\x90\x00"
    reader.insert(card_image, wait=False)
    with pytest.raises(CardRemoved):
        transport.transmit(bytes.fromhex("00B09C0000"))
    with pytest.raises(CardRemoved):
        transport.transmit(bytes.fromhex("00B09C0000"))
    transport.close()


def test_c_010_two_readers_read_two_cards_at_once(
    reader: VirtualReader, card_image: CardImage, authority: DocumentAuthority, at: datetime
) -> None:
    other = personalise(PEOPLE["mau"], authority, at=at)
    reader.insert(card_image)
    reader.insert(other, slot=1)
    found: dict[int, Evidence] = {}

    def run(slot: int, can: str) -> None:
        found[slot] = _read(reader, can, at, slot)

    threads = [
        threading.Thread(target=run, args=(slot, image.can))
        for slot, image in enumerate((card_image, other))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0].files["EF.DG13"] == card_image.files["EF.DG13"]
    assert found[1].files["EF.DG13"] == other.files["EF.DG13"]
