"""Visits that wait for the line: sealed to the server's key, bounded, in order, never lost.

One SQLite file with WAL and ``synchronous=FULL``: what :meth:`OfflineQueue.put` has returned from
survives a kill and a loss of power, and what it has not returned from was not accepted. The file
holds the server's public key only, so that nobody at the kiosk can read a visit back.

>>> import tempfile
>>> from pathlib import Path
>>> from eid.keys import EncryptionKey, decrypt_jwe
>>> from eid.levels.visit import Head
>>> server = EncryptionKey.generate("evidence")
>>> with tempfile.TemporaryDirectory() as folder:
...     queue = OfflineQueue.open(Path(folder) / "visits.db", server.public_jwk())
...     queue.put("visit-1", b"who came", head=Head(counter=1, link=bytes(32)))
...     waiting = queue.first()
...     queue.delivered("visit-1")
...     left = len(queue), queue.head().counter
...     queue.close()
>>> decrypt_jwe(waiting.sealed, server, typ=VISIT_TYP, max_bytes=100), left
(b'who came', (0, 1))
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eid.errors import SettingsError, Unavailable
from eid.keys import JSON, encrypt_jwe
from eid.levels.visit import VISIT_TYP, Head, SealedVisit

MOST_VISITS: Final = 2_000
MOST_BYTES: Final = 512 << 20
MAX_CONTENT: Final = 384 << 10
_WAIT_S: Final = 4.0
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS visits (
  place INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  sealed TEXT NOT NULL,
  refused INTEGER NOT NULL DEFAULT 0,
  code TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE IF NOT EXISTS head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  counter INTEGER NOT NULL,
  link BLOB NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A visit that the server refused for itself, and the code of the last refusal."""

    id: str
    code: str


class OfflineQueue:
    """Implements ``eid.kiosk.ports.Queue``; the threads of a process share it.

    The kiosk's own process works with it; another one may look at what was set aside meanwhile,
    and offer it again.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        server_jwk: Mapping[str, JSON],
        *,
        most_visits: int,
        most_bytes: int,
    ) -> None:
        self._connection = connection
        self._server_jwk = server_jwk
        self._most_visits = most_visits
        self._most_bytes = most_bytes
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls,
        path: Path,
        server_jwk: Mapping[str, JSON],
        *,
        most_visits: int = MOST_VISITS,
        most_bytes: int = MOST_BYTES,
    ) -> OfflineQueue:
        """Open or make the file with mode 0600; SettingsError ``queue.file`` if that fails."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            connection = sqlite3.connect(
                path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
            )
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            connection.executescript(_TABLES)
            _add_code(connection)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(
                "The queue of visits cannot be opened.",
                code="queue.file",
                file=str(path),
                expected="a file that can be written",
            ) from error
        return cls(connection, server_jwk, most_visits=most_visits, most_bytes=most_bytes)

    def head(self) -> Head | None:
        """Where the chain stands, or None when nothing was ever recorded here."""
        with self._using() as connection:
            row = connection.execute("SELECT counter, link FROM head").fetchone()
        return None if row is None else Head(counter=row[0], link=bytes(row[1]))

    def put(self, visit_id: str, content: bytes, *, head: Head | None = None) -> None:
        """Seal and keep a visit and move the chain's head, both or neither, durably.

        Unavailable ``queue.full`` when the queue holds as much as it may, ``queue.disk`` when the
        disk does not take it, ``queue.repeated`` for an id that waits already.
        """
        if len(content) > MAX_CONTENT:
            raise Unavailable("The visit is too large to be kept.", code="queue.size")
        sealed = encrypt_jwe(content, self._server_jwk, typ=VISIT_TYP)
        with self._using() as connection, _transaction(connection):
            count, size = connection.execute(
                "SELECT count(*), coalesce(sum(length(sealed)), 0) FROM visits"
            ).fetchone()
            if count >= self._most_visits or size + len(sealed) > self._most_bytes:
                raise Unavailable("The queue of visits is full.", code="queue.full")
            connection.execute("INSERT INTO visits (id, sealed) VALUES (?, ?)", (visit_id, sealed))
            if head is not None:
                _move(connection, head)

    def first(self) -> SealedVisit | None:
        """The oldest visit that is not delivered yet."""
        with self._using() as connection:
            row = connection.execute(
                "SELECT id, sealed FROM visits WHERE refused = 0 ORDER BY place LIMIT 1"
            ).fetchone()
        return None if row is None else SealedVisit(id=row[0], sealed=row[1])

    def delivered(self, visit_id: str) -> None:
        """Let go of a visit that the server has; nothing happens when it is gone already."""
        with self._using() as connection, _transaction(connection):
            connection.execute("DELETE FROM visits WHERE id = ?", (visit_id,))

    def set_aside(self, visit_id: str, code: str) -> None:
        """Keep a visit that the server refuses, and why, without offering it; others go on."""
        with self._using() as connection, _transaction(connection):
            connection.execute(
                "UPDATE visits SET refused = 1, code = ? WHERE id = ?", (code, visit_id)
            )

    def aside(self) -> tuple[Refused, ...]:
        """The visits that the server refused, oldest first; they are kept."""
        with self._using() as connection:
            rows = connection.execute(
                "SELECT id, code FROM visits WHERE refused = 1 ORDER BY place"
            ).fetchall()
        return tuple(Refused(id=row[0], code=row[1]) for row in rows)

    def offer_again(self, visit_id: str) -> bool:
        """Offer a visit that was set aside once more, in its old place; False if there is none."""
        with self._using() as connection, _transaction(connection):
            done = connection.execute(
                "UPDATE visits SET refused = 0, code = '' WHERE id = ? AND refused = 1",
                (visit_id,),
            )
        return done.rowcount == 1

    def seal_to(self, server_jwk: Mapping[str, JSON]) -> None:
        """Seal to another key of the server from now on."""
        with self._lock:
            self._server_jwk = server_jwk

    def adopt(self, head: Head) -> bool:
        """Take the server's word for the head, if this queue is empty and behind it."""
        with self._using() as connection, _transaction(connection):
            (count,) = connection.execute(
                "SELECT count(*) FROM visits WHERE refused = 0"
            ).fetchone()
            row = connection.execute("SELECT counter FROM head").fetchone()
            behind = row is None or row[0] < head.counter
            if count or not behind:
                return False
            _move(connection, head)
            return True

    def __len__(self) -> int:
        """How many visits wait."""
        with self._using() as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM visits WHERE refused = 0"
            ).fetchone()
        return int(count)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.IntegrityError:
                raise Unavailable("This visit waits already.", code="queue.repeated") from None
            except sqlite3.Error:
                raise Unavailable("The disk does not take the visit.", code="queue.disk") from None


def _add_code(connection: sqlite3.Connection) -> None:
    """A queue of before has no place for the code of a refusal."""
    columns = {row[1] for row in connection.execute("PRAGMA table_info(visits)")}
    if "code" not in columns:
        connection.execute("ALTER TABLE visits ADD COLUMN code TEXT NOT NULL DEFAULT ''")


def _move(connection: sqlite3.Connection, head: Head) -> None:
    connection.execute(
        "INSERT INTO head (one, counter, link) VALUES (1, ?, ?) "
        "ON CONFLICT (one) DO UPDATE SET counter = excluded.counter, link = excluded.link",
        (head.counter, head.link),
    )


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
