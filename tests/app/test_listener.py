"""Clients that connect and say little, against the real server (row F-005)."""

from __future__ import annotations

import http.client
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from eid.app import listener
from eid.app.listener import CONNECTIONS, HEADERS_S

SERVER = """
import sys
from eid.app.listener import listen

def application(environ, start):
    start("200 OK", [("Content-Length", "2")])
    return [b"ok"]

def load():
    return application

if __name__ == "__main__":
    listen("test", ("127.0.0.1", int(sys.argv[1])), load, headers_s=int(sys.argv[2]))
"""
IDLE = 1500
"""More than the 1,024 that granian would let in by itself."""


@pytest.fixture
def serving(tmp_path):
    place = tmp_path / "server.py"
    place.write_text(SERVER)
    with ExitStack() as stack:

        @contextmanager
        def start(headers_s: int) -> Iterator[int]:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = int(free.getsockname()[1])
            command = [sys.executable, str(place), str(port), str(headers_s)]
            process = subprocess.Popen(command)
            try:
                _until_it_answers(process, port)
                yield port
            finally:
                process.terminate()
                process.wait(60)

        yield lambda headers_s: stack.enter_context(start(headers_s))


def _until_it_answers(process, port) -> None:
    for _ in range(600):
        assert process.poll() is None
        try:
            assert ask(port) == b"ok"
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("it does not serve")


def ask(port: int) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nA: ", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"]
)
def test_f005_who_says_nothing_more_is_let_go(serving, said):
    """From the start, in the middle of a head, and after an answer."""
    port = serving(1)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(said)
        heard = b""
        while more := client.recv(4096):  # granian's own limit is thirty seconds
            heard += more
    assert heard.startswith(b"HTTP/1.1 200") is said.endswith(b"\r\n\r\n")
    assert ask(port) == b"ok"


def test_f005_a_head_that_comes_in_drops_has_no_longer(serving):
    with socket.create_connection(("127.0.0.1", serving(1)), timeout=20) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        with pytest.raises(OSError, match=r"."):
            _drip(client)


def _drip(client) -> None:
    """For twenty seconds, each drop long before the limit."""
    for _ in range(100):
        client.sendall(b"A: b\r\n")
        time.sleep(0.2)


def test_f005_a_crowd_of_silent_connections_keeps_nobody_out(serving):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < IDLE + 500:
        pytest.skip("this machine lets nobody open so many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, IDLE + 500), hard))
    port = serving(30)  # longer than it takes here to open them all
    with ExitStack() as crowd:
        crowd.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        clients = [
            crowd.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            for _ in range(IDLE)
        ]
        assert ask(port) == b"ok"
        assert sum(_is_open(client) for client in clients) > 1024


def _is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_the_limits_are_tighter_and_wider_than_the_servers_own():
    assert HEADERS_S < 30
    assert CONNECTIONS > 1024


def test_a_system_without_limits_on_files_is_asked_for_none(monkeypatch):
    """Windows, where card agents run too."""
    monkeypatch.setitem(sys.modules, "resource", None)
    listener._allow_files(CONNECTIONS)
