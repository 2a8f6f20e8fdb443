from pathlib import Path

import pytest

from eid.cli.files import write_private


def test_only_the_owner_reads_it_whatever_was_there_before(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    path.write_text("old")
    path.chmod(0o666)
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.mkdir()
    with pytest.raises(OSError, match="taken"):
        write_private(folder, b"new")
    assert list(tmp_path.iterdir()) == [folder]
    with pytest.raises(FileNotFoundError):
        write_private(tmp_path / "none" / "x", b"")
