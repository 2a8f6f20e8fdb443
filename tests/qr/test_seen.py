"""The memory of used presence codes, across processes."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import SettingsError, Unavailable
from eid.qr.seen import SeenOnDisk

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LATER = NOW + timedelta(seconds=35)
A, B, C = (bytes([one]) * 32 for one in range(3))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "seen"


def test_each_key_counts_once(file):
    assert SeenOnDisk(file).add((A, B), until=LATER, at=NOW)
    assert not SeenOnDisk(file).add((B, C), until=LATER, at=NOW)
    assert SeenOnDisk(file).add((C,), until=LATER, at=NOW), "a refusal remembers nothing"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_has_expired_is_forgotten_and_not_before(file):
    seen = SeenOnDisk(file)
    assert seen.add((A,), until=LATER, at=NOW)
    assert not seen.add((A,), until=LATER, at=LATER)
    assert seen.add((B,), until=LATER + timedelta(minutes=1), at=LATER + timedelta(seconds=2))
    assert file.stat().st_size == 40


def test_a_full_memory_refuses(file):
    seen = SeenOnDisk(file, capacity=2)
    assert seen.add((A, B), until=LATER, at=NOW)
    with pytest.raises(Unavailable) as refusal:
        seen.add((C,), until=LATER, at=NOW)
    assert refusal.value.code == "qr.seen_full"
    assert not seen.add((A,), until=LATER, at=NOW)


@pytest.mark.parametrize("content", [b"x", bytes(41), bytes(39)])
def test_another_file_is_not_overwritten(file, content):
    file.write_bytes(content)
    with pytest.raises(SettingsError):
        SeenOnDisk(file).add((A,), until=LATER, at=NOW)
    assert file.read_bytes() == content


def test_no_folder(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        SeenOnDisk(tmp_path / "none" / "seen").add((A,), until=LATER, at=NOW)


def test_of_many_at_once_one_wins(file):
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: SeenOnDisk(file).add((A,), until=LATER, at=NOW), range(16)))
    assert won.count(True) == 1


def test_another_process_knows_it_too(file):
    assert SeenOnDisk(file).add((A,), until=LATER, at=NOW)
    script = (
        "import sys; from pathlib import Path; from datetime import datetime, timedelta, UTC;"
        "from eid.qr.seen import SeenOnDisk; now = datetime(2026, 11, 21, tzinfo=UTC);"
        "print(SeenOnDisk(Path(sys.argv[1])).add((bytes(32),), until=now, at=now))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(file)],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.strip() == "False"
