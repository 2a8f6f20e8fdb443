"""Peers run in environments and processes of their own (contracts §10).

``requirements/bench-NAME.txt`` pins a peer with hashes; its environment lives in
``.eid/bench/NAME``. A peer program reads one JSON task from standard input's first line, then
answers each line ``N`` with the CPU seconds that N repetitions took, so that rounds interleave.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".venv" / "bin" / "uv"


class PeerMissing(Exception):
    """The peer's environment cannot be made here, for instance without a network."""


def python_of(name: str) -> Path:
    """The interpreter of a peer's environment, made on first use; PeerMissing otherwise."""
    pins = ROOT / "requirements" / f"bench-{name}.txt"
    folder = ROOT / ".eid" / "bench" / name
    stamp = folder / "pins"
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()
    python = folder / "bin" / "python"
    if python.exists() and stamp.exists() and stamp.read_text() == digest:
        return python
    print(f"bench: preparing the peers of {pins.name}", file=sys.stderr, flush=True)
    environment = {**os.environ, **_index_of_pip()}
    steps: list[list[str | Path]] = [
        [UV, "venv", "-q", "--clear", "--python", sys.executable, folder],
        [
            UV,
            "pip",
            "install",
            "-q",
            "--python",
            python,
            "--require-hashes",
            "--no-build",
            "-r",
            pins,
        ],
    ]
    for step in steps:
        done = subprocess.run(step, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PeerMissing(done.stderr.strip().splitlines()[-1:] or ["uv failed"])
    stamp.write_text(digest)
    return python


def _index_of_pip() -> dict[str, str]:
    """What pip is configured with, as uv wants to be told (see scripts/prepare.py)."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import prepare  # noqa: PLC0415 - the set-up script, no package

        environment: dict[str, str] = prepare.uv_environment()
    finally:
        sys.path.pop(0)
    return environment


class Peer:
    """A running peer program."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def seconds(self, repetitions: int) -> float:
        """CPU seconds of so many repetitions in the peer's process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{repetitions}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise PeerMissing("the peer ended")
        return float(answer)


@contextmanager
def peer(name: str, program: str, task: object) -> Iterator[Peer]:
    """Start ``bench/peers/PROGRAM`` in the environment *name* with *task*."""
    process = subprocess.Popen(
        [python_of(name), "-I", ROOT / "bench" / "peers" / program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
        yield Peer(process)
    finally:
        process.stdin.close() if process.stdin else None
        process.wait(timeout=60)
