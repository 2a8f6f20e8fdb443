"""Where the relying parties' pinned packages live: made once, shared by all test processes."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
STATE = ROOT / ".eid" / "relying_parties"
LOG_IN = ROOT / "examples" / "log_in"
PATIENCE_S = 600


def node_packages() -> Path:
    """A folder whose ``node_modules`` holds the pinned packages; skips where they cannot be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node or npm is not installed")
    files = [HERE / "package.json", HERE / "package-lock.json"]

    def make(folder: Path) -> None:
        for file in files:
            shutil.copy(file, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        _run(command, cwd=folder, problem="the node packages cannot be installed here")

    return _made("node", files, make)


def python() -> Path:
    """The interpreter of an environment with Django, Flask, FastAPI and the client libraries."""
    pins = ROOT / "requirements" / "relying-parties.txt"
    uv = Path(sys.executable).parent / "uv"
    if not uv.exists():
        pytest.skip("uv is not in this environment: make ready")

    def make(folder: Path) -> None:
        environment = _index_settings()
        install = [uv, "pip", "install", "-q", "--python", folder / "bin/python", "--no-build"]
        for command in (
            [uv, "venv", "-q", "--clear", "--python", sys.executable, folder],
            [*install, "--require-hashes", "-r", pins],
        ):
            problem = "the packages of requirements/relying-parties.txt cannot be installed here"
            _run(command, cwd=ROOT, problem=problem, env=environment)

    return _made("python", [pins], make) / "bin/python"


def _made(name: str, sources: Sequence[Path], make: Callable[[Path], None]) -> Path:
    """The folder, made anew if its sources have changed; other processes wait for the first."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    folder, stamp = STATE / name, STATE / f"{name}.stamp"
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / f"{name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (folder.exists() and stamp.exists() and stamp.read_text() == digest):
            stamp.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            stamp.write_text(digest)
    return folder


def _run(
    command: Sequence[str | Path], *, cwd: Path, problem: str, env: Mapping[str, str] | None = None
) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(problem)
    if done.returncode:
        pytest.skip(f"{problem}: {done.stderr.decode(errors='replace').strip()[-300:]}")


def _index_settings() -> Mapping[str, str]:
    """What pip is configured with, as uv wants to be told (scripts/prepare.py)."""
    spec = importlib.util.spec_from_file_location("prepare", ROOT / "scripts" / "prepare.py")
    assert spec
    assert spec.loader
    prepare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prepare)
    settings: Mapping[str, str] = prepare.uv_environment()
    return settings
