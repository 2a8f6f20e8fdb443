"""The monitor with a real service: cards that come and go, seen as they do."""

from __future__ import annotations

import os
import queue
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from eid.chip import pcsc
from eid.testing.card_image import CardImage
from eid.testing.virtual_reader import VirtualReader


def test_cards_come_and_go(reader: VirtualReader, card_image: CardImage) -> None:
    events: queue.Queue[pcsc.Event] = queue.Queue()
    name = reader.names[0]

    def wait_for(kind: str) -> pcsc.Event:
        while True:
            event = events.get(timeout=60)
            if event.kind == kind and event.reader in (name, ""):
                return event

    with pcsc.Monitor(events.put):
        wait_for("service_up")
        wait_for("reader_added")
        reader.insert(card_image)
        assert wait_for("card_inserted").atr == card_image.atr
        reader.remove()
        wait_for("card_removed")


_WATCH = """
import sys
from eid.chip import pcsc
with pcsc.Monitor(lambda event: print(event.kind, event.reader, flush=True)):
    sys.stdin.read()
"""


class Watcher:
    """A program of its own with a monitor: the client library looks for the service once."""

    def __init__(self, reader: VirtualReader) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WATCH],
            env={**os.environ, **reader.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self._lines = self.process.stdout.fileno()
        self._rest = b""

    def until(self, *wanted: str) -> list[str]:
        """All events up to the first of these kinds in order, each within a time."""
        seen: list[str] = []
        for kind in wanted:
            while not seen or not seen[-1].startswith(kind):
                seen.append(self._line())
        return seen

    def _line(self) -> str:
        limit = time.monotonic() + 60
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._lines], [], [], max(0, limit - time.monotonic()))
            chunk = os.read(self._lines, 4096) if ready else b""
            assert chunk, "the monitor says nothing more"
            self._rest += chunk
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode()

    def end(self) -> str:
        """Have it stop, and return what it complained of."""
        _, complaints = self.process.communicate(b"", timeout=60)
        assert self.process.returncode == 0
        return complaints.decode()


def test_c_010_the_service_is_killed_and_restarted(card_image: CardImage) -> None:
    """C-010: a real pcscd dies by SIGKILL with a card in the reader, and another one starts.

    Everything is reported as gone, then as new; the card put in later is seen as before.
    """
    folder = Path(tempfile.mkdtemp(prefix="eid-"))
    with VirtualReader.start(folder) as first:
        watcher = Watcher(first)
        watcher.until("service_up", "reader_added", "reader_added")
        first.insert(card_image)
        watcher.until("card_inserted")
        os.kill(first.process_id, signal.SIGKILL)
        gone = watcher.until("service_down")
    assert [line.split()[0] for line in gone] == [
        "card_removed",
        "reader_removed",
        "reader_removed",
        "service_down",
    ]
    with VirtualReader.start(folder) as second:
        watcher.until("service_up", "reader_added", "reader_added")
        second.insert(card_image, slot=1)
        assert watcher.until("card_inserted")[-1].endswith(second.names[1])
        assert watcher.end() == ""
    shutil.rmtree(folder)
