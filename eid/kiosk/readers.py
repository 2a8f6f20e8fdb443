"""From the settings' reader to a connection: real readers, and in tests a unix socket."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from eid.chip import pcsc, stream
from eid.chip.transport import Transport
from eid.errors import CardError, ReaderError
from eid.kiosk.agent import Connect
from eid.kiosk.ports import WaitForCard
from eid.kiosk.settings import AgentSettings

_POLL_S = 0.05


def card_connector(settings: AgentSettings) -> Connect:
    """Wait at the configured reader for a card presented from now on, then connect to it.

    The result raises ReaderError, or DeadlineExceeded (``card.none``) when nobody presents a card.
    Virtual readers are used only under ``insecure_virtual_reader``.
    """
    wait = card_waiter(settings)
    return lambda timeout: wait(timeout, _never)


def card_waiter(settings: AgentSettings) -> WaitForCard:
    """The same, given up as soon as ``cancelled`` says so (``card.cancelled``)."""
    name, virtual = settings.reader, settings.insecure_virtual_reader
    if name is not None and name.startswith("stream:"):
        return partial(_wait_for_stream, Path(name.removeprefix("stream:")))

    def connect(timeout: float, cancelled: Callable[[], bool]) -> Transport:
        if name is not None and name.startswith(pcsc.VIRTUAL) and not virtual:
            raise ReaderError("The reader is a virtual one.", code="reader.virtual")
        found = pcsc.wait_for_card(
            name,
            timeout=timeout,
            presented_after=True,
            allow_virtual=virtual,
            cancelled=cancelled,
        )
        if name is None and len(pcsc.holding(allow_virtual=virtual)) > 1:
            raise ReaderError("Cards lie on more than one reader.", code="reader.ambiguous")
        return pcsc.connect(found, allow_virtual=virtual)

    return connect


def _never() -> bool:
    return False


def _wait_for_stream(path: Path, timeout_s: float, cancelled: Callable[[], bool]) -> Transport:
    limit = time.monotonic() + timeout_s
    while True:
        if cancelled():
            raise CardError("The wait for a card was given up.", code="card.cancelled")
        try:
            return stream.connect_unix(path)
        except ReaderError:
            if time.monotonic() >= limit:
                raise
            time.sleep(_POLL_S)
