"""A transport over a byte stream: a network reader, a phone, a card in another process.

The frames are those of the virtual reader's driver: two bytes of length, then a command or
answer; a frame of one byte from the reader's side switches power (0 off, 1 on, 2 reset, 4 asks
for the answer to reset).

>>> ours, card = socket.socketpair()
>>> card.send(bytes.fromhex("0005 3B80800101"))  # the card's answer to reset is ready
7
>>> StreamTransport(ours, name="Phone").reader.atr.hex()
'3b80800101'
>>> card.recv(6).hex()
'000101000104'
>>> card.close(), ours.close()
(None, None)
"""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path
from typing import Final

from eid.chip.transport import ReaderInfo
from eid.errors import CardRemoved, DeadlineExceeded, ReaderError

POWER_OFF: Final = 0
POWER_ON: Final = 1
RESET: Final = 2
GET_ATR: Final = 4
MAX_FRAME: Final = 0xFFFF
_MAX_ATR: Final = 33


class StreamTransport:
    """The reader's side of a connected socket; powers the card on, and off when closed."""

    def __init__(
        self, connection: socket.socket, *, name: str = "Stream", timeout_s: float = 10.0
    ) -> None:
        self._connection = connection
        self._timeout = self._allowed = timeout_s
        self._until = 0.0
        self._dead = False
        self._start()
        self._control(POWER_ON)
        self._control(GET_ATR)
        self._reader = ReaderInfo(name=name, atr=self._receive()[:_MAX_ATR])

    @property
    def reader(self) -> ReaderInfo:
        """The stream's name and the card's answer to reset."""
        return self._reader

    def transmit(self, command: bytes) -> bytes:
        """Send one command and return its answer; any failure ends the connection."""
        if not 4 <= len(command) <= MAX_FRAME:
            raise ValueError("a command has 4 to 65,535 bytes")
        self._start()
        self._send(command)
        answer = self._receive()
        if len(answer) < 2:
            raise self._lost()
        return answer

    def allow(self, seconds: float) -> None:
        """Let a command take this long at most, and never longer than ``timeout_s``."""
        self._allowed = min(seconds, self._timeout)

    def close(self) -> None:
        """Power the card off and close the socket."""
        if not self._dead:
            self._start()
            with contextlib.suppress(CardRemoved, DeadlineExceeded):
                self._control(POWER_OFF)
            self._end()

    def _start(self) -> None:
        """Start the clock of an exchange: it bounds all of it, however it is dribbled."""
        self._until = time.monotonic() + self._allowed

    def _wait(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise self._late()
        self._connection.settimeout(left)

    def _control(self, octet: int) -> None:
        self._send(bytes([octet]))

    def _send(self, payload: bytes) -> None:
        if self._dead:
            raise CardRemoved("The connection to the card has ended.")
        self._wait()
        try:
            self._connection.sendall(len(payload).to_bytes(2, "big") + payload)
        except TimeoutError as error:
            raise self._late() from error
        except OSError as error:
            raise self._lost() from error

    def _receive(self) -> bytes:
        return self._exactly(int.from_bytes(self._exactly(2), "big"))

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            self._wait()
            try:
                part = self._connection.recv(count - len(parts))
            except TimeoutError as error:
                raise self._late() from error
            except OSError as error:
                raise self._lost() from error
            if not part:
                raise self._lost()
            parts += part
        return bytes(parts)

    def _lost(self) -> CardRemoved:
        self._end()
        return CardRemoved("The card left the reader.")

    def _late(self) -> DeadlineExceeded:
        self._end()
        return DeadlineExceeded("The card did not answer in time.")

    def _end(self) -> None:
        self._dead = True
        self._connection.close()


def connect_unix(path: Path, *, timeout_s: float = 10.0) -> StreamTransport:
    """Connect to a card that is served on a Unix socket; ReaderError when nobody listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        connection.connect(str(path))
    except OSError as error:
        connection.close()
        raise ReaderError("Nothing serves a card on this socket.", code="reader.gone") from error
    return StreamTransport(connection, name=f"stream:{path.name}", timeout_s=timeout_s)
