"""What a newcomer does: clone, `make demo`, and again; nothing else is needed."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The machine is prepared already: the clone looks for no packages, and finds the driver here.
    inherited = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=clone,
        env={**inherited, "EID_NO_APT": "1", "EID_VPCD": str(ROOT / ".eid/vpcd")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_the_demo_from_a_fresh_clone(tmp_path: Path) -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("This copy is no git checkout.")
    clone = tmp_path / "a folder" / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    first = make(clone, "demo", "ARGS=--json")
    assert first.returncode == 0, first.stdout + first.stderr
    story = json.loads(first.stdout[first.stdout.index("{\n") :])
    assert (story["outcome"], story["id_token"]["eid_auth_level"]) == ("accepted", 2)
    assert {path.name for path in (clone / "eid-demo").iterdir()} == {
        "verdict.html",
        "credential.png",
    }
    stamp = clone / ".venv" / "eid-prepared.json"
    prepared = stamp.stat().st_mtime_ns
    second = make(clone, "demo", "ARGS=--fault cloned-chip")
    assert second.returncode == 2  # make's own code for a command that ended with 1
    assert "Error 1" in second.stderr
    assert "eid: The chip did not prove to be the original." in second.stderr
    assert stamp.stat().st_mtime_ns == prepared  # nothing is prepared twice
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""
