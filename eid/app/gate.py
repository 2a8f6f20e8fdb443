"""Before the application: a client that sends its form slowly holds a thread, not the provider.

The server gives each request a thread that waits for the request's body as long as the client
likes. So there are many of these threads, only some may wait for bodies, fewer for those of one
address, and few do the work.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING

from eid.oidc.traffic import client_address, is_loopback, neighbourhood

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from eid.oidc.traffic import Network

WORKING = 8
WAITING = 240
SHARE = 24
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
    refuses it by its length. 503 while ``WAITING`` bodies are still on their way, or ``SHARE`` of
    one address; loopback, where a proxy may stand for everybody, has no share of its own.
    """

    application: WSGIApplication
    max_body: int
    trusted: tuple[Network, ...] = ()
    _working: SimpleQueue[None] = field(default_factory=lambda: _places(WORKING), repr=False)
    _waiting: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(WAITING), repr=False
    )

    _from: dict[str, int] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Take the body, then a place to work."""
        length = _length(environ)
        if 0 < length <= self.max_body:
            address = self._address(environ)
            if not self._may_wait(address):
                start("503 Service Unavailable", list(_FULL_HEADERS.items()))
                return [_FULL]
            try:
                environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
            finally:
                self._came(address)
        self._working.get()
        try:
            return self.application(environ, start)
        finally:
            self._working.put(None)

    def _address(self, environ: WSGIEnvironment) -> str:
        peer = str(environ.get("REMOTE_ADDR", ""))
        forwarded = environ.get("HTTP_X_FORWARDED_FOR")
        address = client_address(peer, forwarded, self.trusted) if self.trusted else peer
        return "" if is_loopback(address) else neighbourhood(address)

    def _may_wait(self, address: str) -> bool:
        with self._lock:
            if (address and self._from.get(address, 0) >= SHARE) or not self._waiting.acquire(
                blocking=False
            ):
                return False
            self._from[address] = self._from.get(address, 0) + 1
        return True

    def _came(self, address: str) -> None:
        self._waiting.release()
        with self._lock:
            self._from[address] -= 1
            if not self._from[address]:
                del self._from[address]


def _length(environ: WSGIEnvironment) -> int:
    text = str(environ.get("CONTENT_LENGTH", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _places(number: int) -> SimpleQueue[None]:
    """A queue of so many places: as a semaphore, but one that costs nothing."""
    places: SimpleQueue[None] = SimpleQueue()
    for _ in range(number):
        places.put(None)
    return places
