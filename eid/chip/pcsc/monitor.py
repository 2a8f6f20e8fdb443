"""Watch readers and cards, through restarts of the service and with sixteen readers.

(pcsc-lite's limits and habits: docs, "When a card misbehaves".) pyscard's own monitors die with
the service and spin with sixteen readers; this one is a thread with a context of its own.

>>> events = []
>>> monitor = Monitor(events.append)
>>> monitor
<Monitor idle>
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Final, Literal, Self

from eid.chip.pcsc import service
from eid.errors import CardError, ReaderError

Kind = Literal[
    "service_up",
    "service_down",
    "reader_added",
    "reader_removed",
    "card_inserted",
    "card_removed",
]

HOT_PLUG: Final = "\\\\?PnP?\\Notification"
_MOST_STATES: Final = 16
_FOREVER_MS: Final = 0xFFFFFFFF
_POLL_MS: Final = 1000
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0
_GO_ON: Final = frozenset({0x80100002, 0x8010000A})  # cancelled, timeout
_UNKNOWN_READER: Final = 0x80100009
_MAX_ATR: Final = 33


@dataclass(frozen=True, slots=True)
class Event:
    """What changed: on which reader, and for an inserted card its answer to reset."""

    kind: Kind
    reader: str = ""
    atr: bytes = b""


class Monitor:
    """Tells a listener, from one thread, what comes and goes; start it by ``with`` or start().

    The listener must return soon and may not raise. After a restart of the service everything
    that is there is reported as new. ReaderError ``reader.no_pyscard`` where pyscard is missing.
    """

    def __init__(self, listener: Callable[[Event], None]) -> None:
        self._listener = listener
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._context: int | None = None
        self._states: dict[str, int] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to watch; once only."""
        if self._thread is not None:
            raise ValueError("a monitor is started once")
        scard = service.scard_module()
        self._scard = scard
        self._thread = threading.Thread(
            target=self._run, args=(scard,), name="eid-monitor", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the watch; the listener hears nothing after it."""
        self._stopping.set()
        thread = self._thread
        while thread is not None and thread.is_alive():
            context = self._context
            if context is not None:
                self._scard.SCardCancel(context)
            thread.join(0.05)

    def _run(self, scard: ModuleType) -> None:
        """Connect to the service again and again, with a pause that grows up to two seconds."""
        pause = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            try:
                self._context = service.establish(scard)
            except CardError:
                self._stopping.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
                continue
            pause = _FIRST_PAUSE_S
            self._tell("service_up")
            try:
                self._watch(scard, self._context)
            except ReaderError:
                self._stopping.wait(pause)
            finally:
                context, self._context = self._context, None
                self._forget(tuple(self._states))
                self._tell("service_down")
                scard.SCardReleaseContext(context)

    def _watch(self, scard: ModuleType, context: int) -> None:
        """Report changes until the service fails, which is a ReaderError."""
        while not self._stopping.is_set():
            names = _readers(scard, context)
            self._compare(names, scard.SCARD_STATE_UNAWARE)
            known = [(name, self._states[name]) for name in names[:_MOST_STATES]]
            wait = _POLL_MS
            if len(names) < _MOST_STATES:
                known.append((HOT_PLUG, len(names) << 16))
                wait = _FOREVER_MS
            result, found = scard.SCardGetStatusChange(context, wait, known)
            number = result & 0xFFFFFFFF
            if number in _GO_ON or number == _UNKNOWN_READER:
                continue
            service.require(result, ReaderError("The service failed.", code="reader.failed"))
            for name, state, atr in found:
                if name in self._states:
                    self._update(scard, name, state & ~scard.SCARD_STATE_CHANGED, bytes(atr))

    def _compare(self, names: tuple[str, ...], unaware: int) -> None:
        self._forget(tuple(name for name in self._states if name not in names))
        for name in names:
            if name not in self._states:
                self._states[name] = unaware
                self._tell("reader_added", name)

    def _forget(self, names: tuple[str, ...]) -> None:
        for name in names:
            if self._states.pop(name) & self._scard.SCARD_STATE_PRESENT:
                self._tell("card_removed", name)
            self._tell("reader_removed", name)

    def _update(self, scard: ModuleType, name: str, state: int, atr: bytes) -> None:
        """Tell what a new state means; two counts between two cards are a swap."""
        before = self._states[name]
        self._states[name] = state
        was, now = (bool(value & scard.SCARD_STATE_PRESENT) for value in (before, state))
        swapped = was and now and (state >> 16) - (before >> 16) >= 2
        if was and (not now or swapped):
            self._tell("card_removed", name)
        if now and (not was or swapped):
            self._tell("card_inserted", name, atr[:_MAX_ATR])

    def _tell(self, kind: Kind, reader: str = "", atr: bytes = b"") -> None:
        if not self._stopping.is_set():
            self._listener(Event(kind, reader, atr))

    def _describe(self) -> str:
        alive = self._thread is not None and self._thread.is_alive()
        return f"<Monitor {'watching' if alive else 'idle'}>"

    __repr__ = _describe


def _readers(scard: ModuleType, context: int) -> tuple[str, ...]:
    result, names = scard.SCardListReaders(context, [])
    if result & 0xFFFFFFFF == service.NO_READERS:
        return ()
    service.require(result)
    return tuple(names)
