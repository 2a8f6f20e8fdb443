"""The fictional state's gateway behind a real socket, with what only a network can do to it."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from eid.app.gateway_settings import GatewaySettings
from eid.errors import Unavailable
from eid.keys import canonical_json, parse_json_object
from eid.testing.remote_gateway import AUDIENCE, ISSUER, FakeGateway

CREDENTIAL = "a-client-credential"
FAULTS = {"status": 503, "redirect": 302}


@dataclass
class GatewayServer:
    """``fault`` is of the network; the gateway's own faults are its ``faults``."""

    gateway: FakeGateway
    url: str = ""
    fault: str = ""
    released: threading.Event = field(default_factory=threading.Event)
    seen: list[dict[str, str]] = field(default_factory=list)
    files: list[set[str]] = field(default_factory=list)

    @property
    def settings(self) -> GatewaySettings:
        return GatewaySettings(
            url=self.url,
            issuer=ISSUER,
            audience=AUDIENCE,
            keys=canonical_json({"keys": [self.gateway.key.public_jwk()]}),
            credential=CREDENTIAL,
            timeout_s=1 if self.fault in {"silent", "drip"} else 15,
            max_age_s=120,
        )

    def break_as(self, fault: str) -> None:
        """One of the gateway's faults, or of the network's."""
        of_network = fault in {"silent", "drip", "hang_up", *FAULTS}
        self.fault = fault if of_network else ""
        self.gateway.faults = () if of_network or not fault else (fault,)


class _Handler(http.server.BaseHTTPRequestHandler):
    state: GatewayServer

    def do_POST(self) -> None:
        state = self.state
        body = self.rfile.read(int(self.headers["Content-Length"]))
        state.seen.append(dict(self.headers))
        state.files.append(set(parse_json_object(body, max_size=1 << 20)["files"]))
        if state.fault == "silent":
            state.released.wait(120)
            return
        if state.fault == "drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not state.released.wait(0.05):
                self.wfile.write(b"x")
            return
        if state.fault == "hang_up":
            return
        if state.fault in FAULTS:
            self.send_response(FAULTS[state.fault])
            self.send_header("Location", state.url)
            self.end_headers()
            return
        try:
            answer = state.gateway.post(body)
        except Unavailable:
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_args: object) -> None:
        pass

    def handle(self) -> None:
        with suppress(OSError):  # whoever asked has gone
            super().handle()


@contextmanager
def serving(gateway: FakeGateway) -> Iterator[GatewayServer]:
    state = GatewayServer(gateway=gateway)
    handler = type("Handler", (_Handler,), {"state": state})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}/verdicts"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield state
        finally:
            state.released.set()
            server.shutdown()
            thread.join()
