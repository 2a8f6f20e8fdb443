"""Where the registered relying services are found, and who may be served (contracts §7).

Secrets are kept as salted hashes only. Members of ours begin with ``eid_``; ``eid_legal_entity``
is the sector of the pairwise ``sub``.

>>> client = client_from_metadata({
...     "client_id": "portal", "client_secret": "correct-horse-battery", "client_name": "Portal",
...     "redirect_uris": ["https://portal.example/callback"], "scope": "openid profile"},
...     legal_entity="Example Ltd")
>>> client.auth_method, client.sector
('client_secret_basic', 'Example Ltd')
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from eid.errors import FormatError, SettingsError
from eid.keys import JSON, encode_base64url, new_name, parse_json_object
from eid.oidc.client import (
    AUTH_METHODS as AUTH_METHODS,
    AuthMethod as AuthMethod,
    Client as Client,
)
from eid.oidc.client_metadata import client_from_metadata as client_from_metadata, wrong
from eid.oidc.settings import Role


class Clients(Protocol):
    """Where the registered clients are found."""

    def by_id(self, client_id: str) -> Client | None:
        """The client with exactly this id."""


@dataclass(frozen=True, slots=True)
class RegisteredClients:
    """A fixed set of clients, as read from a file."""

    clients: Mapping[str, Client]

    def by_id(self, client_id: str) -> Client | None:
        """The client with exactly this id."""
        return self.clients.get(client_id)

    @classmethod
    def of(cls, clients: Iterable[Client]) -> RegisteredClients:
        """These clients; SettingsError if an id is taken twice."""
        found: dict[str, Client] = {}
        for client in clients:
            if client.client_id in found:
                raise wrong("client_id", "ids that are all different")
            found[client.client_id] = client
        return cls(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A client that was read, and the secret that was made for it, to be shown once."""

    client: Client
    secret: str | None = field(default=None, repr=False)


def load_clients(path: Path, *, legal_entity: str) -> tuple[Client, ...]:
    """The clients of a file, as :func:`read_clients`, without secrets that were made."""
    return tuple(one.client for one in read_clients(path, legal_entity=legal_entity))


def read_clients(
    path: Path,
    *,
    legal_entity: str,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> tuple[Registered, ...]:
    """The clients of a JSON file: one registration object, or ``{"clients": [...]}``, or an array.

    A missing ``client_id``, or ``client_secret`` where the method needs one, is made.

    SettingsError names the file and the member. A client without ``eid_legal_entity`` belongs to
    ``legal_entity``, the operator.
    """
    try:
        data = path.read_bytes()
        wrapped = b'{"clients":' + data + b"}" if data.lstrip()[:1] == b"[" else data
        document = parse_json_object(wrapped)
    except OSError as error:
        raise SettingsError("The client file cannot be read.", file=str(path)) from error
    except FormatError as error:
        raise SettingsError("The client file is not JSON.", file=str(path)) from error
    listed = document.get("clients", [document])
    if not isinstance(listed, list) or not all(isinstance(item, Mapping) for item in listed):
        raise SettingsError("The client file holds no clients.", file=str(path))
    try:
        return tuple(_registered(item, legal_entity=legal_entity, rng=rng) for item in listed)
    except SettingsError as error:
        key, expected = str(error.facts["key"]), str(error.facts["expected"])
        raise SettingsError(
            error.message, code=error.code, file=str(path), key=key, expected=expected
        ) from error


def _registered(
    metadata: Mapping[str, JSON], *, legal_entity: str, rng: Callable[[int], bytes]
) -> Registered:
    completed, secret = dict(metadata), None
    if "client_id" not in metadata:
        completed["client_id"] = new_name(rng)
    method = metadata.get("token_endpoint_auth_method", "client_secret_basic")
    given = {"client_secret", "eid_client_secret_hash"} & metadata.keys()
    if method in {"client_secret_basic", "client_secret_post"} and not given:
        completed["client_secret"] = secret = encode_base64url(rng(32))
    client = client_from_metadata(completed, legal_entity=legal_entity, rng=rng)
    return Registered(client=client, secret=secret)


def check_operator(client: Client, *, legal_entity: str, role: Role) -> None:
    """SettingsError if the client is disabled, or if the operator may not serve it (contracts §7)."""
    if client.disabled:
        raise SettingsError(
            "This client is disabled.", code="settings.client_disabled", key="eid_disabled"
        )
    if role == "own_services" and client.legal_entity != legal_entity and not client.legal_basis:
        raise SettingsError(
            "This client belongs to another legal entity, and no legal basis is entered.",
            code="settings.client_role",
            key="eid_legal_basis",
            expected="the legal basis on which another entity's service is logged in",
        )
