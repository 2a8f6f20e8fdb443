"""The box begins, ends and is killed without leaving anything behind or opening a port."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eid.errors import ReaderError
from eid.testing import virtual_reader
from eid.testing.card_image import CardImage
from eid.testing.virtual_reader import VirtualReader, socket_in, unavailable_reason

_PORTS = (0x8C7B, 0x8C7C)
_HOLD = """
import sys, time
from eid.testing.virtual_reader import VirtualReader
reader = VirtualReader.start()
print(reader.socket_path.parents[2], flush=True)
sys.stdin.read()
"""
_USE = """
from eid.testing import virtual_reader
from eid.testing.card_image import CardImage
from eid.testing.virtual_reader import VirtualReader
with VirtualReader.start() as reader:
    reader.insert(CardImage(files={"EF.CardAccess": bytes(3)}, can="123456"))
    reader.remove()
    print(reader.names[0])
"""


@pytest.fixture(autouse=True)
def _possible() -> None:
    reason = unavailable_reason()
    if reason is not None:
        pytest.skip(reason)


def _processes_of(folder: Path) -> list[int]:
    """Processes that were started with this folder in their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder) in arguments:
                found.append(int(entry.name))
    return found


def _listening() -> set[int]:
    """Ports on which anything listens in this network namespace."""
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def _eventually_none(folder: Path) -> bool:
    for _ in range(500):
        if not _processes_of(folder):
            return True
        time.sleep(0.01)
    return False


def test_nothing_is_left_after_a_stop() -> None:
    reader = VirtualReader.start()
    private = reader.socket_path.parents[1]
    try:
        assert reader.socket_path.is_socket()
        assert private.stat().st_mode & 0o077 == 0
        assert _processes_of(private)
    finally:
        reader.stop()
    reader.stop()
    assert not _processes_of(private)
    assert not private.parent.exists()


def test_no_port_opens_outside_the_box(card_image: CardImage) -> None:
    before = _listening()
    with VirtualReader.start() as reader:
        reader.insert(card_image)
        assert not (_listening() - before) & set(_PORTS)


def test_boxes_side_by_side_do_not_meet(card_image: CardImage) -> None:
    with VirtualReader.start() as one, VirtualReader.start() as two:
        assert one.socket_path != two.socket_path
        assert one.environment != two.environment
        one.insert(card_image)
        two.insert(card_image)
        one.remove()
        assert two.commands() == 0
        one.stop()
        two.remove()


def test_a_given_folder_is_kept_but_emptied() -> None:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "box"
        with VirtualReader.start(folder) as reader:
            assert reader.socket_path == socket_in(folder)
            with pytest.raises(ReaderError) as caught:
                VirtualReader.start(folder)
            assert caught.value.code == "reader.box_in_use"
            assert reader.socket_path.is_socket()
        assert folder.is_dir()
        assert not list(folder.iterdir())
        with VirtualReader.start(folder):
            pass


def test_a_folder_too_deep_for_a_socket_is_replaced() -> None:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / ("d" * 100)
        with VirtualReader.start(folder) as reader:
            assert reader.socket_path.is_socket()
            assert not folder.exists()
        assert not reader.socket_path.parents[2].exists()


def test_the_box_ends_with_its_killed_owner() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().strip())
        assert _processes_of(folder)
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        assert _eventually_none(folder)
    with VirtualReader.start(folder) as successor:
        assert successor.socket_path.is_socket()
    shutil.rmtree(folder)


def test_a_killed_box_is_an_error_for_its_owner(card_image: CardImage) -> None:
    with VirtualReader.start() as reader:
        folder = reader.socket_path.parent
        os.kill(reader.process_id, signal.SIGKILL)
        assert _eventually_none(folder)
        with pytest.raises(ReaderError) as caught:
            reader.insert(card_image)
        assert caught.value.code == "reader.box_ended"


def test_a_stuck_box_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_reader, "_STOP_S", 0.1)
    reader = VirtualReader.start()
    folder = reader.socket_path.parents[1]
    for process in _processes_of(folder):
        os.kill(process, signal.SIGSTOP)
    reader.stop()
    assert _eventually_none(folder)
    assert not folder.parent.exists()


def test_a_refused_order_names_its_code() -> None:
    with VirtualReader.start() as reader, pytest.raises(ReaderError) as caught:
        reader.remove(slot=5)
    assert caught.value.code == "format"


@pytest.fixture
def for_all() -> Iterator[Path]:
    """A copy of what the box needs, readable for every user."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_runs_for_an_unprivileged_user(for_all: Path) -> None:
    nobody = 65534
    home = for_all / "home"
    home.mkdir()
    os.chown(home, nobody, nobody)
    try:
        subprocess.run(
            [sys.executable, "-c", "import eid.testing.virtual_reader"],
            user=nobody,
            group=nobody,
            extra_groups=[],
            capture_output=True,
            check=True,
        )
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("This checkout is not readable for other users.")
    done = subprocess.run(
        [sys.executable, "-c", _USE],
        user=nobody,
        group=nobody,
        extra_groups=[],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("Virtual PCD 00 00\n", "")
    assert not list(home.iterdir())
