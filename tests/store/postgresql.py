"""A private PostgreSQL of one test run, on a unix socket only; None where it cannot be had."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def _unprivileged() -> str | None:
    """A user that may run the server: it refuses root."""
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    return None


@contextmanager
def server() -> Iterator[str | None]:
    folder = binaries()
    user = _unprivileged() if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    if folder is None or user is None:
        yield None
        return
    place = Path(tempfile.mkdtemp(prefix="eid-pg-"))
    prefix = ["runuser", "-u", user, "--"] if os.getuid() == 0 else []
    options = "-c listen_addresses= -c fsync=off -c max_connections=100"

    def run(program: str, *arguments: str) -> None:
        command = [*prefix, str(folder / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=60, cwd=place)

    try:
        shutil.chown(place, user)
        data = str(place / "data")
        run("initdb", "-D", data, "-U", "eid", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        log = str(place / "log")
        run("pg_ctl", "-D", data, "-l", log, "-w", "-o", f"{options} -k {place}", "start")
        try:
            yield f"postgresql://eid@/postgres?host={place}"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    except subprocess.SubprocessError:
        yield None
    finally:
        shutil.rmtree(place, ignore_errors=True)
