"""Backups in two files: the data, and the keys of the people (contracts §8).

The data file holds everything but ``person_keys`` and ``identifiers``: what is personal in it is
sealed under those keys, and no number leads to anybody. Keep data files where you like, and the
one key file where a person can be taken out of it: every data file is blind for that person then.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import insert, make_url, select, text

from eid.errors import SettingsError, Unavailable
from eid.store.database import Database
from eid.store.schema import identifiers, person_keys

_SQLITE = b"SQLite format 3\x00"
_POSTGRESQL = b"PGDMP"
TIMEOUT_S = 3600


def backup(url: str, target: Path, keys: Path) -> None:
    """Write the data to ``target`` and the people's keys to ``keys``; each is whole or absent.

    A database in use is copied as of one moment. Files that exist are replaced. Raises
    Unavailable when the database does not answer, OSError when a file cannot be written.
    """
    database = Database.open(url)
    try:
        database.check()
        with _replacing(target) as draft:
            if make_url(url).get_backend_name() == "sqlite":
                _copy_sqlite(database, draft)
            else:
                _run("pg_dump", url, f"--file={draft}", "--format=custom", *_WITHOUT_KEYS)
        with _replacing(keys) as draft:
            _write_keys(database, draft)
    finally:
        database.close()


def restore(url: str, source: Path, keys: Path) -> None:
    """Fill an empty database from a backup and a key file, and check it.

    SettingsError ``database.not_empty`` when the database has tables, ``database.backup`` when
    the file is no backup of this kind. People whose key the key file lacks stay erased.
    """
    with source.open("rb") as file:
        head = file.read(len(_SQLITE))
    sqlite = make_url(url).get_backend_name() == "sqlite"
    if not head.startswith(_SQLITE if sqlite else _POSTGRESQL):
        raise _refused("database.backup", "The file is no backup of this kind of database.")
    database = Database.open(url)
    try:
        if not database.is_empty():
            raise _refused("database.not_empty", "The database holds tables already.")
        if sqlite:
            _fill_sqlite(database, source)
        else:
            _run("pg_restore", url, "--single-transaction", "--no-owner", str(source))
        _read_keys(database, keys)
        database.check()
    finally:
        database.close()


def erase_from_keys(keys: Path, account_id: str) -> bool:
    """Take one person out of a key file; whether he was in it.

    SettingsError ``database.backup`` for a file that is none: nobody was taken out of it then.
    """
    if not keys.is_file():
        raise _refused("database.backup", "There is no such key file.")
    try:
        with closing(sqlite3.connect(keys, isolation_level=None)) as file:
            file.execute("PRAGMA secure_delete=ON")
            file.execute("BEGIN IMMEDIATE")
            gone = file.execute("DELETE FROM person_keys WHERE account = ?", (account_id,))
            file.execute("DELETE FROM identifiers WHERE account = ?", (account_id,))
            file.execute("COMMIT")
            file.execute("VACUUM")
    except sqlite3.DatabaseError as error:
        raise _refused("database.backup", "The key file is damaged or none.") from error
    return gone.rowcount > 0


def _copy_sqlite(database: Database, draft: Path) -> None:
    with database.read() as connection, closing(sqlite3.connect(draft)) as copy:
        source = connection.connection.driver_connection
        if not isinstance(source, sqlite3.Connection):
            raise TypeError("an SQLite database has an SQLite connection")
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        copy.execute("PRAGMA secure_delete=ON")
        copy.execute("DELETE FROM person_keys")
        copy.execute("DELETE FROM identifiers")
        copy.commit()
        copy.execute("VACUUM")


def _fill_sqlite(database: Database, source: Path) -> None:
    with database.read() as connection, closing(sqlite3.connect(source)) as kept:
        target = connection.connection.driver_connection
        if not isinstance(target, sqlite3.Connection):
            raise TypeError("an SQLite database has an SQLite connection")
        try:
            kept.backup(target)
            whole = target.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            target.execute("PRAGMA journal_mode=WAL")
        except sqlite3.DatabaseError as error:
            raise _refused("database.backup", "The backup is damaged.") from error
        if not whole:
            raise _refused("database.backup", "The backup is damaged.")


def _write_keys(database: Database, draft: Path) -> None:
    with database.snapshot() as connection, closing(sqlite3.connect(draft)) as file:
        file.executescript(_KEY_FILE)
        keys = connection.execute(select(person_keys.c.account, person_keys.c.sealed))
        file.executemany("INSERT INTO person_keys VALUES (?, ?)", map(tuple, keys))
        numbers = connection.execute(select(*(identifiers.c[name] for name in _NUMBER)))
        file.executemany("INSERT INTO identifiers VALUES (?, ?, ?, ?)", map(tuple, numbers))
        file.commit()


def _read_keys(database: Database, keys: Path) -> None:
    """Only of people whose account the data hold and whose key the key file has."""
    try:
        with closing(sqlite3.connect(f"file:{keys}?mode=ro", uri=True)) as file:
            sealed = dict(file.execute("SELECT account, sealed FROM person_keys").fetchall())
            query = "SELECT number_hash, account, since, until FROM identifiers"
            numbers = [dict(zip(_NUMBER, row, strict=True)) for row in file.execute(query)]
    except sqlite3.DatabaseError as error:
        raise _refused("database.backup", "The key file is damaged or none.") from error
    with database.write() as connection:
        known = sealed.keys() & set(connection.execute(text("SELECT id FROM accounts")).scalars())
        if known:
            rows = [{"account": who, "sealed": sealed[who]} for who in sorted(known)]
            connection.execute(insert(person_keys), rows)
        held = [row for row in numbers if row["account"] in known]
        if held:
            connection.execute(insert(identifiers), held)


_NUMBER = ("number_hash", "account", "since", "until")
_KEY_FILE = """
CREATE TABLE person_keys (account TEXT PRIMARY KEY, sealed BLOB NOT NULL);
CREATE TABLE identifiers (
  number_hash BLOB NOT NULL, account TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER
);
"""
_WITHOUT_KEYS = ("--exclude-table-data=person_keys", "--exclude-table-data=identifiers")


def _run(program: str, url: str, *arguments: str) -> None:
    """Run PostgreSQL's own tool; the password goes by the environment, never as an argument."""
    parsed = make_url(url)
    environment = dict(os.environ)
    if parsed.password is not None:
        environment["PGPASSWORD"] = str(parsed.password)
    plain = parsed.set(drivername="postgresql", password=None)
    name = plain.render_as_string(hide_password=False)
    try:
        done = subprocess.run(  # noqa: S603 - fixed programs, no shell
            [program, f"--dbname={name}", *arguments],
            env=environment,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise Unavailable(
            f"The program {program} is not installed.", code="database.tool"
        ) from error
    if done.returncode:
        raise Unavailable(f"The program {program} failed.", code="database.tool")


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A draft beside ``path``, mode 0600, that takes its place when all went well."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:32]}.")
    os.close(descriptor)
    draft = Path(name)
    try:
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
        draft.with_name(draft.name + "-journal").unlink(missing_ok=True)


def _refused(code: str, message: str) -> SettingsError:
    return SettingsError(message, code=code, key="database", expected="a backup by eid db backup")
