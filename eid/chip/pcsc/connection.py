"""An exclusive connection to one card (PC/SC part 5 §3.1)."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import ModuleType
from typing import Final, TypeVar

from eid.chip.pcsc.service import establish, require
from eid.chip.pcsc.worker import Worker
from eid.chip.transport import ReaderInfo
from eid.errors import CardError, CardRemoved, DeadlineExceeded, ReaderError

_T = TypeVar("_T")

_MAX_ATR: Final = 33


class PcscTransport:
    """An exclusive connection to the card on one reader; made by :func:`connect`."""

    def __init__(self, scard: ModuleType, reader: str, *, call_timeout_s: float) -> None:
        self._scard = scard
        self._timeout = self._allowed = call_timeout_s
        self._process = os.getpid()
        self._worker = Worker()
        self._context: int | None = None
        self._card: int | None = None
        try:
            self._context = self._run(lambda: establish(scard))
            self._card, protocol = self._run(lambda: self._connect(reader))
            atr = self._run(self._status)
        except CardError:
            self.close()
            raise
        t0 = protocol == scard.SCARD_PROTOCOL_T0
        self._pci = scard.SCARD_PCI_T0 if t0 else scard.SCARD_PCI_T1
        self._reader = ReaderInfo(name=reader, atr=atr)

    @property
    def reader(self) -> ReaderInfo:
        """The reader's name and the card's answer to reset."""
        return self._reader

    def transmit(self, command: bytes) -> bytes:
        """Send one command and return its answer; any failure ends the connection."""
        if os.getpid() != self._process:
            raise ReaderError("A connection does not survive a fork.", code="reader.forked")
        if self._card is None:
            raise CardRemoved("The connection to the card has ended.")
        try:
            return self._run(lambda: self._transmit(command), self._allowed)
        except CardError:
            self.close()
            raise

    def allow(self, seconds: float) -> None:
        """Let a command take this long at most, and never longer than any call may."""
        self._allowed = min(seconds, self._timeout)

    def close(self) -> None:
        """Reset the card, let go of it and of the service; may be called twice."""
        card, context = self._card, self._context
        self._card = self._context = None
        if os.getpid() != self._process or self._worker.stuck:
            return
        if context is not None:
            self._worker.run(lambda: self._release(card, context), self._timeout)
        self._worker.stop()

    def _run(self, call: Callable[[], _T], timeout_s: float | None = None) -> _T:
        outcome = self._worker.run(call, self._timeout if timeout_s is None else timeout_s)
        if outcome is None and timeout_s is not None and timeout_s < self._timeout:
            raise DeadlineExceeded("The card took too long.")
        if outcome is None:
            raise DeadlineExceeded("The reader did not answer in time.", code="reader.deadline")
        return outcome

    def _connect(self, reader: str) -> tuple[int, int]:
        scard = self._scard
        protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        result, card, protocol = scard.SCardConnect(
            self._context, reader, scard.SCARD_SHARE_EXCLUSIVE, protocols
        )
        require(result)
        return card, protocol

    def _status(self) -> bytes:
        result, _, _, _, atr = self._scard.SCardStatus(self._card)
        require(result)
        return bytes(atr)[:_MAX_ATR]

    def _transmit(self, command: bytes) -> bytes:
        result, answer = self._scard.SCardTransmit(self._card, self._pci, list(command))
        require(result, CardRemoved("The card left the reader."))
        if len(answer) < 2:
            raise CardRemoved("The card left the reader.")
        return bytes(answer)

    def _release(self, card: int | None, context: int) -> bool:
        if card is not None:
            self._scard.SCardDisconnect(card, self._scard.SCARD_RESET_CARD)
        self._scard.SCardReleaseContext(context)
        return True
