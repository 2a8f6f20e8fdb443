"""PostgreSQL by libpq's own calls: prepared once per connection, binary answers, no layers between.

For the statements that every login runs; a psycopg cursor costs three times as much. Values are
what :mod:`eid.store.prepared` allows: text, whole numbers, bytes, None.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, cast

from psycopg import Connection, errors
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect

Value = str | int | bytes | None
Decoder = Callable[[bytes], Value]
_GOOD: Final = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})
_BINARY: Final = 1


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


class LibpqCursor:
    """What is used of a DB-API cursor, on a connection that commits by words only.

    Raises psycopg's errors.
    """

    __slots__ = ("_at", "_connection", "_names", "_rows", "rowcount")

    def __init__(self, connection: Connection[object]) -> None:
        self._connection = connection
        self._names: dict[str, bytes] = {}
        self._rows: Sequence[Sequence[Value]] = ()
        self._at = 0
        self.rowcount = -1

    def execute(self, statement: str, parameters: object = (), /) -> LibpqCursor:
        """Run a statement; without parameters as a plain word (``BEGIN``, ``COMMIT``)."""
        values = _sequence(parameters)
        server = self._connection.pgconn
        if values:
            name = self._names.get(statement) or self._prepare(statement)
            formats = [_BINARY if isinstance(value, bytes) else 0 for value in values]
            given = cast("list[bytes]", [_wire(value) for value in values])  # None is NULL
            result = server.exec_prepared(name, given, formats, _BINARY)
        else:
            result = server.exec_(statement.encode())
            if statement == "COMMIT" and result.command_status != b"COMMIT":
                raise errors.InFailedSqlTransaction("rolled back instead")
        self._take(result)
        return self

    def executemany(self, statement: str, parameters: Sequence[object], /) -> None:
        """Run it for each set of values."""
        for values in parameters:
            self.execute(statement, values)

    def fetchone(self) -> Sequence[Value] | None:
        """The next row."""
        if self._at >= len(self._rows):
            return None
        self._at += 1
        return self._rows[self._at - 1]

    def fetchall(self) -> Iterable[Sequence[Value]]:
        """All rows that are left."""
        left, self._at = self._rows[self._at :], len(self._rows)
        return left

    def close(self) -> None:
        """Nothing is held open between statements."""

    def _prepare(self, statement: str) -> bytes:
        # By content: where a pooler mixes sessions up, a name never runs another statement.
        name = b"eid_" + hashlib.sha256(statement.encode()).hexdigest()[:32].encode()
        self._take(self._connection.pgconn.prepare(name, statement.encode()))
        self._names[statement] = name
        return name

    def _take(self, result: PGresult) -> None:
        if result.status not in _GOOD:
            raise errors.error_from_result(result)
        width = range(result.nfields)
        decoders = [_BY_TYPE[result.ftype(column)] for column in width]
        self._rows = [
            [_read(result.get_value(row, column), decoders[column]) for column in width]
            for row in range(result.ntuples)
        ]
        self._at = 0
        told = result.command_tuples
        self.rowcount = -1 if told is None else told


def _sequence(parameters: object) -> Sequence[object]:
    if not isinstance(parameters, (list, tuple)):
        raise TypeError("parameters are numbered")
    return parameters


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
