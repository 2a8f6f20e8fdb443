"""One provider in development mode for all relying parties, and each of them as a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from eid.keys import SigningKey
from eid.testing.browser import Browser

from .place import Person, Registered, development_provider, free_port, metadata

CALLBACK = "http://127.0.0.1:9/callback"
KEY = SigningKey.generate("client")
SERVICES = ("flask", "django", "fastapi", "idpyoidc", "node", "passport", "apache", "spring")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The provider's issuer, and the clients that it knows by name."""

    issuer: str
    clients: dict[str, Registered]

    def person(self, username: str) -> Person:
        return Person(issuer=self.issuer, username=username, browser=Browser())


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    clients = {name: Registered(client_id=name, port=free_port()) for name in (*SERVICES, "page")}
    registered = [metadata(clients[name], **SPECIAL.get(name, {})) for name in SERVICES]
    page = clients["page"]
    registered.append(
        metadata(
            page,
            client_secret=None,
            token_endpoint_auth_method="none",
            redirect_uris=[f"{page.origin}/"],
            dpop_bound_access_tokens=True,
        )
    )
    base = {"redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"]}
    keyed = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY.public_jwk()]}}
    registered += [
        {"client_id": "plain", "client_secret": "plain-secret", **base},
        {"client_id": "fapi", "eid_profile": "fapi2", **base, **keyed},
        {"client_id": "keyed", **base, **keyed},
    ]
    folder = tmp_path_factory.mktemp("provider")
    with development_provider(folder, registered) as issuer:
        yield Place(issuer=issuer, clients=clients)


SPECIAL: dict[str, dict[str, object]] = {
    "passport": {
        "token_endpoint_auth_method": "client_secret_post",
        "eid_pkce_optional": True,
    }
}


@pytest.fixture(scope="session")
def issuer(place: Place) -> str:
    return place.issuer
