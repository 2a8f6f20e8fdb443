"""Readers of the PC/SC service (PC/SC part 5; pcsc-lite), through pyscard's thin layer.

Connections are exclusive. Any call that does not succeed, and any answer shorter than two bytes,
ends the connection for good: pulled and replaced within one poll, a card answers on the old
handle as if it were the first. PC/SC knows no time-out, so every blocking call runs in a worker
thread with a deadline; a stuck one is left behind and its handle never used again.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Final, Self, TypeVar

from eid.chip.transport import ReaderInfo
from eid.errors import CardError, CardRemoved, DeadlineExceeded, ReaderError

_T = TypeVar("_T")
_State = tuple[str, int]

VIRTUAL: Final = "Virtual PCD"
_POLL_MS: Final = 500
_MAX_READERS: Final = 15
_MAX_ATR: Final = 33
_NO_READERS: Final = 0x8010002E
_TIMEOUT: Final = 0x8010000A
_UNKNOWN_READER: Final = 0x80100009

_REMOVED: Final = frozenset({0x80100016, 0x80100069, 0x80100068, 0x8010000C, 0x80100066})
_READER_ERRORS: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        0x8010000B: ("reader.busy", "Another program is using the reader."),
        0x8010001D: ("reader.no_service", "The PC/SC service is not running."),
        0x8010001E: ("reader.no_service", "The PC/SC service has stopped."),
        0x80100013: ("reader.no_service", "The PC/SC service does not answer."),
        _NO_READERS: ("reader.none", "No reader is connected."),
        _UNKNOWN_READER: ("reader.gone", "The reader is not connected any more."),
        0x80100017: ("reader.gone", "The reader is not available any more."),
        0x8010006A: ("reader.refused", "The system does not let this user reach the reader."),
    }
)


class PcscTransport:
    """An exclusive connection to the card on one reader; made by :func:`connect`."""

    def __init__(self, scard: ModuleType, reader: str, *, call_timeout_s: float) -> None:
        self._scard = scard
        self._timeout = call_timeout_s
        self._process = os.getpid()
        self._worker = _Worker()
        self._context: int | None = None
        self._card: int | None = None
        try:
            self._context = self._run(lambda: _establish(scard))
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
            return self._run(lambda: self._transmit(command))
        except CardError:
            self.close()
            raise

    def close(self) -> None:
        """Reset the card, let go of it and of the service; may be called twice."""
        card, context = self._card, self._context
        self._card = self._context = None
        if os.getpid() != self._process or self._worker.stuck:
            return
        if context is not None:
            self._worker.run(lambda: self._release(card, context), self._timeout)
        self._worker.stop()

    def _run(self, call: Callable[[], _T]) -> _T:
        outcome = self._worker.run(call, self._timeout)
        if outcome is None:
            raise DeadlineExceeded("The reader did not answer in time.", code="reader.deadline")
        return outcome

    def _connect(self, reader: str) -> tuple[int, int]:
        scard = self._scard
        protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        result, card, protocol = scard.SCardConnect(
            self._context, reader, scard.SCARD_SHARE_EXCLUSIVE, protocols
        )
        _require(result)
        return card, protocol

    def _status(self) -> bytes:
        result, _, _, _, atr = self._scard.SCardStatus(self._card)
        _require(result)
        return bytes(atr)[:_MAX_ATR]

    def _transmit(self, command: bytes) -> bytes:
        result, answer = self._scard.SCardTransmit(self._card, self._pci, list(command))
        _require(result, CardRemoved("The card left the reader."))
        if len(answer) < 2:
            raise CardRemoved("The card left the reader.")
        return bytes(answer)

    def _release(self, card: int | None, context: int) -> bool:
        if card is not None:
            self._scard.SCardDisconnect(card, self._scard.SCARD_RESET_CARD)
        self._scard.SCardReleaseContext(context)
        return True


def list_readers() -> tuple[str, ...]:
    """Return the names of all connected readers, in the service's order."""
    with _Context() as context:
        return context.readers()


def connect(
    reader: str | None = None, *, allow_virtual: bool = False, call_timeout_s: float = 10.0
) -> PcscTransport:
    """Connect to the card on this reader, or on the one reader that holds a card.

    Virtual readers are taken only by name or with ``allow_virtual``. ReaderError: no such reader
    (``reader.unknown``), cards on several (``reader.ambiguous``), busy, or no service.
    CardRemoved: no card is there. DeadlineExceeded: the service does not answer.
    """
    with _Context() as context:
        names = _candidates(context.readers(), reader, allow_virtual=allow_virtual)
        if len(names) > 1:
            holding = [name for name, state in context.states(names) if context.present(state)]
            if len(holding) > 1:
                raise ReaderError("Cards lie on more than one reader.", code="reader.ambiguous")
            names = tuple(holding) or names
        scard = context.scard
    return PcscTransport(scard, names[0], call_timeout_s=call_timeout_s)


def wait_for_card(
    reader: str | None = None,
    *,
    timeout: float,
    presented_after: bool = False,
    allow_virtual: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Wait at most ``timeout`` seconds for a card and return its reader's name.

    ``presented_after``: a card that lies there already does not count until it was taken away
    and put back. DeadlineExceeded ``card.none`` when none came.
    """
    limit = clock() + timeout
    with _Context() as context:
        names = _candidates(context.readers(), reader, allow_virtual=allow_virtual)
        watched = dict(context.states(names))
        lying = {name: state for name, state in watched.items() if context.present(state)}
        if not presented_after:
            lying = {}
        while True:
            for name, state in watched.items():
                if not context.present(state):
                    lying.pop(name, None)
                elif name not in lying or context.events(state) - context.events(lying[name]) > 1:
                    return name
            left_ms = int((limit - clock()) * 1000)
            if left_ms <= 0:
                raise DeadlineExceeded("No card was presented in time.", code="card.none")
            changed = context.states(tuple(watched.items()), min(left_ms, _POLL_MS))
            watched.update(changed)


def _candidates(
    names: tuple[str, ...], reader: str | None, *, allow_virtual: bool
) -> tuple[str, ...]:
    if reader is not None:
        if reader not in names:
            raise ReaderError("There is no reader of this name.", code="reader.unknown")
        return (reader,)
    usable = tuple(n for n in names if allow_virtual or not n.startswith(VIRTUAL))
    if not usable:
        code = "reader.virtual" if names else "reader.none"
        word = "Only virtual readers are connected." if names else "No reader is connected."
        raise ReaderError(word, code=code)
    return usable[:_MAX_READERS]


def _scard_module() -> ModuleType:
    try:
        from smartcard import scard  # noqa: PLC0415 - an extra, needed at a reader only
    except ImportError as error:
        raise ReaderError(
            "The package pyscard is not installed (eid[pcsc]).", code="reader.no_pyscard"
        ) from error
    return scard  # type: ignore[no-any-return]


def _establish(scard: ModuleType) -> int:
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    _require(result)
    return context  # type: ignore[no-any-return]


def _require(result: int, otherwise: CardError | None = None) -> None:
    """Raise what a result code of the service stands for, unless it is success."""
    number = result & 0xFFFFFFFF
    if number == 0:
        return
    if number in _READER_ERRORS:
        code, message = _READER_ERRORS[number]
        raise ReaderError(message, code=code, hresult=number)
    if number in _REMOVED:
        raise CardRemoved("The card left the reader.", hresult=number)
    raise otherwise or ReaderError(
        f"The reader failed ({number:08X}).", code="reader.failed", hresult=number
    )


class _Context:
    """A short conversation with the service, released when the block is left."""

    def __init__(self) -> None:
        self.scard = _scard_module()

    def __enter__(self) -> Self:
        self._context = _establish(self.scard)
        return self

    def __exit__(self, *_: object) -> None:
        self.scard.SCardReleaseContext(self._context)

    def readers(self) -> tuple[str, ...]:
        """Return all readers' names; none is an empty tuple."""
        result, names = self.scard.SCardListReaders(self._context, [])
        if result & 0xFFFFFFFF == _NO_READERS:
            return ()
        _require(result)
        return tuple(names)

    def states(
        self, readers: tuple[str, ...] | tuple[_State, ...], wait_ms: int = 0
    ) -> tuple[_State, ...]:
        """Return readers' states, now or as soon as one differs from what is given."""
        known = [(r, self.scard.SCARD_STATE_UNAWARE) if isinstance(r, str) else r for r in readers]
        result, states = self.scard.SCardGetStatusChange(self._context, wait_ms, known)
        if result & 0xFFFFFFFF != _TIMEOUT:
            _require(result)
        changed = self.scard.SCARD_STATE_CHANGED
        return tuple((name, state & ~changed) for name, state, _ in states)

    def present(self, state: int) -> bool:
        """Whether a card lies on a reader of this state."""
        return bool(state & self.scard.SCARD_STATE_PRESENT)

    @staticmethod
    def events(state: int) -> int:
        """Return how often a card was put there or taken away."""
        return state >> 16 & 0xFFFF


class _Worker:
    """One daemon thread that runs calls in order; a call past its deadline leaves it stuck."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.stuck = False
        threading.Thread(target=self._loop, name="eid-pcsc", daemon=True).start()

    def run(self, call: Callable[[], _T], timeout_s: float) -> _T | None:
        """Return the call's result or raise its CardError; None when it takes too long."""
        if self.stuck:
            return None
        self._calls.put(call)
        try:
            outcome = self._outcomes.get(timeout=timeout_s)
        except queue.Empty:
            self.stuck = True
            self.stop()
            return None
        if isinstance(outcome, CardError):
            raise outcome
        return outcome  # type: ignore[return-value]

    def stop(self) -> None:
        """Let the thread end after the call it is in."""
        self._calls.put(None)

    def _loop(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                self._outcomes.put(call())
            except CardError as error:
                self._outcomes.put(error)
