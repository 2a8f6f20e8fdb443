import sqlite3
import stat
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import alembic.autogenerate
import pytest
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from eid.errors import SettingsError, Unavailable
from eid.keys.sources import PURPOSES
from eid.store import Database, migrations, open_store
from eid.store.schema import meta, metadata

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def database(url):
    opened = Database.open(url)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://x/y",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////tmp/x.db?mode=memory&uri=true",
        "sqlite:////proc/nothing/eid.db",
    ],
)
def test_urls(url):
    with pytest.raises(SettingsError) as caught:
        Database.open(url)
    assert caught.value.code == "database.url"


def test_migrations_and_tables_agree(database):
    database.migrate()
    with database.read() as connection:
        context = MigrationContext.configure(connection)
        assert alembic.autogenerate.compare_metadata(context, metadata) == []
        partial = [
            index for index in inspect(connection).get_indexes("identifiers") if index["unique"]
        ]
    assert [index["name"] for index in partial] == ["identifiers_live"]


def test_migrating_twice_or_at_once(database, url):
    failures = []

    def migrate():
        other = Database.open(url)
        try:
            other.migrate()
        except Exception as error:  # noqa: BLE001
            failures.append(error)
        other.close()

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    database.migrate()
    database.check()


def test_f004_other_schemas_are_refused(database):
    with pytest.raises(SettingsError) as caught:
        database.check()
    assert caught.value.code == "database.schema"
    database.migrate()
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for action in (database.check, database.migrate):
        with pytest.raises(SettingsError) as caught:
            action()
        assert caught.value.code == "database.schema"
        assert "newer" in str(caught.value)


def test_f002_unsafe_sqlite_is_refused(sqlite_url, tmp_path):
    fast = Database.open(sqlite_url, insecure_fast_commit=True)
    fast.migrate()
    with pytest.raises(SettingsError) as caught:
        fast.check()
    assert caught.value.code == "database.durability"
    fast.close()
    Database.open(sqlite_url).check()


def test_sqlite_settings_and_file_mode(sqlite_store, tmp_path):
    for path in tmp_path.glob("eid.db*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with sqlite_store.database.read() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in (
                "journal_mode",
                "synchronous",
                "foreign_keys",
                "busy_timeout",
                "cache_size",
            )
        }
    assert values == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 4000,
        "cache_size": -512,
    }


def test_writes_roll_back_and_leave_no_transaction_open(database):
    """O-074."""
    database.migrate()

    def fail():
        with database.write() as connection:
            connection.execute(meta.insert(), {"name": "x", "value": b""})
            raise ZeroDivisionError

    for _ in range(50):
        with pytest.raises(ZeroDivisionError):
            fail()
    with database.read() as connection:
        assert connection.execute(select(meta)).all() == []
    with database.write() as connection:
        connection.execute(meta.insert(), {"name": "x", "value": b""})


def test_broken_constraints_are_for_the_caller(database):
    database.migrate()
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(meta.insert(), [{"name": "x", "value": b""}] * 2)


def test_f008_another_process_gets_a_new_pool(database):
    """As after a fork: the parent's connections are neither used nor closed."""
    database.migrate()
    before = database._engines().base.pool
    database._process = -1
    with database.read() as connection:
        assert connection.execute(select(meta)).all() == []
    assert database._engines().base.pool is not before
    assert before.checkedin() > 0
    before.dispose()


def test_snapshot_sees_one_state(database):
    database.migrate()
    with database.snapshot() as connection:
        assert connection.execute(select(meta)).all() == []
        with database.write() as other:
            other.execute(meta.insert(), {"name": "x", "value": b""})
        assert connection.execute(select(meta)).all() == []
    with database.read() as connection:
        assert len(connection.execute(select(meta)).all()) == 1


@pytest.mark.parametrize("name", PURPOSES)
def test_missing_keys_refuse_to_start_and_none_is_made_in_their_place(
    store, url, tmp_path, person, name
):
    account = store.accounts.create(person())
    path = tmp_path / "keys" / f"{name}.secret"
    path.rename(tmp_path / "kept")
    for _ in range(2):
        with pytest.raises(SettingsError) as caught:
            open_store(url, tmp_path)
        assert caught.value.code == "keys.missing"
        assert not path.exists()
    (tmp_path / "kept").rename(path)
    again = open_store(url, tmp_path, insecure_fast_hash=True)
    assert again.accounts.by_id(account.id) == account
    again.close()


@pytest.mark.parametrize("name", PURPOSES)
def test_wrong_keys_refuse_to_start_and_lose_nothing(store, url, tmp_path, person, name):
    account = store.accounts.create(person())
    path = tmp_path / "keys" / f"{name}.secret"
    kept = path.read_bytes()
    path.write_bytes(bytes(32))
    with pytest.raises(SettingsError) as caught:
        open_store(url, tmp_path)
    assert caught.value.code == "database.key"
    assert name in caught.value.facts["expected"]
    path.write_bytes(kept)
    again = open_store(url, tmp_path, insecure_fast_hash=True)
    assert again.accounts.by_id(account.id) == account
    again.close()


def test_migrations_are_shipped():
    folder = Path(migrations.__file__).parent
    assert (folder / "env.py").exists()
    assert (folder / "script.py.mako").exists()
    assert list((folder / "versions").glob("m0*.py"))


def test_o066_locked_sqlite_is_unavailable_within_seconds_and_recovers(sqlite_store, tmp_path):
    blocker = sqlite3.connect(tmp_path / "eid.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    with pytest.raises(Unavailable), sqlite_store.database.write():
        pass
    assert time.monotonic() - started < 60
    with sqlite_store.database.read() as connection:
        connection.execute(select(meta)).all()
    blocker.execute("ROLLBACK")
    blocker.close()
    with sqlite_store.database.write() as connection:
        connection.execute(meta.insert(), {"name": "x", "value": b""})
