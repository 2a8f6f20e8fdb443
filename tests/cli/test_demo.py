"""The demo as a user runs it: the whole way, every refusal, nothing left behind or exposed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from eid.cli.demo.faults import FAULTS
from eid.qr.scan import scan_image
from eid.testing.people import PEOPLE
from eid.testing.virtual_reader import unavailable_reason

THU = PEOPLE["thu"]
EID = (sys.executable, "-m", "eid.cli")
DEADLINE_S = 120


def environment(tmp_path: Path, **extra: str) -> Mapping[str, str]:
    temporary = tmp_path / "t"
    temporary.mkdir(exist_ok=True)
    return {**os.environ, "TMPDIR": str(temporary), **extra}


def run(tmp_path: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EID, "demo", *arguments],
        cwd=tmp_path,
        env=environment(tmp_path, **extra),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def left_behind(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "t").iterdir())


@pytest.mark.parametrize("pcsc", [True, False], ids=["pcscd", "socket"])
def test_the_whole_way(tmp_path: Path, *, pcsc: bool) -> None:
    if pcsc and (reason := unavailable_reason()):
        pytest.skip(reason)
    done = run(tmp_path, "--json", **({} if pcsc else {"EID_DEMO_READER": "socket"}))
    assert done.returncode == 0, done.stderr
    story = json.loads(done.stdout)
    assert story["outcome"] == "accepted"
    assert story["reader"] == ("pcscd" if pcsc else "socket")
    token = story["id_token"]
    assert (token["acr"], token["eid_level"], token["eid_auth_level"]) == ("urn:eid:level:2", 2, 2)
    assert token["amr"] == ["sc", "pwd", "mfa"]
    assert token["eid_source"] == "chip_local"
    assert story["userinfo"]["sub"] == token["sub"]
    assert story["userinfo"]["name"] == THU.name
    assert THU.number not in done.stdout + done.stderr
    for name in ("verdict_page", "qr_picture"):
        written = tmp_path / story[name]
        assert written.stat().st_mode & 0o777 == 0o600
    assert len(scan_image((tmp_path / story["qr_picture"]).read_bytes())) == 1
    page = (tmp_path / story["verdict_page"]).read_text()
    assert THU.name in page
    assert THU.can not in page
    assert left_behind(tmp_path) == []


def test_it_is_told_as_a_story(tmp_path: Path) -> None:
    done = run(tmp_path, "--out", "here")
    assert done.returncode == 0, done.stderr
    assert "The card alone is worth authentication level 1" in done.stdout
    assert "acr in the ID token          urn:eid:level:2" in done.stdout
    assert "Not proven by the chip:" in done.stdout
    assert {path.name for path in (tmp_path / "here").iterdir()} == {
        "verdict.html",
        "credential.png",
    }
    assert THU.number not in done.stdout


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_every_refusal(tmp_path: Path, name: str) -> None:
    """One sentence with its code on stderr, exit code 1, the typed error, and no token."""
    fault = FAULTS[name]
    done = run(tmp_path, "--fault", name, "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["outcome"] == "refused"
    assert told["error"] == fault.error.__name__
    assert told["code"] in fault.codes
    assert "id_token" not in told
    assert done.stderr.splitlines() == [f"eid: {fault.sentence} ({told['code']})"]
    assert left_behind(tmp_path) == []


def test_an_unknown_fault_is_a_slip(tmp_path: Path) -> None:
    done = run(tmp_path, "--fault", "nothing")
    assert done.returncode == 2
    assert "tampered-dg1" in done.stderr


@contextmanager
def kept(tmp_path: Path, end: signal.Signals = signal.SIGINT) -> Iterator[subprocess.Popen[str]]:
    """A demo that was told to keep running, and has reached that point."""
    process = subprocess.Popen(
        [*EID, "demo", "--keep"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Press Enter"):
                break
        yield process
    finally:
        process.send_signal(end)
        process.communicate(timeout=30)


def family(pid: int) -> set[int]:
    """A process and everything it started."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def listening(pids: set[int]) -> set[str]:
    """Addresses (hex) on which these processes listen in this network namespace."""
    inodes = set()
    here = Path("/proc/self/ns/net").readlink()
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/ns/net").readlink() != here:
                continue
            links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue
        inodes |= {link[8:-1] for link in links if link.startswith("socket:[")}
    addresses = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                addresses.add(fields[1].partition(":")[0])
    return addresses


def test_what_keeps_running_is_on_loopback_and_keeps_no_secret(tmp_path: Path) -> None:
    with kept(tmp_path) as process:
        pids = family(process.pid)
        assert listening(pids) == {"0100007F"}
        folders = list((tmp_path / "t").iterdir())
        assert folders
        planted = (THU.number, THU.can, THU.name, THU.document_number, "IDVNM", "NGUYEN<<VAN")
        for path in (tmp_path / "t").rglob("*"):
            if not path.is_file():
                continue
            content = path.read_bytes()
            for secret in planted:
                assert secret.encode() not in content, (path.name, secret)
            if path.suffix == ".log":
                assert not re.search(rb"eyJ[A-Za-z0-9_-]{8}", content), path.name
        assert all(path.stat().st_mode & 0o077 == 0 for path in folders)
    assert process.returncode == 130
    assert gone(pids)
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_demo(tmp_path: Path, end: signal.Signals) -> None:
    with kept(tmp_path, end) as process:
        pids = family(process.pid)
        assert len(pids) > 6
    assert gone(pids)
    if end == signal.SIGTERM:
        assert process.returncode == 130
        assert left_behind(tmp_path) == []


def gone(pids: set[int]) -> bool:
    """Whether all these processes end within some seconds."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not [pid for pid in pids if alive(pid)]:
            return True
        time.sleep(0.1)
    return False


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
