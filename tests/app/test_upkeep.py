import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eid.app import Settings, open_installation
from eid.app.upkeep import start_upkeep, upkeep
from eid.levels.rules import Rules
from eid.oidc.ports import Grant

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, trust_folder: Path) -> Settings:
    (tmp_path / "eid.toml").write_text(
        'issuer = "http://127.0.0.1:8400"\nlisten = "127.0.0.1:8400"\n'
        f'database = "sqlite:///eid.db"\ndata_dir = "data"\ntrust = "{trust_folder}"\n'
        '[agent]\nurl = "http://127.0.0.1:8350"\n[password]\ninsecure_fast_hash = true\n'
    )
    return Settings.load(tmp_path / "eid.toml")


def grant(name: bytes, expires_at: datetime) -> Grant:
    return Grant(kind="code", key=name * 32, payload={}, expires_at=expires_at)


def rows(settings: Settings) -> int:
    path = settings.database.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        count: int = connection.execute("SELECT count(*) FROM grants").fetchone()[0]
    connection.close()
    return count


def test_only_what_expired_goes(settings: Settings) -> None:
    with open_installation(settings) as installation:
        installation.grants.put(grant(b"a", NOW - timedelta(days=2)))
        installation.grants.put(grant(b"b", NOW + timedelta(days=2)))
        upkeep(installation, Rules.load(), at=NOW)
        assert rows(settings) == 1


def test_it_runs_by_itself_until_told_to_end(settings: Settings) -> None:
    with open_installation(settings) as installation:
        installation.grants.put(grant(b"a", datetime.now(UTC) - timedelta(days=2)))
        before = set(threading.enumerate())
        stop = start_upkeep(installation, every_s=0.01)
        (thread,) = set(threading.enumerate()) - before
        deadline = time.monotonic() + 20
        while rows(settings) and time.monotonic() < deadline:
            time.sleep(0.02)
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
        assert rows(settings) == 0


def test_a_database_that_is_down_is_left_for_later(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("eid.store.database.WAIT_S", 0)
    with open_installation(settings) as installation:
        path = settings.database.removeprefix("sqlite:///")
        lock = sqlite3.connect(path, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        try:
            upkeep(installation, Rules.load(), at=NOW)
            assert not installation.is_ready()
        finally:
            lock.close()
        assert "upkeep code=database" in caplog.text
        assert installation.is_ready()
