"""Start a process of the demo, wait until it answers, and end it with everything it started."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests

from eid.errors import Unavailable

_START_S = 60.0  # a machine busy with other work took 19 s
_STOP_S = 5.0


@dataclass(slots=True)
class Process:
    """One running program; its output goes to a log file in the demo's private folder."""

    name: str
    handle: subprocess.Popen[bytes] = field(repr=False)

    @classmethod
    def start(
        cls,
        name: str,
        arguments: Sequence[str],
        *,
        folder: Path,
        environ: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> Process:
        """Run ``python ARGUMENTS`` with this interpreter."""
        with (folder / f"{name}.log").open("wb") as log:
            handle = subprocess.Popen(  # noqa: S603 - this interpreter, our own modules
                [*_dying_with_us(), sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **(environ or {})},
            )
        if handle.stdin is not None:
            handle.stdin.write(stdin)
            handle.stdin.close()
        return cls(name=name, handle=handle)

    def wait_until_it_answers(self, url: str) -> None:
        """Poll ``url`` until it answers anything; Unavailable when the process ends or hangs."""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self.handle.poll() is None:
            with suppress(requests.RequestException):
                requests.get(url, timeout=2, allow_redirects=False)
                return
            time.sleep(0.05)
        raise Unavailable(f"The {self.name} of the demo did not start.", code="demo.process")

    def stop(self) -> None:
        """Ask it to end, then end it."""
        self.handle.terminate()
        try:
            self.handle.wait(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            self.handle.kill()
            self.handle.wait()


def _dying_with_us() -> tuple[str, ...]:
    """A prefix that ends the child when the demo is killed and cannot end it itself."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM") if setpriv else ()


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
