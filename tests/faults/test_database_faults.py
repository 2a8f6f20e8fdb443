"""Row O-066, F-002: a database that fails gives one typed error without data, and recovers."""

import os
import resource
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import EidError, SettingsError, Unavailable
from eid.levels.account import Account, Profile
from eid.oidc.ports import AuditEvent, Grant
from eid.store import Database, new_account_id, open_store

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'eid.db'}"


@pytest.fixture
def store(url, tmp_path):
    opened = open_store(url, tmp_path, insecure_fast_hash=True)
    yield opened
    opened.close()


def grant(number=0):
    key = number.to_bytes(32)
    return Grant(kind="code", key=key, payload={}, expires_at=AT + timedelta(seconds=60))


def test_nobody_listens():
    database = Database.open("postgresql://eid@127.0.0.1:1/eid")
    with pytest.raises(Unavailable) as caught:
        database.migrate()
    assert caught.value.code == "database"
    assert caught.value.__cause__ is None
    assert "127.0.0.1" not in str(caught.value)


def test_no_database_file_any_more(store, tmp_path):
    with store.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE grants")
    with pytest.raises(Unavailable) as caught:
        store.grants.put(grant())
    assert "grants" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_garbage_instead_of_a_database(tmp_path, url):
    (tmp_path / "eid.db").write_bytes(b"garbage" * 1000)
    with pytest.raises(EidError) as caught:
        open_store(url, tmp_path)
    assert isinstance(caught.value, Unavailable)


def test_full_disk_loses_nothing_and_recovers(store, tmp_path):
    """The file may not grow: as when the disk is full."""
    store.grants.put(grant(), events=[AuditEvent(kind="a", at=AT)])
    with store.database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = max(path.stat().st_size for path in tmp_path.glob("eid.db*"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    failed = 0
    try:
        for number in range(1, 60):
            try:
                store.grants.put(grant(number), events=[AuditEvent(kind="b", at=AT)])
            except Unavailable:
                failed += 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, previous)
    assert pages > 0
    assert failed > 0
    stored = sum(store.grants.get("code", n.to_bytes(32), at=AT) is not None for n in range(1, 60))
    assert stored == 59 - failed
    assert store.audit.verify().rows == {"node-1": 1 + stored}
    store.grants.put(grant(100), events=[AuditEvent(kind="c", at=AT)])
    assert store.audit.verify().rows == {"node-1": 2 + stored}


_WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from eid.oidc.ports import AuditEvent, Grant
from eid.store import open_store
at = datetime(2026, 11, 21, 12, tzinfo=UTC)
store = open_store(sys.argv[1], Path(sys.argv[2]), insecure_fast_hash=True)
for number in range(100_000):
    grant = Grant(kind="code", key=number.to_bytes(32), payload={}, expires_at=at + timedelta(60))
    store.grants.put(grant, events=[AuditEvent(kind="code.issued", at=at)])
    print(number, flush=True)
"""


def test_kill_in_full_flight_leaves_grants_and_record_in_step(url, tmp_path):
    command = [sys.executable, "-c", _WRITER, url, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        confirmed = -1
        for line in process.stdout:
            confirmed = int(line)
            if confirmed == 20:
                process.kill()
    store = open_store(url, tmp_path, insecure_fast_hash=True)
    rows = store.audit.verify().rows["node-1"]
    live = sum(
        store.grants.get("code", number.to_bytes(32), at=AT) is not None
        for number in range(rows + 5)
    )
    assert live == rows
    assert rows >= confirmed + 1  # what was confirmed is there
    store.close()


def test_read_only_database_file(store, url, tmp_path):
    """As root a file's mode does not bind, so the connection itself is made read-only."""
    person = Account(
        id=new_account_id(),
        username="thu",
        created_at=AT,
        profile=Profile(name="X", birth_date="", personal_number="001190000001"),
    )
    with store.database.read() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(Unavailable) as caught:
        store.accounts.create(person)
    assert "001190000001" not in repr(caught.value)
    with store.database.read() as connection:
        connection.exec_driver_sql("PRAGMA query_only=OFF")
    store.accounts.create(person)


def test_o066_open_file_limit(store):
    """F-006."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    store.close()
    lowest_free = os.open("/dev/null", os.O_RDONLY)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    try:
        with pytest.raises(Unavailable):
            store.grants.put(grant())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    store.grants.put(grant())


def test_a_folder_in_the_files_place(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises((SettingsError, Unavailable)):
        Database.open(f"sqlite:///{tmp_path / 'folder'}").migrate()
