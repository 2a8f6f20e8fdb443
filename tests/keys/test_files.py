import multiprocessing
import os
import stat

import pytest

from eid.errors import SettingsError
from eid.keys import (
    load_or_create_encryption_key,
    load_or_create_secret,
    load_or_create_signing_key,
)
from eid.keys.files import MAX_FILE

LOADERS = {
    "tokens.pem": lambda folder: load_or_create_signing_key(folder, "tokens").kid,
    "tokens.enc.pem": lambda folder: load_or_create_encryption_key(folder, "tokens").kid,
    "tokens.secret": lambda folder: load_or_create_secret(folder, "tokens").hex(),
}


@pytest.mark.parametrize("name", LOADERS)
def test_made_once_private_and_kept(tmp_path, name):
    folder = tmp_path / "data"
    first = LOADERS[name](folder)
    assert LOADERS[name](folder) == first
    path = folder / "keys" / name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == [name]


def test_nobody_else_can_swap_the_folder_of_keys_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        load_or_create_secret(tmp_path / "data", "tokens")
    finally:
        os.umask(before)
    folders = (tmp_path / "data", tmp_path / "data" / "keys")
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700, 0o700]


def test_one_key_per_purpose(tmp_path):
    kids = {load_or_create_signing_key(tmp_path, purpose).kid for purpose in ("tokens", "audit")}
    kids.add(load_or_create_encryption_key(tmp_path, "tokens").kid)
    assert len(kids) == 3
    assert load_or_create_secret(tmp_path, "a") != load_or_create_secret(tmp_path, "b")
    assert load_or_create_signing_key(tmp_path, "audit").purpose == "audit"


def _load(name, folder, barrier, queue):
    barrier.wait()
    queue.put(LOADERS[name](folder))


@pytest.mark.parametrize("name", LOADERS)
def test_processes_at_once_end_with_one_key(tmp_path, name):
    context = multiprocessing.get_context("fork")
    for attempt in range(5):
        barrier, queue = context.Barrier(4), context.Queue()
        arguments = (name, tmp_path / str(attempt), barrier, queue)
        processes = [context.Process(target=_load, args=arguments) for _ in range(4)]
        for process in processes:
            process.start()
        seen = {queue.get(timeout=60) for _ in processes}
        for process in processes:
            process.join()
        assert len(seen) == 1
        assert [entry.name for entry in (tmp_path / str(attempt) / "keys").iterdir()] == [name]


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_open_files_are_refused(tmp_path, name, mode):
    LOADERS[name](tmp_path)
    path = tmp_path / "keys" / name
    path.chmod(mode)
    with pytest.raises(SettingsError) as caught:
        LOADERS[name](tmp_path)
    assert caught.value.facts["file"] == str(path)


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("content", [b"", b"garbage", b"x" * (MAX_FILE + 10)])
def test_damaged_files_are_refused_and_left_alone(tmp_path, name, content):
    LOADERS[name](tmp_path)
    path = tmp_path / "keys" / name
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        LOADERS[name](tmp_path)
    assert caught.value.code == "keys.file"
    assert path.read_bytes() == content


def test_symbolic_links_are_not_followed(tmp_path):
    load_or_create_secret(tmp_path, "real")
    (tmp_path / "keys" / "other.secret").symlink_to(tmp_path / "keys" / "real.secret")
    with pytest.raises(SettingsError):
        load_or_create_secret(tmp_path, "other")


def test_unusable_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError) as caught:
        load_or_create_signing_key(tmp_path / "file", "tokens")
    assert caught.value.facts["expected"] == "a file"


@pytest.mark.parametrize("purpose", ["", "../x", "A", "a/b", "a.b", "x" * 33, "à"])
def test_purpose_is_a_plain_word(tmp_path, purpose):
    with pytest.raises(ValueError, match="purpose"):
        load_or_create_secret(tmp_path, purpose)


def test_secret_length_and_source(tmp_path):
    assert load_or_create_secret(tmp_path, "a", 8, rng=lambda n: b"r" * n) == b"r" * 8
    with pytest.raises(SettingsError):
        load_or_create_secret(tmp_path, "a", 16)


def test_draft_is_removed_when_the_disk_is_full(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError) as caught:
        load_or_create_secret(tmp_path, "a")
    assert "No space left" in str(caught.value)
    assert list((tmp_path / "keys").iterdir()) == []
