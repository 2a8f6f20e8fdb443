import json
import re
import sqlite3
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eid.app import Settings, open_installation
from eid.app.installation import Installation
from eid.app.people import notice_sender
from eid.app.upkeep import _start, notices, start_notices, start_upkeep, upkeep
from eid.errors import Unavailable
from eid.levels.account import Account
from eid.levels.factors.code import Channel, FileSender
from eid.levels.rules import Rules
from eid.oidc.ports import Grant
from eid.store.notices import Notice

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


def reachable(installation: Installation, folder: Path, *, at: datetime) -> Account:
    """Somebody with an address that counts."""
    account = installation.add_account(username="an", password="long enough!", at=at)
    factors, codes = installation.store.factors, FileSender(path=folder / "codes")
    where = Channel(kind="sms", address="+84901234567")
    factor = factors.enrol_channel(account.id, where, at=at)
    factors.send_code(account.id, factor, codes, service="x", at=at)
    code = re.search(r"is ([0-9]{8})", (folder / "codes").read_text())
    assert code is not None
    factors.check_code(account.id, code[1], address="192.0.2.1", at=at)
    return account


def test_a_long_turn_goes_by_the_time_that_it_is(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is taken on late is not due at once for another node."""
    monkeypatch.setattr("eid.store.notices.BATCH", 1)
    turns = [NOW, NOW + timedelta(hours=1)]
    late = turns[1]
    with open_installation(settings) as installation:
        account = reachable(installation, tmp_path, at=NOW)
        for password in ("another long one", "a third long one"):
            installation.accounts.set_password(account.id, password, at=NOW)
        sent: list[Notice] = []

        def once(notice: Notice) -> None:
            if sent:
                raise Unavailable("down", code="channel.sender")
            sent.append(notice)

        notices(installation, once, clock=lambda: turns.pop(0))
        waiting = installation.store.notices
        assert (len(sent), waiting.waiting()) == (1, 1)
        assert waiting.deliver(sent.append, at=late + timedelta(seconds=60)) == 0
        assert waiting.deliver(sent.append, at=late + timedelta(seconds=300)) == 1


def test_notices_go_out_by_themselves(settings: Settings, tmp_path: Path) -> None:
    outbox = tmp_path / "sms.jsonl"
    people = replace(settings.people, sms_outbox=outbox)
    settings = replace(settings, people=people, legal_entity="Example Ltd")
    with open_installation(settings) as installation:
        now = datetime.now(UTC)
        account = reachable(installation, tmp_path, at=now)
        installation.accounts.set_password(account.id, "another long one", at=now)
        before = set(threading.enumerate())
        stop = start_notices(installation, every_s=0.01)
        (thread,) = set(threading.enumerate()) - before
        deadline = time.monotonic() + 20
        while installation.store.notices.waiting() and time.monotonic() < deadline:
            time.sleep(0.02)
        stop.set()
        thread.join(20)
        [line] = outbox.read_text().splitlines()
        assert json.loads(line)["to"] == "+84901234567"
        assert "Example Ltd: the password of your account was changed" in line


def test_a_kind_that_nobody_carries_now_waits(settings: Settings) -> None:
    send = notice_sender(settings.people, "Example Ltd")
    channel = Channel(kind="email", address="an@mail.example")
    with pytest.raises(Unavailable):
        send(Notice(occasion="account_closed", channel=channel, at=NOW))


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


def test_a_turn_that_fails_is_not_the_last(caplog: pytest.LogCaptureFixture) -> None:
    """And what went wrong is told by its place: what it says may be somebody's address."""
    again, turns = threading.Event(), []

    def work(at: datetime) -> None:
        turns.append(at)
        if len(turns) == 1:
            raise ZeroDivisionError("an@mail.example")
        again.set()

    stop = _start("test", work, 0.01)
    assert again.wait(20)
    stop.set()
    assert "fault: ZeroDivisionError at work:" in caplog.text
    assert "an@mail.example" not in caplog.text


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
