"""The queue of visits: order, bounds, once each, and nothing that the kiosk can read back."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from eid.errors import SettingsError, SignatureInvalid, Unavailable
from eid.keys import EncryptionKey, decrypt_jwe
from eid.levels.visit import VISIT_TYP, Head
from eid.store.queue import MAX_CONTENT, OfflineQueue

SERVER = EncryptionKey.generate("evidence")


def queue_at(path: Path, **bounds: int) -> OfflineQueue:
    return OfflineQueue.open(path, SERVER.public_jwk(), **bounds)


def at(counter: int) -> Head:
    return Head(counter=counter, link=bytes([counter]) * 32)


def test_in_order_and_each_once(tmp_path: Path) -> None:
    queue = queue_at(tmp_path / "visits.db")
    for n in range(1, 6):
        queue.put(f"v{n}", b"visit %d" % n, head=at(n))
    seen = []
    while (waiting := queue.first()) is not None:
        again = queue.first()
        assert again == waiting
        seen.append(decrypt_jwe(waiting.sealed, SERVER, typ=VISIT_TYP, max_bytes=100))
        queue.delivered(waiting.id)
        queue.delivered(waiting.id)
    assert seen == [b"visit %d" % n for n in range(1, 6)]
    assert (len(queue), queue.head()) == (0, at(5))
    queue.close()


def test_what_was_put_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "visits.db"
    first = queue_at(path)
    assert first.head() is None
    first.put("v1", b"one", head=at(1))
    first.close()
    second = queue_at(path)
    assert (len(second), second.head()) == (1, at(1))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    second.close()


def test_the_kiosk_cannot_read_it_back(tmp_path: Path) -> None:
    queue = queue_at(tmp_path / "visits.db")
    queue.put("v1", b"079199000001 NGUYEN VAN THU", head=at(1))
    waiting = queue.first()
    assert waiting is not None
    queue.close()
    everything = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in (b"079199", b"NGUYEN"):
        assert secret not in everything
    with pytest.raises(SignatureInvalid):
        decrypt_jwe(
            waiting.sealed.replace(SERVER.kid, SERVER.kid),
            EncryptionKey(
                kid=SERVER.kid, purpose="x", private=EncryptionKey.generate("x").private
            ),
            typ=VISIT_TYP,
            max_bytes=100,
        )


@pytest.mark.parametrize("bounds", [{"most_visits": 2}, {"most_bytes": 1_200}])
def test_full_is_said_and_changes_nothing(tmp_path: Path, bounds: dict[str, int]) -> None:
    queue = queue_at(tmp_path / "visits.db", **bounds)
    queue.put("v1", b"x" * 100, head=at(1))
    queue.put("v2", b"x" * 100, head=at(2))
    with pytest.raises(Unavailable) as caught:
        queue.put("v3", b"x" * 100, head=at(3))
    assert caught.value.code == "queue.full"
    assert (len(queue), queue.head()) == (2, at(2))
    queue.delivered("v1")
    queue.put("v3", b"x" * 100, head=at(3))
    queue.close()


def test_a_visit_of_the_same_name_is_refused(tmp_path: Path) -> None:
    queue = queue_at(tmp_path / "visits.db")
    queue.put("v1", b"one", head=at(1))
    with pytest.raises(Unavailable) as caught:
        queue.put("v1", b"two", head=at(2))
    assert (caught.value.code, queue.head()) == ("queue.repeated", at(1))
    with pytest.raises(Unavailable) as caught:
        queue.put("v2", bytes(MAX_CONTENT + 1), head=at(2))
    assert caught.value.code == "queue.size"
    queue.close()


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    """SQLite's own limit stands in for the disk's: the write fails in the middle."""
    path = tmp_path / "visits.db"
    queue = queue_at(path)
    queue.put("v1", b"one", head=at(1))
    pages = queue._connection.execute("PRAGMA page_count").fetchone()[0]
    queue._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(Unavailable) as caught:
        queue.put("v2", bytes(100_000), head=at(2))
    assert caught.value.code == "queue.disk"
    assert (len(queue), queue.head()) == (1, at(1))
    queue._connection.execute("PRAGMA max_page_count = 1000000")
    queue.put("v2", b"two", head=at(2))
    assert len(queue) == 2
    queue.close()


def test_the_servers_head_is_taken_only_when_nothing_waits(tmp_path: Path) -> None:
    queue = queue_at(tmp_path / "visits.db")
    assert queue.adopt(at(7))
    assert queue.head() == at(7)
    assert not queue.adopt(at(3))
    queue.put("v8", b"x", head=at(8))
    assert not queue.adopt(at(20))
    assert queue.head() == at(8)
    queue.put("manual", b"x")
    assert queue.head() == at(8)
    queue.close()


def test_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "visits.db"
    path.write_bytes(b"no database at all, but long enough to be looked at" * 40)
    with pytest.raises(SettingsError) as caught:
        queue_at(path)
    assert caught.value.code == "queue.file"


def test_the_file_is_durable_by_its_settings(tmp_path: Path) -> None:
    queue = queue_at(tmp_path / "visits.db")
    level = queue._connection.execute("PRAGMA synchronous").fetchone()[0]
    mode = queue._connection.execute("PRAGMA journal_mode").fetchone()[0]
    assert (level, mode) == (2, "wal")
    queue.close()


def test_a_queue_of_before_learns_to_keep_codes(tmp_path: Path) -> None:
    path = tmp_path / "visits.db"
    with closing(sqlite3.connect(path)) as before:
        before.executescript(
            "CREATE TABLE visits (place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
            " sealed TEXT NOT NULL, refused INTEGER NOT NULL DEFAULT 0) STRICT;"
            "INSERT INTO visits (id, sealed, refused) VALUES ('a', 's', 1), ('b', 's', 0);"
        )
    for _ in range(2):
        queue = OfflineQueue.open(path, {})
        assert [(one.id, one.code) for one in queue.aside()] == [("a", "")]
        queue.close()
    queue = OfflineQueue.open(path, {})
    queue.set_aside("b", "kiosk.refused")
    assert [(one.id, one.code) for one in queue.aside()] == [("a", ""), ("b", "kiosk.refused")]
    assert queue.offer_again("a")
    assert not queue.offer_again("a")
    waiting = queue.first()
    assert waiting is not None
    assert (waiting.id, len(queue)) == ("a", 1)
    queue.close()
