"""PostgreSQL by libpq's own calls: prepared once per connection, binary answers, few round trips.

For the statements that every login runs: a psycopg cursor costs three times as much, and sends
each statement of a transaction on its own. Values are what :mod:`eid.store.prepared` allows: text,
whole numbers, bytes, None.
"""

from __future__ import annotations

import hashlib
import select
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, cast

from psycopg import Connection, errors
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect

Value = str | int | bytes | None
Decoder = Callable[[bytes], Value]
_Given = tuple[str, list[bytes], list[int]]  # a statement, its values, which of them are bytes
_GOOD: Final = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})
_BINARY: Final = 1
# So few answers fit the server's buffer: it never waits for us to read while we still send.
_MOST_WAITING: Final = 32
_RESTED_S: Final = 1


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


_BY_TYPE: Mapping[int, Decoder] = MappingProxyType(
    {
        17: bytes,  # bytea
        20: _number,  # int8
        21: _number,
        23: _number,
        25: bytes.decode,  # text
        1043: bytes.decode,  # varchar
    }
)


def dialect() -> Dialect:
    """PostgreSQL's words with numbered parameters, as libpq wants them."""
    return PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


class _Known:
    """A statement that a connection has prepared; its answers always have the same columns."""

    __slots__ = ("columns", "name")

    def __init__(self, statement: str) -> None:
        # By content: where a pooler mixes sessions up, a name never runs another statement.
        self.name = b"eid_" + hashlib.sha256(statement.encode()).hexdigest()[:32].encode()
        self.columns: list[tuple[int, Decoder]] | None = None

    def rows(self, answer: PGresult) -> list[Sequence[Value]]:
        """The rows of an answer."""
        if answer.status != ExecStatus.TUPLES_OK:
            return []
        columns = self.columns
        if columns is None:
            types = map(answer.ftype, range(answer.nfields))
            columns = self.columns = list(enumerate(_BY_TYPE[oid] for oid in types))
        value = answer.get_value
        return [
            [_read(value(row, at), decoder) for at, decoder in columns]
            for row in range(answer.ntuples)
        ]


class LibpqCursor:
    """What is used of a DB-API cursor, on a connection that commits by words only.

    In a transaction statements wait here until the answer to the last of them is read, or until
    ``COMMIT``, and then go together, in one round trip (libpq's pipeline mode). The first error of
    those that waited is raised there, and after an error nothing is run but ``ROLLBACK``. Raises
    psycopg's errors.
    """

    __slots__ = (
        "_connection",
        "_failed",
        "_known",
        "_open",
        "_rows",
        "_server",
        "_touched",
        "_used_at",
        "_waiting",
    )

    def __init__(self, connection: Connection[object]) -> None:
        self._connection = connection
        self._server = connection.pgconn
        self._known: dict[str, _Known] = {}
        self._waiting: list[_Given] = []
        self._rows: Iterator[Sequence[Value]] = iter(())
        self._touched: int | None = None
        self._open = self._failed = False
        self._used_at = time.monotonic()

    @property
    def rowcount(self) -> int:
        """How many rows the last statement touched."""
        self._settle()
        return -1 if self._touched is None else self._touched

    def execute(self, statement: str, parameters: object = (), /) -> LibpqCursor:
        """Run a statement; in a transaction when its answer is read, or with ``COMMIT``."""
        if statement == "ROLLBACK":
            self._roll_back()
            return self
        if self._failed:
            raise errors.InFailedSqlTransaction("a statement before this one failed")
        given = _given(statement, parameters)
        if statement == "BEGIN":
            self._server.enter_pipeline_mode()
            self._open = True
        if not self._open:
            self._run(given)
            return self
        self._waiting.append(given)
        if statement == "COMMIT":
            self._settle()
            self._end()
        elif len(self._waiting) >= _MOST_WAITING or (statement == "BEGIN" and self._may_be_gone()):
            self._settle()
        return self

    def executemany(self, statement: str, parameters: Sequence[object], /) -> None:
        """Run it for each set of values."""
        for values in parameters:
            self.execute(statement, values)

    def fetchone(self) -> Sequence[Value] | None:
        """The next row."""
        self._settle()
        return next(self._rows, None)

    def fetchall(self) -> Iterable[Sequence[Value]]:
        """All rows that are left."""
        self._settle()
        return list(self._rows)

    def close(self) -> None:
        """Nothing is held open between statements."""

    def _may_be_gone(self) -> bool:
        """Whether ``BEGIN`` goes alone, because the connection may have ended while it was idle.

        A server that ends it says so; a line that was cut says nothing.
        """
        rested = time.monotonic() - self._used_at > _RESTED_S
        return rested or _ready(self._server.socket, wait=False)

    def _roll_back(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._failed = False
        if not waiting or waiting[0][0] != "BEGIN":  # else the server knows of no transaction
            self._waiting.append(_given("ROLLBACK", ()))
            self._settle()
        self._end()

    def _end(self) -> None:
        self._server.exit_pipeline_mode()
        self._open = False

    def _run(self, given: _Given) -> None:
        """Run one statement outside a transaction."""
        statement, values, formats = given
        known = self._known.get(statement)
        if known is None:
            known = _Known(statement)
            _good(self._server.prepare(known.name, statement.encode()))
            self._known[statement] = known
        self._take(known, self._server.exec_prepared(known.name, values, formats, _BINARY))

    def _settle(self) -> None:
        """Send what waits and take all answers; nothing where nothing waits."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        self._failed, self._rows, self._touched = True, iter(()), None
        try:
            new = self._send(waiting)
            answers = self._receive(waiting, new)
        except BaseException:
            self._connection.close()  # an answer may still be on its way, or none will come
            raise
        for answer in answers:
            _good(answer)
        statement, last = waiting[-1][0], answers[-1]
        if statement == "COMMIT" and last.command_status != b"COMMIT":
            raise errors.InFailedSqlTransaction("rolled back instead")
        self._failed = False
        self._take(self._known[statement], last)

    def _take(self, known: _Known, answer: PGresult) -> None:
        self._rows = iter(known.rows(_good(answer)))
        self._touched = answer.command_tuples
        self._used_at = time.monotonic()

    def _send(self, waiting: Sequence[_Given]) -> dict[str, _Known]:
        """Send statements, each prepared when it is met first; those that were not known."""
        server, new = self._server, dict[str, _Known]()
        for statement, values, formats in waiting:
            known = self._known.get(statement) or new.get(statement)
            if known is None:
                known = new[statement] = _Known(statement)
                server.send_prepare(known.name, statement.encode())
            server.send_query_prepared(known.name, values, formats, _BINARY)
        server.pipeline_sync()
        while server.flush():
            self._wait(sending=True)
        return new

    def _receive(self, waiting: Sequence[_Given], new: dict[str, _Known]) -> list[PGresult]:
        """All answers in their order.

        The server skips what follows an error, preparing too: only what it has prepared is known.
        """
        answers = []
        for statement, _values, _formats in waiting:
            known = new.pop(statement, None)
            if known is not None:
                answers.append(self._answer())
                if answers[-1].status in _GOOD:
                    self._known[statement] = known
            answers.append(self._answer())
        synced = self._next()
        if synced is None or synced.status != ExecStatus.PIPELINE_SYNC:
            raise errors.OperationalError("the connection was lost")
        return answers

    def _answer(self) -> PGresult:
        """The answer to one statement, which ends in None."""
        answer = self._next()
        if answer is None or self._server.get_result() is not None:
            raise errors.OperationalError("the connection was lost")
        return answer

    def _next(self) -> PGresult | None:
        while self._server.is_busy():
            self._wait()
        return self._server.get_result()

    def _wait(self, *, sending: bool = False) -> None:
        """Until there is more to do; in ``get_result`` every other thread would wait as well."""
        _ready(self._server.socket, sending=sending)
        self._server.consume_input()


def _ready(socket: int, *, wait: bool = True, sending: bool = False) -> bool:
    """Whether something has arrived, the end too, or can be sent; it waits until it has."""
    until = None if wait else 0
    if not hasattr(select, "poll"):  # Windows; elsewhere select knows no more than 1024 files
        asked = [socket]
        return any(select.select(asked, asked if sending else (), asked, until))
    waiting = select.poll()
    waiting.register(socket, select.POLLIN | (select.POLLOUT if sending else 0))
    return bool(waiting.poll(until))


def _good(answer: PGresult) -> PGresult:
    if answer.status not in _GOOD:
        raise errors.error_from_result(answer)
    return answer


def _given(statement: str, parameters: object) -> _Given:
    if not isinstance(parameters, (list, tuple)):
        raise TypeError("parameters are numbered")
    values = cast("list[bytes]", [_wire(value) for value in parameters])  # None is NULL
    return statement, values, [_BINARY if isinstance(value, bytes) else 0 for value in parameters]


def _wire(value: object) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        if "\0" in value:  # libpq would end the text there, and so find another row
            raise errors.DataError("a text holds no NUL")
        return value.encode()
    if isinstance(value, int):
        return b"%d" % value
    raise TypeError("a value is text, a whole number, bytes or None")


def _read(data: bytes | None, decoder: Decoder) -> Value:
    return None if data is None else decoder(data)
