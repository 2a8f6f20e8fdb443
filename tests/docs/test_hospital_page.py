"""Check-in at a hospital, followed: what it starts answers, what it prints is printed."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import requests

from eid.cli.demo.processes import Process

from ..examples.ports import free_block

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/hospital.md").read_text()


def command(name: str) -> list[str]:
    (text,) = re.findall(rf"<!-- run: {name} -->\n```sh\n(.*?)\n```", PAGE)
    program, *arguments = shlex.split(text)
    assert program == ".venv/bin/python"
    return arguments


def test_the_short_rush_prints_what_the_page_shows() -> None:
    (shown,) = re.findall(r"<!-- output: rush -->\n```\n(.*?)\n```", PAGE, re.DOTALL)
    done = subprocess.run(
        [sys.executable, *command("rush")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.rstrip() == shown


def test_reception_and_kiosk_answer(tmp_path: Path) -> None:
    port = free_block(2)
    ours = [*command("serve"), "--port", str(port)]
    running = Process.start("hospital", ours, folder=tmp_path, environ={"PYTHONPATH": str(ROOT)})
    try:
        running.wait_until_it_answers(f"http://127.0.0.1:{port}/")
        first = requests.get(f"http://127.0.0.1:{port}/", timeout=60)
        kiosk = requests.get(f"http://127.0.0.1:{port + 1}/", timeout=60)
    finally:
        running.stop()
    assert "Bệnh viện Thử Nghiệm" in first.text
    assert "Bệnh viện Thử Nghiệm" in kiosk.text
    assert "001090999999" in (tmp_path / "hospital.log").read_text()
