"""Watches the reader for the screens: is it there, does a card lie on it, did it come back.

PC/SC readers are watched by `eid.chip.pcsc.Monitor`, which survives restarts of the service. A
``stream:`` reader of the tests is there while its socket is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from eid.chip.pcsc import VIRTUAL, Event, Monitor
from eid.kiosk.desk import ReaderState
from eid.kiosk.settings import AgentSettings

_POLL_S = 0.25


class Listener(Protocol):
    """Hears of each change."""

    def __call__(self, state: ReaderState, *, came_back: bool) -> None:
        """``came_back``: a reader is there that was not before."""


class Readers:
    """What is known of the readers, from events."""

    def __init__(self, settings: AgentSettings, listener: Listener) -> None:
        self._settings = settings
        self._listener = listener
        self._up = False
        self._readers: dict[str, bool] = {}
        self._said: ReaderState | None = None

    def __call__(self, event: Event) -> None:
        """Take one event of the monitor."""
        if event.kind in {"service_up", "service_down"}:
            self._up = event.kind == "service_up"
        elif self._counts(event.reader):
            if event.kind == "reader_removed":
                self._readers.pop(event.reader, None)
            else:
                self._readers[event.reader] = event.kind == "card_inserted"
        self._tell()

    @property
    def state(self) -> ReaderState:
        """The state as a person sees it."""
        if not self._up:
            return "down"
        if not self._readers:
            return "none"
        return "card" if any(self._readers.values()) else "ready"

    def _tell(self) -> None:
        before, self._said = self._said, self.state
        if self._said != before:
            back = self._said in {"ready", "card"} and before in {"down", "none"}
            self._listener(self._said, came_back=back)

    def _counts(self, name: str) -> bool:
        wanted = self._settings.reader
        if wanted is not None:
            return name == wanted
        return self._settings.insecure_virtual_reader or not name.startswith(VIRTUAL)


def watch(settings: AgentSettings, listener: Listener) -> Callable[[], None]:
    """Begin to watch; the result ends it. ReaderError where pyscard is missing."""
    name = settings.reader
    if name is not None and name.startswith("stream:"):
        return _watch_stream(Path(name.removeprefix("stream:")), listener)
    monitor = Monitor(Readers(settings, listener))
    monitor.start()
    return monitor.stop


def _watch_stream(path: Path, listener: Listener) -> Callable[[], None]:
    ended = threading.Event()

    def run() -> None:
        before: bool | None = None
        while not ended.wait(_POLL_S):
            there = path.exists()
            if there is not before:
                listener("card" if there else "ready", came_back=False)
                before = there

    thread = threading.Thread(target=run, name="eid-watch", daemon=True)
    thread.start()

    def stop() -> None:
        ended.set()
        thread.join()

    return stop
