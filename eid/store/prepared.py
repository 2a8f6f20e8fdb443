"""Hot statements: written as SQLAlchemy values, compiled once, run on the driver's own cursor.

Running a built statement costs SQLAlchemy ten times what it costs the driver; on the paths that
every login takes this is most of the time (house §6). Values must be what the driver takes as it
is: text, whole numbers, bytes, None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from sqlalchemy import Connection, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.expression import Executable

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert

Values = Mapping[str, object]


class Cursor(Protocol):
    """What is used of a DB-API cursor."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement touched."""

    def execute(self, statement: str, parameters: object = ..., /) -> object:
        """Run a statement."""

    def executemany(self, statement: str, parameters: Sequence[object]) -> object:
        """Run it for each set of values."""

    def close(self) -> None:
        """End it."""

    def fetchone(self) -> Sequence[object] | None:
        """The next row."""

    def fetchall(self) -> Iterable[Sequence[object]]:
        """All rows that are left."""


class Work:
    """A driver's cursor within a transaction or for one look, and the dialect it speaks."""

    __slots__ = ("cursor", "dialect")

    def __init__(self, cursor: Cursor, dialect: Dialect) -> None:
        self.cursor = cursor
        self.dialect = dialect


Place: TypeAlias = "Connection | Work"
"""Where a prepared statement runs: in SQLAlchemy's transaction, or in one of the driver's own."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement's text, and its literal values by name, in order where the driver counts."""

    text: str
    literals: Mapping[str, object]
    order: tuple[str, ...] | None

    def given(self, values: Values) -> object:
        """The parameters as the driver takes them."""
        literals = self.literals
        if self.order is None:
            return {**literals, **values}
        if not literals:
            return list(map(values.get, self.order))
        return [values[name] if name in values else literals.get(name) for name in self.order]


class Prepared:
    """One statement for every database that it is run on. Rows come as plain sequences."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def run(self, place: Place, values: Values) -> Cursor:
        """Run within the place's transaction; the driver's own errors pass.

        The cursor is read before the place's next statement.
        """
        cursor = _cursor(place)
        compiled = self._for(place.dialect)
        cursor.execute(compiled.text, compiled.given(values))
        return cursor

    def run_many(self, place: Place, rows: Sequence[Values]) -> None:
        """Run for each of the rows."""
        cursor = _cursor(place)
        compiled = self._for(place.dialect)
        given = [compiled.given(row) for row in rows]
        if len(given) == 1:
            cursor.execute(compiled.text, given[0])
        else:
            cursor.executemany(compiled.text, given)

    def _for(self, dialect: Dialect) -> _Compiled:
        known = self._compiled.get(dialect.paramstyle)
        if known is None:
            made = self._statement.compile(dialect=dialect)  # type: ignore[attr-defined]
            order = tuple(made.positiontup) if made.positiontup else None
            literals = dict(made.params)
            if order is not None:  # a driver that counts takes None for what is not given
                literals = {name: value for name, value in literals.items() if value is not None}
            known = _Compiled(str(made), literals, order)
            self._compiled[dialect.paramstyle] = known
        return known


class PreparedInsert:
    """An insert with a conflict clause, which each database has words of its own for.

    Built when it is first run: loading the words of a database that is not used takes long.
    """

    def __init__(self, table: Table, build: Callable[[Insert], Executable]) -> None:
        self._table = table
        self._build = build
        self._prepared: dict[str, Prepared] = {}

    def run(self, place: Place, values: Values) -> Cursor:
        """As :meth:`Prepared.run`."""
        name = place.dialect.name
        known = self._prepared.get(name)
        if known is None:
            known = self._prepared[name] = Prepared(self._build(_insert(name, self._table)))
        return known.run(place, values)


def _insert(name: str, table: Table) -> Insert:
    words = import_module(f"sqlalchemy.dialects.{name}")
    return cast("Insert", words.insert(table))


def _cursor(place: Place) -> Cursor:
    if isinstance(place, Work):
        return place.cursor
    return cast("Cursor", place.connection.cursor())
