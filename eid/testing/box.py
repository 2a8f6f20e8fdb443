"""Inside the virtual reader's private namespace: pcscd, the driver and the cards.

``python -m eid.testing.box SOCKET_DIR DRIVER`` is started by ``eid.testing.virtual_reader`` under
``unshare`` and ends with its standard input. Orders and answers are JSON lines; images with their
keys go through this pipe only, never to disk.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Final

from eid.errors import EidError, FormatError, ReaderError
from eid.testing import vpcd
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault
from eid.testing.softcard import SoftwareCard
from eid.testing.softcard_quirks import QUIRKS

READER: Final = "Virtual PCD"
SLOTS: Final = (f"{READER} 00 00", f"{READER} 00 01")
_RUN: Final = Path("/run")
_SOCKET: Final = Path("/run/pcscd/pcscd.comm")
_START_S: Final = 15.0
_NOTICE_S: Final = 8.0
_INSERTIONS: Final = 4
_SETTLE_S: Final = 0.01  # pcscd writes its log a moment before it changes the state
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_CONFIGURATION: Final = """FRIENDLYNAME "{reader}"
DEVICENAME /dev/null:0x{port:04X}
LIBPATH {driver}
CHANNELID 0x{port:04X}
"""


class Presence:
    """Which slots hold a card in pcscd's eyes, read from its log."""

    def __init__(self, log: IO[str]) -> None:
        self._changed = threading.Condition()
        self._present: set[str] = set()
        self._thread = threading.Thread(target=self._follow, args=(log,), daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until the log has ended."""
        self._thread.join()

    def wait(self, slot: str, *, present: bool, timeout: float = _NOTICE_S) -> None:
        """Wait until pcscd sees the slot filled or empty; ReaderError if it does not."""
        with self._changed:
            if not self._changed.wait_for(lambda: (slot in self._present) == present, timeout):
                raise ReaderError("pcscd did not notice the card.", code="reader.unnoticed")
        time.sleep(_SETTLE_S)

    def _follow(self, log: Iterable[str]) -> None:
        for line in log:
            words = line.rstrip()
            with self._changed:
                for slot in SLOTS:
                    if words.endswith(f"Card inserted into {slot}"):
                        self._present.add(slot)
                    elif words.endswith(f"Card Removed From {slot}"):
                        self._present.discard(slot)
                self._changed.notify_all()


class Slots:
    """The cards in the two slots of the reader.

    ``put`` inserts a card at a port; ``patience`` is how long one insertion may go unnoticed.
    """

    def __init__(
        self,
        presence: Presence,
        *,
        put: Callable[[SoftwareCard, int], vpcd.InsertedCard] = lambda card, port: vpcd.insert(
            card, port=port
        ),
        patience: float = _NOTICE_S,
    ) -> None:
        self._presence = presence
        self._put = put
        self._patience = patience
        self._cards: dict[int, vpcd.InsertedCard] = {}

    def insert(self, order: Mapping[str, object]) -> dict[str, object]:
        """Put a card in, taking out the one that is there; waits for pcscd unless told not to."""
        slot = _slot(order)
        card = _card(order)
        if slot in self._cards:
            self._cards.pop(slot).remove()
            if order.get("wait", True):
                self._presence.wait(SLOTS[slot], present=False)
        self._cards[slot] = self._put(card, vpcd.PORT + slot)
        if order.get("wait", True):
            self._wait_noticed(slot, card)
        return {}

    def _wait_noticed(self, slot: int, card: SoftwareCard) -> None:
        """Wait for pcscd's line about the card.

        A card that is in the slot before pcscd's thread has looked there for the first time is
        powered without that line (a busy machine, pcscd just started): lift it and lay it again.
        """
        for insertion in range(1, _INSERTIONS + 1):
            try:
                self._presence.wait(SLOTS[slot], present=True, timeout=self._patience)
            except ReaderError:
                if insertion == _INSERTIONS:
                    raise
                self._cards.pop(slot).remove()
                self._cards[slot] = self._put(card, vpcd.PORT + slot)
            else:
                return

    def remove(self, order: Mapping[str, object]) -> dict[str, object]:
        """Take the card out, if one is there; waits for EMPTY unless told not to."""
        slot = _slot(order)
        card = self._cards.pop(slot, None)
        if card is not None:
            card.remove()
        if order.get("wait", True):
            self._presence.wait(SLOTS[slot], present=False)
        return {}

    def status(self, order: Mapping[str, object]) -> dict[str, object]:
        """Tell how many commands the card has had and whether it is still there."""
        card = self._cards.get(_slot(order))
        if card is None:
            return {"present": False, "commands": 0}
        return {"present": card.present, "commands": card.card.count}


def main(arguments: list[str]) -> int:
    """Build the box, start pcscd and obey orders until standard input ends."""
    try:
        socket_dir, driver = (Path(argument) for argument in arguments)
        daemon = _start(socket_dir, driver)
    except (ReaderError, OSError, subprocess.SubprocessError, ValueError):
        _say({"ok": False, "code": "reader.box", "message": "The private box did not start."})
        return 1
    try:
        assert daemon.stdout is not None
        slots = Slots(Presence(daemon.stdout))
        _say({"ok": True})
        for line in sys.stdin:
            _say(obey(slots, line))
    finally:
        daemon.terminate()
        daemon.wait()
    return 0


def _start(socket_dir: Path, driver: Path) -> subprocess.Popen[str]:
    _run("mount", "-t", "tmpfs", "tmpfs", str(_RUN))
    _SOCKET.parent.mkdir()
    _run("mount", "--bind", str(socket_dir), str(_SOCKET.parent))
    folder = _RUN / "readers"
    folder.mkdir()
    text = _CONFIGURATION.format(reader=READER, driver=driver, port=vpcd.PORT)
    (folder / "vpcd").write_text(text)
    _raise_loopback()
    daemon = subprocess.Popen(  # noqa: S603  a fixed program
        ["pcscd", "-f", "-i", "-c", str(folder)],  # noqa: S607  wherever the system has it
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    _wait_for_socket(daemon)
    return daemon


def _wait_for_socket(daemon: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and daemon.poll() is None:
        if _SOCKET.exists():
            return
        time.sleep(0.005)
    daemon.kill()
    raise ReaderError("pcscd did not start.", code="reader.no_pcscd")


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request)
        flags = struct.unpack("16sH14x", answer)[1] | _IFF_UP
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags))


def _run(*command: str) -> None:
    subprocess.run(  # noqa: S603  fixed programs
        command, check=True, stdin=subprocess.DEVNULL, capture_output=True
    )


def obey(slots: Slots, line: str) -> dict[str, object]:
    """Carry out one order; what goes wrong is in the answer."""
    try:
        order = json.loads(line)
        action = {"insert": slots.insert, "remove": slots.remove, "status": slots.status}[
            order["do"]
        ]
        return {"ok": True} | action(order)
    except EidError as e:
        return {"ok": False, "code": e.code, "message": e.message}
    except (ValueError, KeyError, TypeError):
        return {"ok": False, "code": "format", "message": "The order is not understood."}


def _slot(order: Mapping[str, object]) -> int:
    slot = order.get("slot", 0)
    if slot not in (0, 1) or not isinstance(slot, int):
        raise FormatError("There are two slots, 0 and 1.")
    return slot


def _card(order: Mapping[str, object]) -> SoftwareCard:
    faults = order.get("faults", [])
    if not isinstance(faults, list):
        raise FormatError("Faults are a list.")
    return SoftwareCard(
        CardImage.from_json(json.dumps(order["image"]).encode()),
        faults=[text if text in QUIRKS else Fault.from_text(str(text)) for text in faults],
        extended=bool(order.get("extended", True)),
    )


def _say(answer: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
