"""One piece of work for all who ask for it meanwhile: a button pressed twice reads once.

>>> Joined[int]().run("form", lambda: 3)
3
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Joined(Generic[T]):
    """Runs work by key; a second caller with the same key waits and gets the same outcome."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Future[T]] = {}

    def run(self, key: str, work: Callable[[], T]) -> T:
        """The result of ``work``, or what it raised; run by the first caller only."""
        mine = Future[T]()
        with self._lock:
            running = self._running.setdefault(key, mine)
        if running is not mine:
            return running.result()
        try:
            result = work()
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(result)
            return result
        finally:
            with self._lock:
                del self._running[key]
