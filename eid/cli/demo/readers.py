"""The reader of the demo: a virtual one behind a real pcscd, or a unix socket without PC/SC."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from eid.chip import stream
from eid.chip.transport import Transport
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault
from eid.testing.softcard import SoftwareCard
from eid.testing.stream_card import StreamCard
from eid.testing.virtual_reader import VirtualReader, unavailable_reason

_PATIENCE_S = 6.0
_HAND_S = 0.3
_PACKAGES = "To have it installed: make demo as root or with passwordless sudo."
_NAMESPACES = (
    "To allow them: sysctl kernel.unprivileged_userns_clone=1, or run outside a container."
)


class DemoReader(Protocol):
    """A reader with a hand that presents cards to it."""

    kind: str
    environment: Mapping[str, str]
    setting: str

    def insert(self, image: CardImage, faults: Collection[Fault] = ()) -> None:
        """Present a card."""

    def remove(self) -> None:
        """Take it away."""

    def connect(self) -> Transport:
        """Connect to the card that lies there."""

    def stop(self) -> None:
        """End the reader."""


class PcscReader:
    """A virtual reader behind a real pcscd in a namespace of its own."""

    kind = "pcscd"

    def __init__(self, folder: Path) -> None:
        self._reader = VirtualReader.start(folder / "pcscd")
        self.environment: Mapping[str, str] = self._reader.environment
        # Before this process's first PC/SC call: the client library looks once.
        os.environ.update(self.environment)
        self.setting = self._reader.names[0]

    def insert(self, image: CardImage, faults: Collection[Fault] = ()) -> None:
        """Present a card."""
        self._reader.insert(image, faults=faults)

    def remove(self) -> None:
        """Take it away."""
        self._reader.remove()

    def connect(self) -> Transport:
        """Connect to the card that lies there."""
        from eid.chip import pcsc

        return pcsc.connect(self.setting)

    def stop(self) -> None:
        """End the reader."""
        self._reader.stop()


class SocketReader:
    """A card on a unix socket, for machines without pcscd: no PC/SC is involved."""

    kind = "socket"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "card.sock"
        self._card: StreamCard | None = None
        self.environment: Mapping[str, str] = {}
        self.setting = f"stream:{self._path}"

    def insert(self, image: CardImage, faults: Collection[Fault] = ()) -> None:
        """Present a card."""
        self.remove()
        self._card = StreamCard(SoftwareCard(image, faults=list(faults)), self._path)

    def remove(self) -> None:
        """Take it away."""
        if self._card is not None:
            self._card.close()
            self._card = None

    def connect(self) -> Transport:
        """Connect to the card that lies there."""
        return stream.connect_unix(self._path)

    def stop(self) -> None:
        """End the reader."""
        self.remove()


def open_reader(folder: Path) -> tuple[DemoReader, str | None]:
    """The best reader this machine allows, and in one line what a better one would need."""
    reason = _why_no_pcsc()
    if reason is None:
        return PcscReader(folder), None
    remedy = _NAMESPACES if "namespaces" in reason else _PACKAGES
    return SocketReader(folder), f"Without PC/SC: {reason} {remedy}"


def _why_no_pcsc() -> str | None:
    if os.environ.get("EID_DEMO_READER") == "socket":
        return "the environment asks for the socket."
    if find_spec("smartcard") is None:
        return "pyscard is not installed."
    return unavailable_reason()


@contextmanager
def presented(
    reader: DemoReader, image: CardImage, faults: Collection[Fault] = ()
) -> Iterator[None]:
    """While the block runs, present the card as a person does.

    After a moment, and again if nothing seems to happen; at the end it is taken away.
    """
    done = threading.Event()
    problems: list[Exception] = []

    def hand() -> None:
        time.sleep(_HAND_S)
        while not done.is_set():
            try:
                reader.insert(image, faults)
                done.wait(_PATIENCE_S)
                reader.remove()
            except OSError as error:
                problems.append(error)
                return
            done.wait(_HAND_S)

    thread = threading.Thread(target=hand, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    for problem in problems:
        raise problem
