"""How the servers listen: what a client may cost that connects and then says little (row F-005).

A connection has ``HEADERS_S`` to send the head of a request, the next one included: silence, one
header a second, and a browser that stays connected without a request all end then. Until then it
holds a socket and a few kilobytes, but no thread; ``CONNECTIONS`` of them are open at once, and
only then does the next one wait. Bodies are the gate's work.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from eid.app.gate import THREADS

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

HEADERS_S: Final = 10
CONNECTIONS: Final = 4096
BACKLOG: Final = 1024
MAX_HEAD: Final = 128 * 1024
_OTHER_FILES: Final = 256


def listen(
    name: str,
    address: tuple[str, int],
    load: Callable[[], WSGIApplication],
    *,
    workers: int = 1,
    headers_s: int = HEADERS_S,
    stop_s: int | None = None,
) -> None:
    """Serve the application that ``load`` gives each worker, until the process is ended.

    ``stop_s`` is how long a worker that does not hear that it should end is waited for.
    """
    _allow_files(CONNECTIONS + _OTHER_FILES)
    server = Server(
        name,
        address=address[0],
        port=address[1],
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,  # what a proxy speaks to us; no second way to say the same
        http1_settings=HTTP1Settings(
            header_read_timeout=headers_s * 1000, max_buffer_size=MAX_HEAD
        ),
        backlog=BACKLOG,
        backpressure=CONNECTIONS,  # for each worker
        workers=workers,
        blocking_threads=THREADS,
        log_level=LogLevels.error,  # it would warn of so many threads, which are for slow clients
        log_access=False,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=stop_s,  # a worker that is told to end while it starts hears nothing
    )
    server.serve(target_loader=load, wrap_loader=False)


def _allow_files(number: int) -> None:
    """As many open files as the connections need, as far as this process may say so itself."""
    try:
        import resource  # noqa: PLC0415 - Windows has none, and no such limit
    except ModuleNotFoundError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # the system's own limit is lower: then fewer connect
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
