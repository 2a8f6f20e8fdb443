"""When no box can run, the reason is said in one sentence."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest

from eid.errors import ReaderError
from eid.testing import virtual_reader
from eid.testing.virtual_reader import VirtualReader, find_driver, unavailable_reason


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "usr/lib/pcsc/drivers/serial"
    folder.mkdir(parents=True)
    path = folder / "libifdvpcd.so.0.8"
    path.touch()
    monkeypatch.setenv("EID_VPCD", str(tmp_path))
    return path


def _programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **exits: int) -> None:
    """Make these programs, each with its exit code, the only ones."""
    folder.mkdir()
    for name, code in exits.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\nexit {code}\n")
        program.chmod(0o755)
    monkeypatch.setattr(virtual_reader, "_path", lambda: str(folder))


def test_the_driver_is_found_where_it_was_unpacked(driver: Path) -> None:
    assert find_driver() == driver


def test_the_driver_may_be_named_itself(driver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EID_VPCD", str(driver))
    assert find_driver() == driver


def test_the_driver_beside_the_environment(
    driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EID_VPCD")
    (tmp_path / ".eid").mkdir()
    (tmp_path / "usr").rename(tmp_path / "unpacked")
    (tmp_path / ".eid/vpcd").mkdir()
    (tmp_path / "unpacked").rename(tmp_path / ".eid/vpcd/usr")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert find_driver() == tmp_path / ".eid/vpcd/usr/lib/pcsc/drivers/serial" / driver.name


def test_no_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EID_VPCD", str(tmp_path / "nowhere"))
    _programs(tmp_path / "bin", monkeypatch, pcscd=0, unshare=0, mount=0)
    reason = unavailable_reason()
    assert reason is not None
    assert "driver" in reason
    with pytest.raises(ReaderError) as caught:
        VirtualReader.start()
    assert caught.value.code == "reader.virtual_unavailable"
    assert str(caught.value) == reason


@pytest.mark.parametrize("missing", ["pcscd", "unshare", "mount"])
def test_a_missing_program_is_named(
    driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    programs = {name: 0 for name in ("pcscd", "unshare", "mount") if name != missing}
    _programs(tmp_path / "bin", monkeypatch, **programs)
    reason = unavailable_reason()
    assert reason is not None
    assert reason.startswith(missing)


def test_namespaces_may_be_forbidden(
    driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _programs(tmp_path / "bin", monkeypatch, pcscd=0, unshare=1, mount=0)
    assert unavailable_reason() == "Namespaces are not allowed here."


def test_root_needs_no_user_namespace(
    driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _programs(tmp_path / "bin", monkeypatch, pcscd=0, unshare=0, mount=0)
    refusing = tmp_path / "bin" / "unshare"
    refusing.write_text('#!/bin/sh\ncase " $* " in *" -r "*) exit 1;; esac\n')
    assert unavailable_reason() is None
    command = virtual_reader._namespaces()
    assert command is not None
    assert "-r" not in command


def test_another_system_has_no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert unavailable_reason() == "The virtual reader needs Linux."


def test_a_box_that_says_nothing_is_an_error_and_leaves_nothing(
    driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _programs(tmp_path / "bin", monkeypatch, pcscd=0, unshare=0, mount=0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ReaderError) as caught:
        VirtualReader.start()
    assert caught.value.code == "reader.box_ended"
    assert not list(tmp_path.glob("eid-*"))


@pytest.mark.parametrize("usual", ["/run/user/7", "/" + "d" * 100])
def test_sockets_stay_out_of_run_and_deep_folders(
    usual: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", usual)
    folder = virtual_reader._temporary_folder()
    folder.rmdir()
    assert folder.parent == Path("/tmp")


def test_the_usual_temporary_folder_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as usual:
        monkeypatch.setattr("tempfile.tempdir", usual)
        assert virtual_reader._temporary_folder().parent == Path(usual)
