"""JMRTD, in Java, reads the very same software card: its commands and bytes are counted here.

Its jars are named with their SHA-256 in ``bench/peers/jmrtd/jars.txt``; Maven fetches them and
``javac`` builds the small driver beside them, once, into ``.eid/bench/jmrtd``.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
from pathlib import Path

from bench.environments import ROOT, PeerMissing
from eid.chip.transport import Counting
from eid.testing.card_image import CardImage
from eid.testing.softcard import SoftwareCard

SOURCE = ROOT / "bench" / "peers" / "jmrtd"
HOME = ROOT / ".eid" / "bench" / "jmrtd"
_TIMEOUT_S = 120


def read(image: CardImage, *, longest: int, block: int, by_sfi: bool) -> Counting:
    """Have JMRTD read this card; raises PeerMissing where there is no Java or no jar."""
    counting = Counting(SoftwareCard(image))
    arguments = (str(longest), str(block), str(by_sfi).lower())
    command = ["java", "-cp", _class_path(), "ReadCard", *arguments]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    watch = threading.Timer(_TIMEOUT_S, process.kill)
    watch.start()
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("done"):
                return counting
            answer = counting.transmit(bytes.fromhex(line.strip()))
            process.stdin.write(answer.hex() + "\n")
            process.stdin.flush()
    finally:
        watch.cancel()
        process.kill()
        process.wait(_TIMEOUT_S)
    raise PeerMissing("JMRTD did not read the card")


def _class_path() -> str:
    if not all(shutil.which(program) for program in ("java", "javac", "mvn")):
        raise PeerMissing("no Java and Maven here")
    jars = [_jar(*line.split()) for line in _pins()]
    path = ":".join(map(str, (*jars, HOME)))
    if not (HOME / "ReadCard.class").exists():
        _run("javac", "-d", HOME, "-cp", path, SOURCE / "ReadCard.java")
    return path


def _pins() -> list[str]:
    text = (SOURCE / "jars.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _jar(digest: str, coordinates: str) -> Path:
    """The jar of these coordinates, fetched where it is missing, with this SHA-256."""
    _, name, version = coordinates.split(":")
    jar = HOME / f"{name}-{version}.jar"
    if not jar.exists():
        HOME.mkdir(parents=True, exist_ok=True)
        goal = "dependency:copy"
        _run("mvn", "-q", "-B", goal, f"-Dartifact={coordinates}", f"-DoutputDirectory={HOME}")
    if hashlib.sha256(jar.read_bytes()).hexdigest() != digest:
        jar.unlink()
        raise PeerMissing(f"{jar.name} is not the one that was pinned")
    return jar


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        command, cwd=SOURCE, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    if done.returncode:
        raise PeerMissing((done.stdout + done.stderr).strip()[-200:] or f"{command[0]} failed")
