"""The counting wrapper is a transport itself."""

from __future__ import annotations

from eid.chip.transport import Counting, ReaderInfo


class Echo:
    reader = ReaderInfo(name="Echo", atr=b"\x3b\x00")

    def __init__(self) -> None:
        self.closed = 0

    def transmit(self, command: bytes) -> bytes:
        return command

    def close(self) -> None:
        self.closed += 1


def test_counting() -> None:
    inner = Echo()
    counting = Counting(inner)
    assert counting.reader is Echo.reader
    assert counting.transmit(b"abcd") == b"abcd"
    counting.transmit(b"abcde")
    assert (counting.apdus, counting.octets) == (2, 18)
    counting.close()
    assert inner.closed == 1
