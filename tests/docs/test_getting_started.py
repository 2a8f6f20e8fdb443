"""The walkthrough does what it says, command by command, as a person in a shell would type it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from eid.testing.virtual_reader import unavailable_reason

PAGE = (Path(__file__).resolve().parents[2] / "docs/getting-started.md").read_text()
FENCED = re.compile(r"<!-- \w+: ([^>]*) -->\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = dict(FENCED.findall(PAGE))


def shell(block: str, folder: Path, *, stdin: str = "") -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", block],
        cwd=folder,
        env={**os.environ, "PATH": path},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.pcsc
def test_a_card_without_a_card(tmp_path: Path) -> None:
    pytest.importorskip("smartcard")
    reason = unavailable_reason()
    if reason is not None:
        pytest.skip(reason)
    said = shell(BLOCKS["without a card"], tmp_path)
    assert "ACCEPTED" in said
    assert "Not proven:" in said


def test_a_first_provider(tmp_path: Path) -> None:
    for name in ("eid.toml", "kiosk.toml", "service.json"):
        (tmp_path / name).write_text(BLOCKS[name])
    said = shell(BLOCKS["a provider"], tmp_path, stdin="a long enough password\n")
    assert said.splitlines()[-1] == "example"
    assert (tmp_path / "eid.db").exists()
