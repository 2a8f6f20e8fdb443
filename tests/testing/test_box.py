"""The parts of the box that need no namespace."""

from __future__ import annotations

import io
import json
import os
import socket
import threading

import pytest

from eid.errors import ReaderError
from eid.testing import box
from eid.testing.box import Presence, Slots, main
from eid.testing.card_image import CardImage
from eid.testing.softcard import SoftwareCard
from eid.testing.vpcd import InsertedCard

INSERTED = "00400184 eventhandler.c:423:EHStatusHandlerThread() Card inserted into {}\n"
REMOVED = "00400184 eventhandler.c:358:EHStatusHandlerThread() Card Removed From {}\n"
FIRST, SECOND = box.SLOTS


def test_presence_follows_the_log() -> None:
    lines = ["noise\n", INSERTED.format(FIRST), INSERTED.format(SECOND), REMOVED.format(FIRST)]
    presence = Presence(io.StringIO("".join(lines)))
    presence.wait(SECOND, present=True)
    presence.wait(FIRST, present=False)
    with pytest.raises(ReaderError) as caught:
        presence.wait(FIRST, present=True, timeout=0.01)
    assert caught.value.code == "reader.unnoticed"


def test_presence_wakes_who_waits() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as log, os.fdopen(write_end, "w") as daemon:
        presence = Presence(log)
        threading.Timer(
            0.05, lambda: daemon.write(INSERTED.format(FIRST)) and daemon.flush()
        ).start()
        presence.wait(FIRST, present=True)
        daemon.close()
        presence.join()


class _Insertions:
    """A reader whose daemon writes its line only about the card laid for the ``last`` time."""

    def __init__(self, log: io.TextIOBase, last: int) -> None:
        self.log, self.last, self.count = log, last, 0

    def __call__(self, card: SoftwareCard, port: int) -> InsertedCard:
        self.count += 1
        if self.count == self.last:
            self.log.write(INSERTED.format(FIRST))
            self.log.flush()
        ours, theirs = socket.socketpair()
        theirs.close()
        return InsertedCard(card, ours)


@pytest.mark.parametrize(("last", "code"), [(1, None), (2, None), (99, "reader.unnoticed")])
def test_a_card_without_its_line_is_laid_again(card_image, last: int, code: str | None) -> None:
    """pcscd powers a card that lay there at its first look without saying so."""
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as log, os.fdopen(write_end, "w") as daemon:
        insertions = _Insertions(daemon, last)
        presence = Presence(log)
        patience = {1: 30.0, 2: 1.0}.get(last, 0.01)
        slots = Slots(presence, put=insertions, patience=patience)
        order = {"do": "insert", "image": json.loads(card_image.to_json())}
        assert box.obey(slots, json.dumps(order)).get("code") == code
        assert insertions.count >= min(last, 4)
        daemon.close()
        presence.join()


@pytest.fixture
def slots() -> Slots:
    return Slots(Presence(io.StringIO("")))


@pytest.mark.parametrize(
    "order",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"do":"burn"}',
        '{"do":"remove","slot":2}',
        '{"do":"remove","slot":"0"}',
        '{"do":"insert"}',
        '{"do":"insert","image":{}}',
        '{"do":"insert","image":{},"faults":"pull@1"}',
    ],
)
def test_orders_that_are_none(slots: Slots, order: str) -> None:
    answer = box.obey(slots, order)
    assert answer["ok"] is False
    assert str(answer["code"]).startswith(("format", "testcard"))


def test_an_unknown_fault_is_refused(slots: Slots, card_image: CardImage) -> None:
    order = {"do": "insert", "image": json.loads(card_image.to_json()), "faults": ["burn@1"]}
    assert box.obey(slots, json.dumps(order))["code"] == "testing.fault"


def test_faults_are_named_or_strike_at_a_command(card_image: CardImage) -> None:
    order = {
        "image": json.loads(card_image.to_json()),
        "faults": ["no-sfi-card-access", "short@2"],
    }
    card = box._card(order)
    read = bytes.fromhex("00B09C0000")
    assert [len(card.transmit(read)) for _ in range(2)] == [2, 1]
    assert card.transmit(read).hex() == "6a82"


def test_an_empty_slot_can_be_emptied_and_asked(slots: Slots) -> None:
    assert box.obey(slots, '{"do":"remove"}') == {"ok": True}
    assert box.obey(slots, '{"do":"status"}') == {"ok": True, "present": False, "commands": 0}


def test_a_box_without_its_arguments_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 1
    assert json.loads(capsys.readouterr().out)["code"] == "reader.box"
