"""Before the application: a client that sends its form slowly holds a thread, not the provider.

The server gives each request a thread that waits for the request's body as long as the client
likes. So there are many of these threads, only some may wait for bodies, and few do the work.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

WORKING = 8
WAITING = 240
THREADS = WAITING + 2 * WORKING
_FULL = b'{"error":"temporarily_unavailable"}'
_FULL_HEADERS: Mapping[str, str] = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "Retry-After": "5",
    "Content-Length": str(len(_FULL)),
}


@dataclass(frozen=True, slots=True)
class Gate:
    """A WSGI application whose requests come with their bodies in memory.

    A body that is announced as longer than ``max_body`` is not waited for: the application
    refuses it by its length. 503 while ``WAITING`` bodies are still on their way.
    """

    application: WSGIApplication
    max_body: int
    _working: SimpleQueue[None] = field(default_factory=lambda: _places(WORKING), repr=False)
    _waiting: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(WAITING), repr=False
    )

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Take the body, then a place to work."""
        length = _length(environ)
        if 0 < length <= self.max_body:
            if not self._waiting.acquire(blocking=False):
                start("503 Service Unavailable", list(_FULL_HEADERS.items()))
                return [_FULL]
            try:
                environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
            finally:
                self._waiting.release()
        self._working.get()
        try:
            return self.application(environ, start)
        finally:
            self._working.put(None)


def _length(environ: WSGIEnvironment) -> int:
    text = str(environ.get("CONTENT_LENGTH", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _places(number: int) -> SimpleQueue[None]:
    """A queue of so many places: as a semaphore, but one that costs nothing."""
    places: SimpleQueue[None] = SimpleQueue()
    for _ in range(number):
        places.put(None)
    return places
