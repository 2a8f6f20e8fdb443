"""Clients that send slowly (row O-071)."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable
from typing import Any

import pytest

from eid.app.gate import SHARE, WAITING, WORKING, Gate
from eid.oidc.traffic import networks


class Slow:
    """A body that never comes until it is let go."""

    def __init__(self, arrived: threading.Semaphore, go: threading.Event) -> None:
        self._arrived, self._go = arrived, go

    def read(self, size: int) -> bytes:
        self._arrived.release()
        self._go.wait(20)
        return b"a" * size


def echo(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    start("200 OK", [])
    return [environ["wsgi.input"].read()]


def ask(
    gate: Gate, body: Any = None, length: str = "", peer: str = "127.0.0.1", said: str = ""
) -> tuple[str, bytes]:
    seen: list[str] = []
    environ = {"CONTENT_LENGTH": length, "wsgi.input": body or io.BytesIO(), "REMOTE_ADDR": peer}
    if said:
        environ["HTTP_X_FORWARDED_FOR"] = said
    content = b"".join(gate(environ, lambda status, _headers: seen.append(status)))
    return seen[0], content


def test_slow_bodies_hold_neither_other_requests_nor_more_than_their_share() -> None:
    gate, arrived, go = Gate(echo, 100), threading.Semaphore(0), threading.Event()
    answers: list[tuple[str, bytes]] = []

    def slow() -> None:
        answers.append(ask(gate, Slow(arrived, go), "3"))

    threads = [threading.Thread(target=slow, daemon=True) for _ in range(WAITING)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert arrived.acquire(timeout=20)
    assert ask(gate) == ("200 OK", b""), "a request without a body goes through"
    status, _ = ask(gate, io.BytesIO(b"abc"), "3")
    assert status == "503 Service Unavailable"
    go.set()
    for thread in threads:
        thread.join(20)
    assert answers == [("200 OK", b"aaa")] * WAITING
    assert ask(gate, io.BytesIO(b"abc"), "3") == ("200 OK", b"abc"), "and all is free again"


@pytest.mark.parametrize(
    ("peer", "said", "other", "other_said"),
    [
        ("192.0.2.7", "", "192.0.2.8", ""),
        ("2001:db8::1", "", "2001:db8:0:1::1", ""),
        ("127.0.0.1", "192.0.2.7", "127.0.0.1", "192.0.2.8"),
        ("192.0.2.7", "192.0.2.9", "192.0.2.8", "192.0.2.9"),
    ],
)
def test_one_address_cannot_take_every_place(
    peer: str, said: str, other: str, other_said: str
) -> None:
    gate = Gate(echo, 100, trusted=networks(["127.0.0.1"]))
    arrived, go = threading.Semaphore(0), threading.Event()
    answers: list[tuple[str, bytes]] = []

    def slow() -> None:
        answers.append(ask(gate, Slow(arrived, go), "3", peer, said))

    threads = [threading.Thread(target=slow, daemon=True) for _ in range(SHARE)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert arrived.acquire(timeout=20)
    status, _ = ask(gate, io.BytesIO(b"abc"), "3", peer, said)
    assert status == "503 Service Unavailable"
    assert ask(gate, io.BytesIO(b"abc"), "3", other, other_said) == ("200 OK", b"abc")
    go.set()
    for thread in threads:
        thread.join(20)
    assert answers == [("200 OK", b"aaa")] * SHARE
    assert ask(gate, io.BytesIO(b"abc"), "3", peer, said) == ("200 OK", b"abc")


def test_few_work_at_once() -> None:
    now, most, lock = 0, 0, threading.Lock()
    full = threading.Event()

    def work(_environ: Any, start: Any) -> Iterable[bytes]:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            if now == WORKING:
                full.set()
        assert full.wait(20)
        with lock:
            now -= 1
        start("200 OK", [])
        return []

    gate = Gate(work, 100)
    threads = [threading.Thread(target=ask, args=(gate,)) for _ in range(4 * WORKING)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == WORKING


@pytest.mark.parametrize("length", ["101", "9" * 30, "-5", "x", "٣", "", "0"])
def test_a_body_of_no_usable_length_is_not_read(length: str) -> None:
    body = Slow(threading.Semaphore(0), threading.Event())
    seen: list[object] = []

    def look(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        seen.append(environ["wsgi.input"])
        start("413", [])
        return []

    assert ask(Gate(look, 100), body, length) == ("413", b"")
    assert seen == [body]


def test_a_body_that_breaks_off_gives_its_place_back() -> None:
    class Broken:
        def read(self, _size: int) -> bytes:
            raise ConnectionResetError

    gate = Gate(echo, 100)
    for _ in range(WAITING + 1):
        with pytest.raises(ConnectionResetError):
            ask(gate, Broken(), "3")
    assert ask(gate, io.BytesIO(b"abc"), "3") == ("200 OK", b"abc")
