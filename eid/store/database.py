"""One engine for SQLite and PostgreSQL: short transactions, bounded waits, typed failures.

SQLite runs with WAL, ``synchronous=FULL`` and a busy timeout, and every write begins with
``BEGIN IMMEDIATE``. The value may be shared by threads and survives a fork (rows F-002, F-008,
O-066, O-074).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, Pool

from eid.errors import SettingsError, Unavailable
from eid.store import versions
from eid.store.direct import WAIT_S, Direct, Duplicate
from eid.store.prepared import Prepared, Values, Work

CACHE_KIB = 512  # of each SQLite connection; what another one writes empties it anyway (WAL)
MIGRATION_LOCK = 0x65_69_64
_MODE = "eid_mode"
_KEEPALIVE = {
    "tcp_user_timeout": WAIT_S * 1000,  # a cut line is noticed within seconds
    "keepalives_idle": 10,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}


@dataclass(frozen=True, slots=True)
class _Modes:
    """One engine in three moods, sharing its pool."""

    base: Engine
    write: Engine
    read: Engine
    snapshot: Engine

    @classmethod
    def of(cls, engine: Engine) -> _Modes:
        write, read, snapshot = (
            engine.execution_options(**{_MODE: mode}) for mode in ("write", "read", "snapshot")
        )
        if engine.dialect.name == "postgresql":
            read = read.execution_options(isolation_level="AUTOCOMMIT")
            snapshot = snapshot.execution_options(isolation_level="REPEATABLE READ")
        return cls(engine, write, read, snapshot)


class Database:
    """Connections to one database. Raises Unavailable, which holds no data, when it fails."""

    def __init__(self, engine: Engine) -> None:
        self._modes = _Modes.of(engine)
        self._process = os.getpid()
        self._inherited: list[Pool] = []
        self._direct = Direct(lambda: self._engines().base)

    @classmethod
    def open(cls, url: str, *, insecure_fast_commit: bool = False) -> Database:
        """A database by SQLAlchemy URL, SQLite file or PostgreSQL; SettingsError otherwise.

        ``insecure_fast_commit`` gives up durability on SQLite (tests, demonstrations).
        Nothing is created but an empty SQLite file, with mode 0600.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise _bad_url("a database URL") from error
        if parsed.get_backend_name() == "sqlite":
            return cls(_sqlite(parsed, fast=insecure_fast_commit))
        if parsed.get_backend_name() == "postgresql":
            return cls(_postgresql(parsed))
        raise _bad_url("sqlite:///FILE or postgresql://…")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One write transaction: commits at the end, rolls back on any error.

        A broken constraint passes as IntegrityError, for the caller to name.
        """
        engine = self._engines().write
        with _mapped(engine), engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for single statements, each on its own."""
        with _mapped(), self._engines().read.connect() as connection:
            yield connection

    def transaction(self) -> AbstractContextManager[Work]:
        """One write transaction for prepared statements, on the driver's own connection."""
        return self._direct.transaction()

    def rows(self, statement: Prepared, values: Values) -> Sequence[Sequence[object]]:
        """All rows of one prepared statement that only reads."""
        return self._direct.rows(statement, values)

    def row(self, statement: Prepared, values: Values) -> Sequence[object] | None:
        """The first of them."""
        found = self._direct.rows(statement, values)
        return found[0] if found else None

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection whose statements all see one state of the database."""
        with _mapped(), self._engines().snapshot.connect() as connection:
            yield connection

    def migrate(self) -> None:
        """Bring the schema to this version, in one transaction; safe to run twice, or at once."""
        with self.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK}
                )
            versions.upgrade(connection)

    def check(self) -> None:
        """SettingsError unless the schema is this version's and SQLite is durable (F-002, F-004)."""
        with self.read() as connection:
            if versions.current(connection) != versions.REVISIONS[-1]:
                raise SettingsError(
                    "The database's schema is older than this version.",
                    code="database.schema",
                    key="database",
                    expected="eid db upgrade",
                )
            if connection.dialect.name == "sqlite":
                mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
                level = connection.exec_driver_sql("PRAGMA synchronous").scalar()
                if mode != "wal" or level != 2:
                    raise SettingsError(
                        "The database may lose what it has confirmed.",
                        code="database.durability",
                        key="database",
                        expected="journal_mode=WAL and synchronous=FULL",
                    )

    def is_empty(self) -> bool:
        """Whether the database holds no table at all."""
        with self.read() as connection:
            return not inspect(connection).get_table_names()

    def forget_deleted(self) -> None:
        """Clear what deleted rows left behind: SQLite's log, PostgreSQL's dead rows of keys."""
        with self.read() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
            else:
                connection.exec_driver_sql(
                    "VACUUM person_keys, accounts, openings, factors, notices"
                )

    def close(self) -> None:
        """Close every idle connection."""
        self._direct.close()
        self._engines().base.dispose()

    def _engines(self) -> _Modes:
        """The engine; in a forked child with a new pool, leaving the parent's untouched."""
        if self._process != os.getpid():
            self._inherited.append(self._modes.base.pool)
            self._modes.base.dispose(close=False)
            self._modes = _Modes.of(self._modes.base)
            self._process = os.getpid()
        return self._modes


def _sqlite(url: URL, *, fast: bool) -> Engine:
    if not url.database or url.database == ":memory:" or url.query:
        raise _bad_url("sqlite:///FILE")
    try:
        path = Path(url.database)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise _bad_url("a file that can be written") from error
    engine = create_engine(
        url, hide_parameters=True, pool_timeout=WAIT_S, connect_args={"timeout": WAIT_S}
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={'OFF' if fast else 'FULL'}",
            "foreign_keys=ON",
            "secure_delete=ON",
            "trusted_schema=OFF",
            f"cache_size=-{CACHE_KIB}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get(_MODE)
        if mode != "read":
            connection.exec_driver_sql("BEGIN IMMEDIATE" if mode == "write" else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    milliseconds = WAIT_S * 1000
    timeouts = f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}"
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_timeout=WAIT_S,
        pool_pre_ping=True,
        connect_args={"connect_timeout": WAIT_S, "options": timeouts, **_KEEPALIVE},
    )


@contextmanager
def _mapped(engine: Engine | None = None) -> Iterator[None]:
    """Without their causes: a driver's message may quote the values of a row."""
    try:
        yield
    except IntegrityError:
        raise
    except SQLAlchemyError:
        raise Unavailable("The database does not answer now.", code="database") from None
    except Exception as error:
        driver = None if engine is None else engine.dialect.loaded_dbapi
        if driver is not None and isinstance(error, driver.IntegrityError):
            raise IntegrityError(None, None, Duplicate()) from None
        if driver is None or not isinstance(error, driver.Error):
            raise
        raise Unavailable("The database does not answer now.", code="database") from None


def _bad_url(expected: str) -> SettingsError:
    return SettingsError(
        "The database cannot be opened.", code="database.url", key="database", expected=expected
    )
