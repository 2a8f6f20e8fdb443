"""The driver's own connections, for the few statements that every login runs.

A pool that does nothing but hand out and take back: SQLAlchemy's costs more than the statements
(house §6). A connection that broke is never given out again, and a read or the begin of a
transaction that meets one that died while it was idle is tried once more.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, Protocol, cast

from sqlalchemy import Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from eid.errors import Unavailable
from eid.store.prepared import Cursor, Prepared, Values, Work

MAX_LINES: Final = 20
WAIT_S: Final = 4
_TURN_S: Final = 0.005


class Duplicate(Exception):
    """A key that was there already, said without its value."""


class _Driver(Protocol):
    """What is used of a driver's connection; ``closed`` is PostgreSQL's only."""

    closed: bool

    def cursor(self) -> Cursor:
        """A cursor."""

    def close(self) -> None:
        """End it."""


class _Line:
    """One connection and its one cursor; ``fresh`` until it was given back once."""

    __slots__ = ("connection", "fresh", "work")

    def __init__(self, connection: _Driver, work: Work) -> None:
        self.connection = connection
        self.work = work
        self.fresh = True


class Direct:
    """Connections of one process to one database. Raises Unavailable, without a cause.

    ``engine`` gives the process's own engine: after a fork another one than before.
    """

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine
        self._dialect = engine().dialect
        self._postgresql = self._dialect.name == "postgresql"
        self._words: Dialect | None = None
        self._begin = "BEGIN" if self._postgresql else "BEGIN IMMEDIATE"
        driver = self._dialect.loaded_dbapi
        self._faults = cast("type[Exception]", driver.Error)
        self._broken_rules = cast("type[Exception]", driver.IntegrityError)
        self._idle: list[_Line] = []
        self._open = 0
        self._opening = threading.Lock()
        self._process = os.getpid()
        self._inherited: list[list[_Line]] = []

    @contextmanager
    def transaction(self) -> Iterator[Work]:
        """One write transaction: commits at the end, rolls back on any error.

        A broken constraint passes as IntegrityError, for the caller to name.
        """
        line = self._begun()
        try:
            yield line.work
            line.work.cursor.execute("COMMIT")
        except self._broken_rules:
            self._undo(line)
            raise IntegrityError(None, None, Duplicate()) from None
        except self._faults:
            self._drop(line)
            raise _unavailable() from None
        except BaseException:
            self._undo(line)
            raise
        self._give_back(line)

    def rows(self, statement: Prepared, values: Values) -> Sequence[Sequence[object]]:
        """All rows of one statement that only reads."""
        for last in (False, True):
            line = self._take()
            try:
                cursor = statement.run(line.work, values)
                found = cast("Sequence[Sequence[object]]", cursor.fetchall())
            except self._faults:
                died = self._died_idle(line)
                self._drop(line)
                if last or not died:
                    raise _unavailable() from None
                continue
            except BaseException:
                self._drop(line)
                raise
            self._give_back(line)
            return found
        raise _unavailable()

    def close(self) -> None:
        """Close every idle connection."""
        idle = self._lines()
        while idle:
            self._drop(idle.pop())

    def _begun(self) -> _Line:
        for last in (False, True):
            line = self._take()
            try:
                line.work.cursor.execute(self._begin)
            except self._faults:
                died = self._died_idle(line)
                self._drop(line)
                if last or not died:
                    raise _unavailable() from None
                continue
            except BaseException:
                self._drop(line)
                raise
            return line
        raise _unavailable()

    def _take(self) -> _Line:
        """The connection that was idle for the shortest time, or a new one, or one to wait for."""
        idle, until = self._lines(), None
        while True:
            try:
                return idle.pop()
            except IndexError:
                if self._may_open():
                    break
            until = until or time.monotonic() + WAIT_S
            if time.monotonic() > until:
                raise _unavailable()
            time.sleep(_TURN_S)
        try:
            return self._new()
        except BaseException:
            self._closed()
            raise

    def _may_open(self) -> bool:
        with self._opening:
            free = self._open < MAX_LINES
            self._open += free
        return free

    def _closed(self) -> None:
        with self._opening:
            self._open -= 1

    def _new(self) -> _Line:
        try:
            pooled = self._engine().raw_connection()
            connection = pooled.driver_connection
            pooled.detach()
        except (SQLAlchemyError, self._faults):
            raise _unavailable() from None
        driver = cast("_Driver", connection)
        if not self._postgresql:
            return _Line(driver, Work(driver.cursor(), self._dialect))
        from eid.store import libpq  # noqa: PLC0415 - loaded where there is PostgreSQL

        connection.autocommit = True  # type: ignore[union-attr]
        words = self._words = self._words or libpq.dialect()
        return _Line(driver, Work(libpq.LibpqCursor(connection), words))  # type: ignore[arg-type]

    def _give_back(self, line: _Line) -> None:
        line.fresh = False
        self._idle.append(line)  # of the process that took it

    def _undo(self, line: _Line) -> None:
        try:
            line.work.cursor.execute("ROLLBACK")
        except self._faults:
            self._drop(line)
        else:
            self._give_back(line)

    def _drop(self, line: _Line) -> None:
        self._end(line)
        self._closed()

    def _end(self, line: _Line) -> None:
        """Close; the cursor first, because SQLite keeps a connection open for its statements."""
        with suppress(self._faults):
            line.work.cursor.close()
        with suppress(self._faults):
            line.connection.close()

    def _died_idle(self, line: _Line) -> bool:
        """Whether the server ended a connection that waited; the others of its time go too."""
        died = self._postgresql and not line.fresh and line.connection.closed
        if died:
            self.close()
        return bool(died)

    def _lines(self) -> list[_Line]:
        """The idle connections; a forked child begins anew and leaves its parent's untouched."""
        if self._process != os.getpid():
            self._inherited.append(self._idle)
            self._idle, self._open = [], 0
            self._opening = threading.Lock()
            self._process = os.getpid()
        return self._idle


def _unavailable() -> Unavailable:
    return Unavailable("The database does not answer now.", code="database")
