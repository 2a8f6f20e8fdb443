"""Blocking calls with a deadline, in a thread that can be left behind."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from eid.errors import CardError

_T = TypeVar("_T")


class Worker:
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
