"""docs/kiosk.md is followed command by command; `python tests/docs/test_kiosk_page.py` renews its tables."""

from __future__ import annotations

import io
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from eid.cli.program import run
from eid.kiosk.screens import diagram, troubles_table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kiosk.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"<!-- runs: (\w+) -->\n```sh\n(.*?)\n```", TEXT, re.DOTALL))
PART = re.compile(r"(<!-- generated: (screens|troubles) -->\n).*?(<!-- end -->)", re.DOTALL)
TABLES = {"screens": diagram, "troubles": troubles_table}


def renewed(text: str) -> str:
    return PART.sub(lambda part: f"{part[1]}{TABLES[part[2]]()}\n{part[3]}", text)


def test_the_page_shows_the_table_of_screens() -> None:
    assert renewed(TEXT) == TEXT


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT)
    assert pictures
    for picture in pictures:
        assert (PAGE.parent / picture).stat().st_size < 60_000


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The provider of an operator, whose eid.toml lies where the page's commands are typed."""
    from ..kiosk.field import in_the_field  # noqa: PLC0415

    with in_the_field(tmp_path / "place") as field:
        settings = field.installation.settings
        (tmp_path / "eid.toml").write_text(
            f'issuer = "{settings.issuer}"\nlisten = "127.0.0.1:{settings.port}"\n'
            f'database = "{settings.database}"\ndata_dir = "{settings.data_dir}"\n'
            f'trust = "{settings.trust}"\n\n[agent]\nurl = "{settings.agent_url}"\n\n'
            '[operator]\nlegal_entity = "Example"\nrole = "own_services"\n\n'
            "[password]\ninsecure_fast_hash = true\n"
        )
        monkeypatch.chdir(tmp_path)
        yield field


def typed(block: str, monkeypatch: pytest.MonkeyPatch, capsys: Any, **swap: str) -> str:
    """One command of the page with its redirections, and only the named words swapped."""
    for old, new in swap.items():
        block = block.replace(old, new)
    words = shlex.split(block)
    assert words.pop(0) == "eid"
    source, target = (_after(words, sign) for sign in ("<", ">"))
    if source:
        monkeypatch.setattr(sys, "stdin", io.StringIO(Path(source).read_text()))
    assert run(words) == 0, capsys.readouterr().err
    said = str(capsys.readouterr().out)
    if target:
        Path(target).write_text(said)
    return said


def _after(words: list[str], sign: str) -> str | None:
    if sign not in words:
        return None
    at = words.index(sign)
    words.pop(at)
    return words.pop(at)


def test_a_kiosk_in_an_afternoon(
    operator: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    typed(BLOCKS["invite"], monkeypatch, capsys)
    assert len((tmp_path / "invitation").read_text().splitlines()) == 1
    here = BLOCKS["setup"].replace("https://id.example.vn", operator.issuer)
    port = free_port()
    # the test's own additions: a free port, and a reader that is none, so no real one is touched
    here = here.replace(
        "--folder kiosk",
        f"--folder kiosk --listen 127.0.0.1:{port} --insecure-virtual-reader "
        f"--reader stream:{tmp_path}/card.sock",
    )
    said = typed(here, monkeypatch, capsys)
    part = TEXT.partition("## 2.")[2].partition("## 3.")[0]
    files = set(re.findall(r"^\| `([a-z.-]+)`(?:, `([a-z.-]+)`)? \|", part, re.MULTILINE))
    for name in {name for pair in files for name in pair if name} - {"data/"}:
        assert (tmp_path / "kiosk" / name).is_file(), name
        assert name in said
    kiosks = operator.installation.store.kiosks
    served(BLOCKS["serve"], port, lambda: any(one.seen_at for one in kiosks.list()))
    assert "freshness" not in typed(BLOCKS["visits"], monkeypatch, capsys)
    listed = typed(BLOCKS["list"], monkeypatch, capsys).splitlines()
    ours = next(line for line in listed if "Sảnh A" in line and "never seen" not in line)
    assert "waiting 0" in ours
    typed(BLOCKS["revoke"], monkeypatch, capsys, KIOSK_ID=ours.split()[0])
    assert "revoked" in typed(BLOCKS["list"], monkeypatch, capsys)


def served(block: str, port: int, reported: Callable[[], bool]) -> None:
    """The command runs until it is ended; its first screen comes, on loopback only."""
    program = Path(sys.executable).with_name("eid")
    words = [str(program), *shlex.split(block)[1:]]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, env={**os.environ})
    try:
        limit = time.monotonic() + 120
        while True:
            try:
                page = requests.get(f"http://127.0.0.1:{port}/", timeout=30)
                break
            except requests.ConnectionError:
                assert process.poll() is None
                assert time.monotonic() < limit
                time.sleep(0.1)
        assert page.status_code == 200
        assert "Bệnh viện Thử" in page.text
        assert 'data-screen="welcome"' in page.text
        events = requests.get(f"http://127.0.0.1:{port}/events", timeout=30, stream=True)
        assert events.headers["Content-Type"].startswith("text/event-stream")
        lines = events.iter_lines(chunk_size=1)
        assert any(line.startswith(b"data: {") for _, line in zip(range(8), lines, strict=False))
        events.close()
        assert listeners(process.pid) <= {f"127.0.0.1:{port}"}
        while not reported():  # the first report follows the start
            assert time.monotonic() < limit
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)


def listeners(pid: int) -> set[str]:
    """The TCP addresses that the process and its children listen on, from /proc."""
    family = {pid, *children(pid)}
    inodes = set()
    for one in family:
        for link in Path(f"/proc/{one}/fd").iterdir():
            try:
                target = str(link.readlink())
            except OSError:
                continue
            found = re.fullmatch(r"socket:\[(\d+)\]", target)
            if found:
                inodes.add(found[1])
    heard = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in inodes:
                address, port = words[1].split(":")
                octets = bytes.fromhex(address)[::-1] if len(address) == 8 else b""
                heard.add(f"{'.'.join(map(str, octets))}:{int(port, 16)}")
    return heard


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    found = [int(word) for word in path.read_text().split()]
    return found + [deeper for child in found for deeper in children(child)]


def free_port() -> int:
    import socket  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


if __name__ == "__main__":
    PAGE.write_text(renewed(TEXT), encoding="utf-8")
