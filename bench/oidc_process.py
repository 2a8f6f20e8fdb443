"""Servers as processes of their own, and what they cost: CPU seconds, memory, time to answer."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DEADLINE_S = 90.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port, and the process that answers."""

    port: int
    pid: int
    started_s: float

    def cpu(self) -> float:
        """CPU seconds of the answering process so far, threads that ended included."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def memory_mib(self) -> float:
        """Resident memory."""
        return self._status("VmRSS")

    def own_mib(self) -> float:
        """Memory that holds this process's own data, not files."""
        return self._status("RssAnon")

    def _status(self, name: str) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str | Path], port: int, probe: str, environ: dict[str, str] | None = None
) -> Iterator[Server]:
    """Start a server and wait for its first answer; its only worker is the one that counts."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **(environ or {})}, stdout=subprocess.DEVNULL
    )
    try:
        _wait(process, port, probe, began)
        yield Server(port, _worker(process.pid), time.perf_counter() - began)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, probe: str, began: float) -> None:
    while time.perf_counter() - began < DEADLINE_S:
        if process.poll() is not None:
            sys.exit(f"bench: the server ended with {process.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", probe)
            if connection.getresponse().status < 500:
                return
        except OSError:
            time.sleep(0.005)
        finally:
            connection.close()
    sys.exit("bench: the server does not answer")


def _worker(parent: int) -> int:
    """The child that does the work (the resource tracker of multiprocessing does none)."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    workers = [int(pid) for pid in children if _cpu_of(int(pid)) is not None]
    return max(workers, key=lambda pid: _cpu_of(pid) or 0.0, default=parent)


def _cpu_of(pid: int) -> float | None:
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return None
