"""A provider for the agent's tests: keys, signed requests, and an HTTP server on loopback."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode

import pytest
from falcon import testing

from eid.chip.evidence import Evidence
from eid.chip.transport import Transport
from eid.errors import DeadlineExceeded
from eid.keys import (
    JSON,
    EncryptionKey,
    JwkSet,
    SigningKey,
    decrypt_jwe,
    encode_base64url,
    sign_jwt,
)
from eid.kiosk.agent import Agent
from eid.kiosk.app import create_app
from eid.kiosk.request import CardRequest, accept
from eid.kiosk.settings import AgentSettings, PinnedIssuer
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.softcard import SoftwareCard

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ISSUER = "https://id.example.vn"
CHALLENGE = bytes(range(8))
HANDLE = "handle-0123456789abcdef"


@dataclass
class FakeProvider:
    """Signs requests as ``issuer`` and opens the evidence that it gets."""

    issuer: str = ISSUER
    signing: SigningKey = field(default_factory=lambda: SigningKey.generate("tokens"))
    encryption: EncryptionKey = field(default_factory=lambda: EncryptionKey.generate("evidence"))
    received: list[dict[str, JSON]] = field(default_factory=list)
    answer: Callable[[], tuple[int, bytes]] = lambda: (
        200,
        json.dumps({"handle": HANDLE}).encode(),
    )
    headers: dict[str, str] = field(default_factory=dict)
    fetched: int = 0

    now: datetime = NOW
    challenge: bytes = CHALLENGE
    handle: str = HANDLE

    @property
    def pinned(self) -> PinnedIssuer:
        return PinnedIssuer(issuer=self.issuer)

    @property
    def jwks(self) -> dict[str, JSON]:
        return {"keys": [self.signing.public_jwk(), self.encryption.public_jwk()]}

    @property
    def keys(self) -> JwkSet:
        return JwkSet.from_jwks(self.jwks)

    def claims(self, at: datetime = NOW, **changes: JSON) -> dict[str, JSON]:
        claims: dict[str, JSON] = {
            "iss": self.issuer,
            "aud": "eid-agent",
            "jti": "j" * 22,
            "iat": int(at.timestamp()),
            "exp": int(at.timestamp()) + 60,
            "client_name": "Ngân hàng Thử",
            "purpose": "Đăng nhập",
            "plan": "kiosk",
            "challenge": encode_base64url(CHALLENGE),
            "return_uri": f"{self.issuer}/interaction/1/card/return",
            "evidence_uri": f"{self.issuer}/card/evidence",
            "cookie_hash": encode_base64url(bytes(32)),
        }
        claims.update(changes)
        return {name: value for name, value in claims.items() if value is not None}

    def accepted(self, **changes: JSON) -> CardRequest:
        return accept(self.request(**changes), self.pinned, self.keys, at=NOW)

    def request(self, at: datetime = NOW, **changes: JSON) -> str:
        return sign_jwt(self.claims(at, **changes), self.signing, typ="eid-card-request+jwt")

    def take(self, body: bytes) -> None:
        form = parse_qs(body.decode(), strict_parsing=True)
        sealed = decrypt_jwe(
            form["evidence"][0], self.encryption, typ="eid-evidence+jwe", max_bytes=400_000
        )
        content = json.loads(sealed)
        assert content["jti"] == form["jti"][0]
        self.received.append(content)


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def serving() -> Iterator[FakeProvider]:
    """A provider that answers on loopback: ``/jwks`` and ``/card/evidence``."""
    provider = FakeProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.fetched += 1
            found = self.path == "/jwks"
            self._send(200 if found else 404, json.dumps(provider.jwks).encode())

        def do_POST(self) -> None:
            provider.take(self.rfile.read(int(self.headers["Content-Length"])))
            self._send(*provider.answer())

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            for name, value in provider.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def card_image() -> CardImage:
    authority = DocumentAuthority.create(at=NOW)
    return personalise(PEOPLE["thu"], authority, at=NOW)


@dataclass
class Desk:
    """The agent in front of a serving provider, and the card that a person would present."""

    provider: FakeProvider
    agent: Agent
    client: testing.TestClient
    cards: list[Transport]
    waited: list[float]

    host = "127.0.0.1:35970"

    def post(self, path: str, form: dict[str, str], **headers: str) -> testing.Result:
        sent = {"Host": self.host, "Origin": f"http://{self.host}"} | headers
        sent |= {"Content-Type": "application/x-www-form-urlencoded"}
        wanted = {name: value for name, value in sent.items() if value}
        return self.client.simulate_post(path, body=urlencode(form), headers=wanted)

    def begin(self, token: str | None = None, **headers: str) -> testing.Result:
        form = {"request": token or self.provider.request(at=NOW)}
        return self.post("/card", form, **({"Origin": self.provider.issuer} | headers))

    def evidence(self) -> Evidence:
        content = self.provider.received[-1]["evidence"]
        return Evidence.from_json(json.dumps(content).encode())

    def form(self, page: testing.Result) -> tuple[str, dict[str, str]]:
        found = re.search(r'action="(/card/[^"]+/agree)"', page.text)
        token = re.search(r'name="form_token" value="([^"]+)"', page.text)
        assert found
        assert token
        return found[1], {"form_token": token[1], "agree": "yes", "number": PEOPLE["thu"].number}


@pytest.fixture
def desk(serving: FakeProvider, card_image: CardImage) -> Desk:
    cards: list[Transport] = [SoftwareCard(card_image)]
    waited: list[float] = []

    def connect(timeout: float) -> Transport:
        waited.append(timeout)
        if not cards:
            raise DeadlineExceeded("Nobody came.", code="card.none")
        return cards.pop(0)

    settings = AgentSettings(listen=Desk.host, issuers=(serving.pinned,))
    agent = Agent(settings, connect=connect, clock=lambda: serving.now)
    client = testing.TestClient(create_app(settings, agent=agent))
    return Desk(serving, agent, client, cards, waited)
