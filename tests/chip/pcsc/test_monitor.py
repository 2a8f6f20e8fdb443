"""The monitor against a stand-in for pyscard's thin layer that plays whole stories."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from eid.chip.pcsc import Event, Monitor, monitor as monitor_module, service as service_module

PRESENT, CHANGED = 0x20, 0x02
NO_SERVICE, NO_READERS, TIMEOUT, UNKNOWN = 0x8010001D, 0x8010002E, 0x8010000A, 0x80100009
ATR = bytes.fromhex("3B80800101")


class Story:
    """Each scene is what the service says next; after the last one it waits to be cancelled."""

    SCARD_SCOPE_USER = 0
    SCARD_STATE_UNAWARE = 0
    SCARD_STATE_CHANGED = CHANGED
    SCARD_STATE_PRESENT = PRESENT

    def __init__(self) -> None:
        self.readers: list[str] = ["A"]
        self.scenes: list[object] = []
        self.refusals = 0
        self.asked: list[tuple[int, int]] = []
        self.released = 0
        self.over = threading.Event()
        self.cancelled = threading.Event()

    def SCardEstablishContext(self, _: int) -> tuple[int, int]:  # noqa: N802
        if self.refusals:
            self.refusals -= 1
            return NO_SERVICE - (1 << 32), 0
        return 0, 7

    def SCardReleaseContext(self, _: int) -> int:  # noqa: N802
        self.released += 1
        return 0

    def SCardCancel(self, _: int) -> int:  # noqa: N802
        self.cancelled.set()
        return 0

    def SCardListReaders(self, _: int, __: list[str]) -> tuple[int, list[str]]:  # noqa: N802
        return (0, list(self.readers)) if self.readers else (NO_READERS - (1 << 32), [])

    def SCardGetStatusChange(  # noqa: N802
        self, _: int, wait: int, known: list[tuple[str, int]]
    ) -> tuple[int, list[tuple[str, int, list[int]]]]:
        assert len(known) <= 16
        self.asked.append((len(known), wait))
        if not self.scenes:
            self.over.set()
            self.cancelled.wait(5)
            return 0x80100002 - (1 << 32), []
        scene = self.scenes.pop(0)
        if isinstance(scene, int):
            return scene - (1 << 32), []
        if isinstance(scene, list):
            self.readers = scene
            return 0, []
        assert isinstance(scene, dict)
        return 0, [(name, scene.get(name, state) | CHANGED, list(ATR)) for name, state in known]


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    stand_in = Story()
    monkeypatch.setattr(service_module, "scard_module", lambda: stand_in)
    monkeypatch.setattr(monitor_module, "_FIRST_PAUSE_S", 0.001)
    yield stand_in
    stand_in.cancelled.set()


def told(story: Story) -> list[tuple[str, str]]:
    events: list[Event] = []
    with Monitor(events.append) as monitor:
        assert story.over.wait(5)
        assert "watching" in repr(monitor)
    assert "idle" in repr(monitor)
    assert story.released
    return [(event.kind, event.reader) for event in events]


def state(count: int, *, present: bool) -> int:
    return count << 16 | (PRESENT if present else 0)


BEGIN = [("service_up", ""), ("reader_added", "A")]


def test_a_card_comes_and_goes(story: Story) -> None:
    story.scenes = [{"A": state(1, present=True)}, {"A": state(2, present=False)}]
    assert told(story) == [*BEGIN, ("card_inserted", "A"), ("card_removed", "A")]


def test_atr_is_told(story: Story) -> None:
    story.scenes = [{"A": state(1, present=True)}]
    events: list[Event] = []
    with Monitor(events.append):
        assert story.over.wait(5)
    assert events[-1].atr == ATR


def test_a_swap_between_two_looks(story: Story) -> None:
    story.scenes = [{"A": state(1, present=True)}, {"A": state(3, present=True)}]
    assert told(story)[2:] == [
        ("card_inserted", "A"),
        ("card_removed", "A"),
        ("card_inserted", "A"),
    ]


def test_hot_plug(story: Story) -> None:
    story.scenes = [["A", "B"], {"B": state(1, present=True)}, ["A"], []]
    assert told(story) == [
        *BEGIN,
        ("reader_added", "B"),
        ("card_inserted", "B"),
        ("card_removed", "B"),
        ("reader_removed", "B"),
        ("reader_removed", "A"),
    ]


def test_the_service_is_killed_and_comes_back(story: Story) -> None:
    story.scenes = [{"A": state(1, present=True)}, NO_SERVICE, {"A": state(1, present=True)}]
    assert told(story) == [
        *BEGIN,
        ("card_inserted", "A"),
        ("card_removed", "A"),
        ("reader_removed", "A"),
        ("service_down", ""),
        *BEGIN,
        ("card_inserted", "A"),
    ]


def test_no_service_at_first(story: Story) -> None:
    story.refusals = 3
    assert told(story) == BEGIN


@pytest.mark.parametrize("code", [TIMEOUT, UNKNOWN])
def test_results_that_mean_go_on(story: Story, code: int) -> None:
    story.scenes = [code, {"A": state(1, present=True)}]
    assert told(story)[-1] == ("card_inserted", "A")


@pytest.mark.parametrize(("count", "asked"), [(15, 16), (16, 16), (17, 16)])
def test_many_readers(story: Story, count: int, asked: int) -> None:
    """Seventeen states are refused at once, for ever: a busy loop elsewhere."""
    story.readers = [f"R{i}" for i in range(count)]
    told(story)
    assert story.asked[0] == (asked, 0xFFFFFFFF if count < 16 else 1000)


def test_started_once(story: Story) -> None:
    monitor = Monitor(lambda _: None)
    monitor.start()
    with pytest.raises(ValueError, match="once"):
        monitor.start()
    monitor.stop()


def test_stop_before_start() -> None:
    Monitor(lambda _: None).stop()
