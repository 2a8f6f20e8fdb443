"""From the settings' reader to a connection: real readers, and in tests a unix socket."""

from __future__ import annotations

from pathlib import Path

from eid.chip import pcsc, stream
from eid.chip.transport import Transport
from eid.kiosk.agent import Connect
from eid.kiosk.settings import AgentSettings


def card_connector(settings: AgentSettings) -> Connect:
    """Wait at the configured reader for a card presented from now on, then connect to it.

    The result raises ReaderError, or DeadlineExceeded (``card.none``) when nobody presents a card.
    Virtual readers are used only under ``insecure_virtual_reader``.
    """
    name, virtual = settings.reader, settings.insecure_virtual_reader
    if name is not None and name.startswith("stream:"):
        path = Path(name.removeprefix("stream:"))
        return lambda _timeout: stream.connect_unix(path)

    def connect(timeout: float) -> Transport:
        found = pcsc.wait_for_card(
            name, timeout=timeout, presented_after=True, allow_virtual=virtual
        )
        return pcsc.connect(found, allow_virtual=virtual)

    return connect
