"""The phone reader: two processes, one WebSocket, one card read."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from eid.chip.evidence import Evidence
from eid.testing.card_image import CardImage
from eid.testing.people import Person

ROOT = Path(__file__).resolve().parents[2]


def program(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", f"examples.phone_reader.{name}", *map(str, arguments)]


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        program("desk", "--listen", "127.0.0.1:0", "--challenge", "00" * 8, *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_a_card_on_a_phone(
    card_image: CardImage, people: dict[str, Person], tmp_path: Path
) -> None:
    card, out = tmp_path / "card.json", tmp_path / "evidence.json"
    card.write_bytes(card_image.to_json())
    desk = start("--out", out)
    assert desk.stdin is not None
    assert desk.stdout is not None
    desk.stdin.write(people["thu"].number + "\n")
    desk.stdin.flush()
    address = desk.stdout.readline().strip()
    wrong = address.rsplit("/", 1)[0] + "/guessed"
    refused = subprocess.run(
        program("phone", wrong, card), cwd=ROOT, capture_output=True, check=False
    )
    assert refused.returncode != 0
    subprocess.run(program("phone", address, card), cwd=ROOT, check=True, timeout=60)
    output, errors = desk.communicate(timeout=60)
    assert desk.returncode == 0, errors
    evidence = Evidence.from_json(out.read_bytes())
    assert evidence.files["EF.DG1"] == card_image.files["EF.DG1"]
    assert evidence.reader is not None
    assert evidence.reader.name == "Phone"
    assert "6 files" in output


def test_a_phone_that_hangs_up(people: dict[str, Person], tmp_path: Path) -> None:
    desk = start("--out", tmp_path / "no.json")
    assert desk.stdin is not None
    assert desk.stdout is not None
    desk.stdin.write(people["thu"].number + "\n")
    desk.stdin.flush()
    address = desk.stdout.readline().strip()
    host, port = address.split("/")[2].split(":")
    with socket.create_connection((host, int(port))) as phone:
        path = "/" + "/".join(address.split("/")[3:])
        phone.sendall(f"GET {path} HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n".encode())
        phone.recv(1000)
    _, errors = desk.communicate(timeout=60)
    assert desk.returncode == 1
    assert "card.removed" in errors
    assert not (tmp_path / "no.json").exists()
