"""Readers of the PC/SC service (PC/SC part 5; pcsc-lite), through pyscard's thin layer.

Connections are exclusive. Any call that does not succeed, and any answer shorter than two bytes,
ends the connection for good: pulled and replaced within one poll, a card answers on the old
handle as if it were the first. PC/SC knows no time-out, so every blocking call runs in a worker
thread with a deadline; a stuck one is left behind and its handle never used again.
"""

from __future__ import annotations

from eid.chip.pcsc.connection import PcscTransport
from eid.chip.pcsc.monitor import Event, Monitor
from eid.chip.pcsc.readers import VIRTUAL, connect, holding, list_readers, wait_for_card

__all__ = [
    "VIRTUAL",
    "Event",
    "Monitor",
    "PcscTransport",
    "connect",
    "holding",
    "list_readers",
    "wait_for_card",
]
