"""The one thing the library asks of a reader: bytes in, bytes out.

A software card, a PC/SC reader and a byte stream are interchangeable behind :class:`Transport`.

>>> class Deaf:
...     reader = ReaderInfo(name="Deaf reader")
...     def transmit(self, command: bytes) -> bytes:
...         return bytes.fromhex("6D00")
...     def close(self) -> None:
...         pass
>>> counting = Counting(Deaf())
>>> counting.transmit(bytes.fromhex("00A4040C")).hex(), counting.apdus, counting.octets
('6d00', 1, 6)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderInfo:
    """What a reader says of itself and of its card; neither proves anything."""

    name: str
    atr: bytes = b""


class Transport(Protocol):
    """A connection to one card."""

    @property
    def reader(self) -> ReaderInfo:
        """The reader's name and the card's answer to reset."""
        ...

    def transmit(self, command: bytes) -> bytes:
        """Send one command APDU and return its response APDU, at least two bytes.

        Raises CardRemoved, ReaderError or DeadlineExceeded; after any of them the
        connection is dead and must be closed.
        """
        ...

    def close(self) -> None:
        """Let go of the card; may be called twice."""
        ...


@runtime_checkable
class Timed(Transport, Protocol):
    """A transport that can give up on a command: what is left of a read's time bounds it."""

    def allow(self, seconds: float) -> None:
        """Let every further command take this long at most."""
        ...


class Counting:
    """A transport around another that counts APDUs and octets in both directions."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.apdus = 0
        self.octets = 0

    @property
    def reader(self) -> ReaderInfo:
        """The inner transport's reader."""
        return self._inner.reader

    def transmit(self, command: bytes) -> bytes:
        """Pass the command on and count it."""
        response = self._inner.transmit(command)
        self.apdus += 1
        self.octets += len(command) + len(response)
        return response

    def allow(self, seconds: float) -> None:
        """Pass it on, where the inner transport can give up on a command."""
        if isinstance(self._inner, Timed):
            self._inner.allow(seconds)

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()
