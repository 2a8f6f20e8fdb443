"""The counter's page, followed: its files, its commands, and what then answers."""

import re
import socket
from datetime import UTC, datetime
from pathlib import Path

import requests

from eid.cli.demo.processes import Process
from eid.testing.authority import DocumentAuthority

from ..examples.ports import free_block
from .test_getting_started import shell

PAGE = (Path(__file__).resolve().parents[2] / "docs/counter.md").read_text()
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```toml\n(.*?)^```$", PAGE, re.DOTALL | re.M))
(COMMANDS,) = re.findall(r"<!-- run: officer -->\n```sh\n(.*?)^```$", PAGE, re.DOTALL | re.M)
(SERVE,) = re.findall(r"<!-- serve -->\n```sh\neid (.*)\n```$", PAGE, re.M)
PASSWORD = "a long enough password"


def test_the_counter_is_set_up_as_the_page_says(tmp_path: Path) -> None:
    at = datetime.now(UTC)
    authority = DocumentAuthority.create(at=at)
    authority.trust_folder(tmp_path / "trust", crl=authority.crl(at=at))
    first = free_block(3)
    ours = {port: str(first + place) for place, port in enumerate(("8480", "8481", "35970"))}
    moved = re.compile("|".join(ours))
    for name, text in FILES.items():
        (tmp_path / name).write_text(moved.sub(lambda found: ours[found[0]], text))
    account, link = shell(COMMANDS, tmp_path, stdin=PASSWORD + "\n").splitlines()
    counter = f"http://localhost:{ours['8481']}"
    assert len(account) == 22
    assert re.fullmatch(re.escape(counter) + "/enrol#[A-Za-z0-9_-]{43}", link)
    provider = Process.start("provider", ["-m", "eid.cli", *SERVE.split()], folder=tmp_path)
    try:
        provider.wait_until_it_answers(f"http://127.0.0.1:{ours['8480']}/health/ready")
        provider.wait_until_it_answers(f"http://127.0.0.1:{ours['8481']}/health/live")
        assert requests.get(f"{counter}/enrol", timeout=60).status_code == 200
        keys = requests.get(f"{counter}/jwks", timeout=60).json()["keys"]
        assert {key["use"] for key in keys} == {"sig", "enc"}
        assert (tmp_path / "kiosk.toml").exists()
    finally:
        provider.stop()
    with socket.socket() as gone:
        assert gone.connect_ex(("127.0.0.1", int(ours["8481"]))) != 0
