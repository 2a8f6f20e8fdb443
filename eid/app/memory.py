"""How a provider's processes hold memory, where the C library is glibc; elsewhere as it comes."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

_ARENA_MAX: Final = -8
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_BLOCK: Final = 64 * 1024


def hold_little() -> None:
    """One pool for all threads, and what is large or free goes back to the system at once.

    glibc gives each thread a pool of its own, so that they need not wait for each other. Python's
    threads take turns anyway, and pools that each keep their peak cost a worker a tenth of its
    memory. A process that is forked from this one keeps to it.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)
        mallopt(_TRIM_THRESHOLD, _BLOCK)
        mallopt(_MMAP_THRESHOLD, _BLOCK)
