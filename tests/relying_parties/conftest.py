"""One provider in development mode for all relying parties, and each of them as a process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eid.keys import SigningKey
from eid.testing.browser import Browser

from .packages import LOG_IN
from .place import SECRET, Person, Registered, development_provider, free_port, metadata

CALLBACK = "http://127.0.0.1:9/callback"
KEY = SigningKey.generate("client")
NOT_USUAL = ("token_endpoint_auth_method", "eid_pkce_optional")
SERVICES = ("flask", "django", "fastapi", "idpyoidc", "node", "passport", "apache", "spring")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The provider's issuer, and the clients that it knows by name."""

    issuer: str
    clients: dict[str, Registered]

    def person(self, username: str) -> Person:
        return Person(issuer=self.issuer, username=username, browser=Browser())


class _Here(BaseHTTPRequestHandler):
    """Where a browser ends that comes back to a program without pages: its address says it all."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture(scope="session")
def callback() -> Iterator[str]:
    """The address that programs register."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Here) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/callback"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, callback: str) -> Iterator[Place]:
    clients = {
        name: Registered(client_id=name, port=free_port()) for name in (*SERVICES, "page", "api")
    }
    passport = json.loads((LOG_IN / "passport.json").read_text())
    special = {"passport": {name: passport[name] for name in NOT_USUAL}}
    registered = [metadata(clients[name], **special.get(name, {})) for name in SERVICES]
    page = json.loads((LOG_IN / "single_page" / "client.json").read_text())
    registered.append({**page, "redirect_uris": [f"{clients['page'].origin}/"]})
    api, caller = json.loads((LOG_IN / "api.json").read_text())
    audience = f"{clients['api'].origin}/"
    registered += [
        {**api, "client_secret": SECRET, "eid_audience": audience},
        {**caller, "redirect_uris": [callback], "eid_resources": [audience]},
    ]
    base = {
        "redirect_uris": [CALLBACK, callback],
        "grant_types": ["authorization_code", "refresh_token"],
    }
    keyed = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY.public_jwk()]}}
    registered += [
        {"client_id": "plain", "client_secret": "plain-secret", **base},
        {"client_id": "fapi", "eid_profile": "fapi2", **base, **keyed},
        {"client_id": "keyed", **base, **keyed},
    ]
    folder = tmp_path_factory.mktemp("provider")
    with development_provider(folder, registered) as issuer:
        yield Place(issuer=issuer, clients=clients)


@pytest.fixture(scope="session")
def issuer(place: Place) -> str:
    return place.issuer
