"""Reads through pyscard, a real pcscd and a virtual reader."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import datetime

import pytest

from eid.chip import pcsc
from eid.chip.access import Can, can_from_number, personal_number
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.errors import CardError, CardRemoved, DeadlineExceeded, ReaderError
from eid.testing.card_image import CardImage
from eid.testing.faults import pulled
from eid.testing.people import Person
from eid.testing.virtual_reader import VirtualReader


@pytest.fixture
def can(people: Mapping[str, Person]) -> Can:
    return can_from_number(personal_number(people["thu"].number))


@pytest.mark.parametrize("extended", [True, False])
def test_a_whole_read(
    reader: VirtualReader, card_image: CardImage, can: Can, at: datetime, extended: bool
) -> None:
    reader.insert(card_image, extended=extended)
    transport = pcsc.connect(allow_virtual=True)
    try:
        evidence = read(transport, can, challenge=bytes(8), at=at)
    finally:
        transport.close()
    expected = {name: card_image.files[name] for name in PLANS["bank"].files}
    assert {name: evidence.files[name] for name in expected} == expected
    assert evidence.active_authentication is not None
    assert evidence.reader is not None
    assert evidence.reader.name == reader.names[0]
    assert evidence.reader.atr == card_image.atr


def test_names(reader: VirtualReader) -> None:
    assert set(reader.names) <= set(pcsc.list_readers())


def test_virtual_readers_are_not_taken_unasked(
    reader: VirtualReader, card_image: CardImage
) -> None:
    reader.insert(card_image)
    with pytest.raises(ReaderError) as caught:
        pcsc.connect()
    assert caught.value.code == "reader.virtual"


def test_c_010_two_cards(
    reader: VirtualReader, card_image: CardImage, can: Can, at: datetime
) -> None:
    """C-010: two readers, two cards: by name only, and in parallel without cross-talk."""
    for slot in (0, 1):
        reader.insert(card_image, slot=slot)
    with pytest.raises(ReaderError) as caught:
        pcsc.connect(allow_virtual=True)
    assert caught.value.code == "reader.ambiguous"
    found: dict[str, bytes] = {}

    def run(name: str) -> None:
        transport = pcsc.connect(name)
        try:
            found[name] = read(transport, can, plan=PLANS["kiosk"], at=at).files["EF.DG1"]
        finally:
            transport.close()

    threads = [threading.Thread(target=run, args=(name,)) for name in reader.names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == dict.fromkeys(reader.names, card_image.files["EF.DG1"])


def test_exclusive(reader: VirtualReader, card_image: CardImage) -> None:
    reader.insert(card_image)
    first = pcsc.connect(reader.names[0])
    with pytest.raises(ReaderError) as caught:
        pcsc.connect(reader.names[0])
    assert caught.value.code == "reader.busy"
    first.close()
    pcsc.connect(reader.names[0]).close()


def test_no_card(reader: VirtualReader) -> None:
    with pytest.raises(CardRemoved):
        pcsc.connect(reader.names[0])


def test_pulled_card(reader: VirtualReader, card_image: CardImage, can: Can, at: datetime) -> None:
    reader.insert(card_image, faults=[pulled(9)])
    transport = pcsc.connect(reader.names[0])
    with pytest.raises(CardRemoved):
        read(transport, can, at=at)
    with pytest.raises(CardRemoved):
        transport.transmit(bytes.fromhex("00A4040C07A0000002471001"))
    transport.close()


def test_card_swapped_on_an_open_connection(reader: VirtualReader, card_image: CardImage) -> None:
    """Faster than pcscd looks: the old connection may never talk to the new card for long."""
    reader.insert(card_image)
    transport = pcsc.connect(reader.names[0])
    transport.transmit(bytes.fromhex("00A4020C02011C"))
    reader.remove(wait=False)
    with pytest.raises(CardError):
        transport.transmit(bytes.fromhex("00B0000000"))
    reader.insert(card_image, wait=False)
    with pytest.raises(CardRemoved):
        transport.transmit(bytes.fromhex("00A4020C02011C"))
    transport.close()


def test_waiting(reader: VirtualReader, card_image: CardImage) -> None:
    with pytest.raises(DeadlineExceeded):
        pcsc.wait_for_card(reader.names[0], timeout=0.2)
    timer = threading.Timer(0.3, lambda: reader.insert(card_image))
    timer.start()
    assert pcsc.wait_for_card(allow_virtual=True, timeout=60) == reader.names[0]
    timer.join()
    assert pcsc.wait_for_card(allow_virtual=True, timeout=60) == reader.names[0]


def test_waiting_for_a_card_presented_anew(reader: VirtualReader, card_image: CardImage) -> None:
    reader.insert(card_image)
    with pytest.raises(DeadlineExceeded):
        pcsc.wait_for_card(reader.names[0], timeout=0.3, presented_after=True)

    def present_again() -> None:
        time.sleep(0.2)
        reader.remove()
        reader.insert(card_image)

    thread = threading.Thread(target=present_again)
    thread.start()
    assert pcsc.wait_for_card(reader.names[0], timeout=20, presented_after=True) == reader.names[0]
    thread.join()
