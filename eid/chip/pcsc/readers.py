"""Which reader: by name, or the one that holds a card, now or soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from eid.chip.pcsc.connection import PcscTransport
from eid.chip.pcsc.service import Context
from eid.errors import CardError, DeadlineExceeded, ReaderError

VIRTUAL: Final = "Virtual PCD"
_POLL_MS: Final = 500
_MAX_READERS: Final = 15


def list_readers() -> tuple[str, ...]:
    """Return the names of all connected readers, in the service's order."""
    with Context() as context:
        return context.readers()


def connect(
    reader: str | None = None, *, allow_virtual: bool = False, call_timeout_s: float = 10.0
) -> PcscTransport:
    """Connect to the card on this reader, or on the one reader that holds a card.

    Virtual readers are taken only by name or with ``allow_virtual``. ReaderError: no such reader
    (``reader.unknown``), cards on several (``reader.ambiguous``), busy, or no service.
    CardRemoved: no card is there. DeadlineExceeded: the service does not answer.
    """
    with Context() as context:
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
    cancelled: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Wait at most ``timeout`` seconds for a card and return its reader's name.

    ``presented_after``: a card that lies there already does not count until it was taken away
    and put back. DeadlineExceeded ``card.none`` when none came, CardError ``card.cancelled``
    once ``cancelled`` says so.
    """
    limit = clock() + timeout
    with Context() as context:
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
            if cancelled():
                raise CardError("The wait for a card was given up.", code="card.cancelled")
            left_ms = int((limit - clock()) * 1000)
            if left_ms <= 0:
                raise DeadlineExceeded("No card was presented in time.", code="card.none")
            changed = context.states(tuple(watched.items()), min(left_ms, _POLL_MS))
            watched.update(changed)


def holding(*, allow_virtual: bool = False) -> tuple[str, ...]:
    """Return the readers that hold a card now; ReaderError without a usable reader."""
    with Context() as context:
        names = _candidates(context.readers(), None, allow_virtual=allow_virtual)
        return tuple(name for name, state in context.states(names) if context.present(state))


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
