"""A software card on a unix socket, for machines without PC/SC (frames as in ``vpcd``).

>>> import tempfile
>>> from eid.testing.card_image import CardImage
>>> card = SoftwareCard(CardImage(files={"EF.CardAccess": bytes(3)}, can="123456"))
>>> with tempfile.TemporaryDirectory() as folder:
...     with StreamCard(card, Path(folder) / "card.sock") as stream:
...         oct(stream.path.stat().st_mode & 0o777)
'0o600'
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from eid.errors import ReaderError
from eid.testing.softcard import SoftwareCard
from eid.testing.vpcd import serve


class StreamCard:
    """Serve one card on ``path``, one reader at a time, until closed.

    A pulled card leaves the socket in place but answers nobody. The path must be
    new, or it is a ReaderError.
    """

    def __init__(self, card: SoftwareCard, path: Path) -> None:
        self.card = card
        self.path = path
        self._listener = _listen(path)
        self._lock = threading.Lock()
        self._open = True
        self._current: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving and remove the socket; may be called twice."""
        with self._lock:
            self._open = False
            for connection in (self._listener, self._current):
                if connection is not None:
                    _shut(connection)
        self._thread.join()
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._current = connection
                if not self._open:
                    _shut(connection)
            self.card.reset()
            serve(self.card, connection)


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.fchmod(listener.fileno(), 0o600)  # on Linux the socket file takes this mode at once
    try:
        listener.bind(str(path))
    except OSError as e:
        listener.close()
        raise ReaderError(
            "The card's socket cannot be made there.", code="reader.card_socket"
        ) from e
    listener.listen(1)
    return listener


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
