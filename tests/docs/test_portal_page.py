"""A portal that asks for the right level, followed: the command, the excerpt, the table."""

import re
import shlex
import socket
import time
from pathlib import Path

import requests

from eid.cli.demo.processes import Process
from examples.public_service.procedures import CIVIL

from ..examples.ports import free_block

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/portal.md").read_text()


def test_the_excerpt_is_the_programs() -> None:
    (excerpt,) = re.findall(r"<!-- excerpt: portal.py -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert excerpt in (ROOT / "examples/public_service/portal.py").read_text()


def test_the_table_has_every_procedure_and_its_levels() -> None:
    rows = re.findall(
        r"^\| [a-z].*? \| (level \d|nothing) \| (level \d|nothing).*\|$", PAGE, re.MULTILINE
    )
    said = [(row[0][-1], row[1].removesuffix("nothing")[-1:]) for row in rows]
    meant = [(one.acr[-1], (one.send_acr or "")[-1:]) for one in CIVIL.values()]
    assert said == meant


def test_one_command_starts_all(tmp_path: Path) -> None:
    (text,) = re.findall(r"<!-- run: portals -->\n```sh\n(.*?)\n```", PAGE)
    _, *arguments = shlex.split(text)
    port = free_block(4)
    running = Process.start(
        "portals",
        [*arguments, "--port", str(port)],
        folder=tmp_path,
        environ={"PYTHONPATH": str(ROOT)},
    )
    try:
        portal = f"http://127.0.0.1:{port + 2}"
        deadline = time.monotonic() + 120
        while "password" not in (tmp_path / "portals.log").read_text():
            assert running.handle.poll() is None, (tmp_path / "portals.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert "Thủ tục" in requests.get(portal, timeout=60).text
        login = requests.get(f"{portal}/p/own_data", timeout=60)
        assert login.url.startswith(f"http://127.0.0.1:{port}/")
    finally:
        running.stop()
    for offset in range(4):
        with socket.socket() as gone:
            assert gone.connect_ex(("127.0.0.1", port + offset)) != 0
