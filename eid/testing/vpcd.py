"""The virtual reader's wire: a software card behind a byte stream (vsmartcard's vpcd protocol).

A frame is a two-byte length and a payload; one byte from the reader is a control, more are a
command. The card answers commands and the question for its ATR, nothing else.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from eid.errors import CardRemoved, ReaderError
from eid.testing.softcard import SoftwareCard

HOST: Final = "127.0.0.1"
PORT: Final = 35963
_POWER_OFF, _POWER_ON, _RESET, _ATR = 0, 1, 2, 4
_RESETS: Final = frozenset({_POWER_OFF, _POWER_ON, _RESET})
_RETRY_S: Final = 0.02
_MOST_FRAME: Final = 0xFFFF


def serve(
    card: SoftwareCard,
    connection: socket.socket,
    *,
    noticed: Callable[[], None] = lambda: None,
) -> None:
    """Answer frames until the reader ends the connection or the card is pulled.

    ``noticed`` is called whenever the reader asks for the ATR. The connection is closed.
    """
    with connection:
        while (frame := _receive(connection)) is not None:
            if len(frame) == 1:
                _control(card, connection, frame[0], noticed)
                continue
            try:
                answer = card.transmit(frame)
            except CardRemoved:
                return
            if not _send(connection, answer):
                return


def connect(host: str = HOST, port: int = PORT, *, timeout: float = 2.0) -> socket.socket:
    """Connect to a virtual reader, as inserting a card does; ReaderError if none listens."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection = socket.create_connection((host, port), timeout=timeout)
        except OSError as e:
            if time.monotonic() >= deadline:
                raise ReaderError(
                    "No virtual reader accepts a card there.", code="reader.no_virtual_reader"
                ) from e
            time.sleep(_RETRY_S)
        else:
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection


class InsertedCard:
    """A software card that lies in a virtual reader, answering from a thread of its own."""

    def __init__(self, card: SoftwareCard, connection: socket.socket) -> None:
        self.card = card
        self._connection = connection
        self._noticed = threading.Event()
        self._thread = threading.Thread(
            target=serve, args=(card, connection), kwargs={"noticed": self._noticed.set}
        )
        self._thread.daemon = True
        self._thread.start()

    @property
    def present(self) -> bool:
        """Whether the card still lies in the reader."""
        return self._thread.is_alive()

    def wait_noticed(self, timeout: float) -> bool:
        """Wait until the reader has asked for the ATR."""
        return self._noticed.wait(timeout)

    def wait_removed(self, timeout: float | None = None) -> bool:
        """Wait until the card is gone, by whatever cause."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def remove(self) -> None:
        """Take the card out; may be called twice."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()


def insert(
    card: SoftwareCard, *, host: str = HOST, port: int = PORT, timeout: float = 2.0
) -> InsertedCard:
    """Insert a card into a virtual reader that already runs (``eid simulate``)."""
    return InsertedCard(card, connect(host, port, timeout=timeout))


def _control(
    card: SoftwareCard, connection: socket.socket, control: int, noticed: Callable[[], None]
) -> None:
    if control in _RESETS:
        card.reset()
    elif control == _ATR:
        _send(connection, card.reader.atr)
        noticed()


def _send(connection: socket.socket, payload: bytes) -> bool:
    payload = payload[:_MOST_FRAME]
    try:
        connection.sendall(len(payload).to_bytes(2, "big") + payload)
    except OSError:
        return False
    return True


def _receive(connection: socket.socket) -> bytes | None:
    """Read one frame; None when the reader has gone."""
    head = _read(connection, 2)
    return None if head is None else _read(connection, int.from_bytes(head, "big"))


def _read(connection: socket.socket, size: int) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        _acknowledge_at_once(connection)
        try:
            part = connection.recv(size - len(data))
        except OSError:
            return None
        if not part:
            return None
        data += part
    return bytes(data)


def _acknowledge_at_once(connection: socket.socket) -> None:
    """Re-arm quick acknowledgement: Debian's vpcd sends a frame in two parts, 44 ms otherwise."""
    if connection.family != socket.AF_UNIX and hasattr(socket, "TCP_QUICKACK"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
