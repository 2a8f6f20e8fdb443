import json
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from eid.errors import SettingsError, Unavailable, VerificationError
from eid.qr import register as module, status
from eid.qr.register import StatusRegister


@pytest.fixture
def register(tmp_path):
    return StatusRegister(tmp_path / "qr", size=64)


def test_an_empty_register_is_a_list_of_valid_entries(register):
    assert register.changed_at() == 0
    assert register.statuses() == {}
    assert len(register.packed()) == 64


def test_two_at_once_get_two_places(register):
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: register.allocate(), range(32)))
    assert len(set(given)) == 32
    assert register.changed_at() > 0
    assert stat.S_IMODE(register.file.stat().st_mode) == 0o600


def test_a_full_list_gives_no_place_away(register):
    for index in range(64):
        register.allocate(below=lambda _, index=index: index)
    with pytest.raises(Unavailable) as refusal:
        register.allocate()
    assert refusal.value.code == "qr.status_full"


def test_suspension_ends_and_withdrawal_does_not(register):
    index = register.allocate()
    register.set_status(index, status.SUSPENDED)
    register.set_status(index, status.VALID)
    register.set_status(index, status.INVALID)
    register.set_status(index, status.INVALID)
    with pytest.raises(VerificationError) as refusal:
        register.set_status(index, status.SUSPENDED)
    assert refusal.value.code == "qr.revoked"
    assert register.packed().status(index) == status.INVALID


def test_only_given_places_change(register):
    with pytest.raises(VerificationError) as refusal:
        register.set_status(5, status.INVALID)
    assert refusal.value.code == "qr.status_index"


@pytest.mark.parametrize("content", ["", "[]", '{"version": 2}'])
def test_a_damaged_register_is_never_taken_for_an_empty_one(register, content):
    register.allocate()
    register.file.write_text(content)
    for work in (register.allocate, register.statuses):
        with pytest.raises(SettingsError) as refusal:
            work()
        assert refusal.value.code == "qr.register"


def test_a_full_disk_leaves_the_old_register(register, monkeypatch):
    index = register.allocate()

    def no_space(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        register.set_status(index, status.INVALID)
    assert json.loads(register.file.read_text())["entries"] == {str(index): status.VALID}
    assert {file.name for file in register.folder.iterdir()} == {"status-1.json", "lock"}


def test_a_register_that_is_gone_is_never_taken_for_an_empty_one(register):
    register.set_status(register.allocate(), status.INVALID)
    register.file.unlink()
    for use in (register.statuses, register.packed, register.allocate):
        with pytest.raises(SettingsError, match="damaged"):
            use()


def test_a_kill_before_the_first_entry_is_no_damage(register, monkeypatch):
    def killed(_file, _data):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("eid.qr.register._replace", killed)
        with pytest.raises(KeyboardInterrupt):
            register.allocate()
    assert register.statuses() == {}
    assert 0 <= register.allocate() < 64
