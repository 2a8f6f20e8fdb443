"""The one door out (contracts §7): pinned, guarded, bounded."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import time
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from eid.errors import Unavailable
from eid.keys import SigningKey
from eid.oidc.outbound import MAX_ANSWER, FetchedKeys, Notifier, Outbound
from eid.oidc.provider import Notice

AT = datetime(2026, 11, 21, tzinfo=UTC)
KEY = SigningKey.generate("client")


class Server(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "/jwks")
            self.end_headers()
            return
        if self.path.startswith("/drip"):
            self._drip()
            return
        bodies = {
            "/jwks": json.dumps({"keys": [KEY.public_jwk()]}).encode(),
            "/huge": b"x" * (MAX_ANSWER + 1),
            "/odd": b"{",
        }
        self.send_response(200 if self.path in bodies else 404)
        self.end_headers()
        self.wfile.write(bodies.get(self.path, b""))

    def _drip(self):
        """One byte now and then, for as long as the other side stays."""
        start = b"HTTP/1.0 200 OK\r\n"
        self.wfile.write(start + (b"X-Slow: " if "headers" in self.path else b"\r\n"))
        with contextlib.suppress(OSError):
            for _ in range(600):
                self.wfile.write(b"x")
                time.sleep(0.05)

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append(form)
        self.send_response(204 if self.path == "/out" else 400)
        self.end_headers()

    def log_message(self, *_args):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{found.server_address[1]}"
        found.shutdown()


def test_keys_are_fetched_and_remembered(server):
    now = [0.0]
    Server.asked.clear()
    keys = FetchedKeys(Outbound(insecure_loopback=True), clock=lambda: now[0])
    for seconds, fresh, calls in ((0, False, 1), (299, False, 1), (299, True, 2), (310, True, 2)):
        now[0] = seconds
        assert KEY.kid in keys(f"{server}/jwks", AT, fresh=fresh).keys
        assert len(Server.asked) == calls


@pytest.mark.parametrize("path", ["/huge", "/odd", "/none", "/away"])
def test_answers_that_are_no_keys(server, path):
    with pytest.raises(Unavailable):
        FetchedKeys(Outbound(insecure_loopback=True))(server + path, AT, fresh=False)


def test_an_address_that_failed_is_left_alone_for_five_seconds(server):
    now = [0.0]
    keys = FetchedKeys(Outbound(insecure_loopback=True), clock=lambda: now[0])
    Server.asked.clear()
    for seconds, calls in ((0, 1), (4, 1), (5, 2), (9, 2)):
        now[0] = seconds
        with pytest.raises(Unavailable):
            keys(f"{server}/none", AT, fresh=False)
        assert len(Server.asked) == calls
    assert KEY.kid in keys(f"{server}/jwks", AT, fresh=False).keys


def test_a_name_that_cannot_be_one_has_no_address():
    with pytest.raises(Unavailable) as caught:
        Outbound().get(f"https://{'a' * 64}.example/jwks")
    assert caught.value.code == "outbound.failed"


def test_loopback_and_http_are_for_development_only(server):
    for url in (server + "/jwks", "http://example.com/jwks"):
        with pytest.raises(Unavailable) as caught:
            Outbound(resolve=lambda *_: ["127.0.0.1"]).get(url)
        assert caught.value.code == "outbound.forbidden"


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "127.0.0.1",
        "::1",
        "fd00::1",
        "fe80::1%eth0",
        "::ffff:10.0.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "100.64.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "2002:a00:1::",
        "::10.0.0.1",
        "::ffff:0:10.0.0.1",
        "fec0::1",
        "64:ff9b:1::10.0.0.1",
    ],
)
def test_o012_nothing_private(address):
    for found in ([address], ["93.184.216.34", address]):
        outbound = Outbound(resolve=lambda *_, found=found: found)
        with pytest.raises(Unavailable) as caught:
            outbound.get("https://rp.example/jwks")
        assert caught.value.code == "outbound.forbidden"


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::93.184.216.34", "::ffff:8.8.8.8"]
)
def test_public_addresses_may_be_called(address):
    assert Outbound()._may("rp.example", address, True)


def test_a_name_without_address_or_answer():
    def fails(*_):
        raise OSError

    for resolve in (fails, lambda *_: ["127.0.0.1"]):
        outbound = Outbound(insecure_loopback=True, resolve=resolve)
        with pytest.raises(Unavailable):
            outbound.get("http://rp.example:1/jwks")


def test_listed_names_may_be_private():
    outbound = Outbound(allowed_hosts=frozenset({"rp.internal"}), resolve=lambda *_: ["127.0.0.2"])
    with pytest.raises(Unavailable) as caught:
        outbound.get("https://rp.internal:1/")
    assert caught.value.code == "outbound.failed"


def test_logout_tokens_are_delivered_at_once(server):
    notifier = Notifier(Outbound(insecure_loopback=True))
    notices = {
        "shop": Notice(address=f"{server}/out", token="a"),
        "app-of-the-same-shop": Notice(address=f"{server}/out", token="b"),
        "broken": Notice(address=f"{server}/no", token="c"),
        "away": Notice(address="http://127.0.0.1:1/", token="d"),
    }
    assert notifier(notices) == {"shop", "app-of-the-same-shop"}
    assert notifier({}) == frozenset()
    assert {"logout_token=a", "logout_token=b"} <= set(Server.asked)


@pytest.mark.parametrize("path", ["/drip", "/drip-headers"])
def test_o012_an_answer_that_never_ends_is_cut(server, path):
    """Each byte comes in time, the whole does not: a worker is not held by it."""
    outbound = Outbound(insecure_loopback=True, timeout_s=30.0, total_s=0.5)
    with pytest.raises(Unavailable) as caught:
        outbound.get(server + path)
    assert caught.value.code == "outbound.failed"
