"""Ports for processes that bind them later: outside the range that outgoing connections take."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

_LOW, _HIGH = 18_000, 32_000


def free_block(count: int) -> int:
    """The first of ``count`` ports in a row that nobody listens on now."""
    chance = random.SystemRandom()
    for _ in range(200):
        first = chance.randrange(_LOW, _HIGH - count)
        try:
            with ExitStack() as stack:
                for port in range(first, first + count):
                    held = stack.enter_context(socket.socket())
                    held.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError(f"no {count} ports in a row are free")
