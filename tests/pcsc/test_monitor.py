"""The monitor with a real service: cards that come and go, seen as they do."""

from __future__ import annotations

import queue

from eid.chip import pcsc
from eid.testing.card_image import CardImage
from eid.testing.virtual_reader import VirtualReader


def test_cards_come_and_go(reader: VirtualReader, card_image: CardImage) -> None:
    events: queue.Queue[pcsc.Event] = queue.Queue()
    name = reader.names[0]

    def wait_for(kind: str) -> pcsc.Event:
        while True:
            event = events.get(timeout=10)
            if event.kind == kind and event.reader in (name, ""):
                return event

    with pcsc.Monitor(events.put):
        wait_for("service_up")
        wait_for("reader_added")
        reader.insert(card_image)
        assert wait_for("card_inserted").atr == card_image.atr
        reader.remove()
        wait_for("card_removed")
