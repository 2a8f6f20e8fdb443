"""C-010, C-013: several readers with several cards, and a process that forks at a card."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime

import pytest

from eid.chip import pcsc
from eid.chip.access import Can, can_from_number, personal_number
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.errors import CardError, ReaderError
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import Person
from eid.testing.personalise import personalise
from eid.testing.virtual_reader import VirtualReader

pytestmark = pytest.mark.pcsc
SELECT = bytes.fromhex("00A4040C07A0000002471001")


@pytest.fixture
def reader(virtual_reader: VirtualReader) -> Iterator[VirtualReader]:
    yield virtual_reader
    for slot in (0, 1):
        virtual_reader.remove(slot=slot)


def test_c_010_two_readers_and_two_people(
    reader: VirtualReader,
    authority: DocumentAuthority,
    people: Mapping[str, Person],
    at: datetime,
) -> None:
    """C-010: each name is its own card, also while the other one is being read."""
    holders = people["thu"], people["mau"]
    images = [personalise(person, authority, at=at) for person in holders]
    for slot, image in enumerate(images):
        reader.insert(image, slot=slot)
    found: dict[str, bytes] = {}

    def run(name: str, can: Can) -> None:
        transport = pcsc.connect(name, allow_virtual=True)
        try:
            for turn in range(3):
                evidence = read(transport, can, plan=PLANS["kiosk"], at=at)
                found[f"{name} {turn}"] = evidence.files["EF.DG1"]
        finally:
            transport.close()

    threads = [
        threading.Thread(target=run, args=(name, can_from_number(personal_number(who.number))))
        for name, who in zip(reader.names, holders, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {
        f"{name} {turn}": image.files["EF.DG1"]
        for name, image in zip(reader.names, images, strict=True)
        for turn in range(3)
    }


def test_c_010_a_name_that_is_not_there(reader: VirtualReader) -> None:
    """C-010: a reader that was renamed or unplugged is an error, never another reader."""
    with pytest.raises(ReaderError) as caught:
        pcsc.connect(reader.names[0] + " renamed", allow_virtual=True)
    assert caught.value.code in ("reader.unknown", "reader.gone")


def test_c_013_a_fork_after_connecting(reader: VirtualReader, card_image: CardImage) -> None:
    """C-013: the child gets a clear error and takes nothing from its parent, who goes on."""
    reader.insert(card_image)
    transport = pcsc.connect(reader.names[0], allow_virtual=True)
    try:
        child = os.fork()
        if child == 0:
            try:
                transport.transmit(SELECT)
                os._exit(1)
            except CardError as error:
                transport.close()
                os._exit(0 if error.code == "reader.forked" else 2)
            finally:
                os._exit(3)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert transport.transmit(SELECT) == b"\x90\x00"
    finally:
        transport.close()
