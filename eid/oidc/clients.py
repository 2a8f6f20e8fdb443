"""Registered relying services as values (RFC 7591 member names; contracts §7).

Secrets are kept as salted hashes only. Two members are ours: ``eid_min_auth_level`` and
``eid_legal_entity``, which is the sector of the pairwise ``sub``.

>>> client = client_from_metadata({
...     "client_id": "portal", "client_secret": "correct-horse-battery", "client_name": "Portal",
...     "redirect_uris": ["https://portal.example/callback"], "scope": "openid profile"},
...     legal_entity="Example Ltd")
>>> client.auth_method, client.sector
('client_secret_basic', 'Example Ltd')
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from eid.errors import FormatError, SettingsError
from eid.keys import JSON, parse_json_object
from eid.oidc.claims import SCOPES
from eid.oidc.client_secrets import check_hash, hash_secret
from eid.oidc.redirect_uris import MAX_URI, is_allowed
from eid.oidc.settings import Role

AuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]

AUTH_METHODS: tuple[AuthMethod, ...] = ("client_secret_basic", "client_secret_post", "none")
MIN_SECRET, MAX_SECRET = 8, 256
MAX_REDIRECT_URIS = 32
_CLIENT_ID = re.compile(r"[A-Za-z0-9._~:/-]{1,128}", re.ASCII)
_OWN_MEMBERS = frozenset(
    {"eid_min_auth_level", "eid_legal_entity", "eid_legal_basis", "eid_client_secret_hash"}
)
_ORDINARY_SCOPES = "openid profile address"
_SCOPES_WITHOUT_CLAIMS = frozenset({"openid", "email", "phone", "offline_access"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One relying service. ``secret_hash`` is None exactly for public clients (``none``).

    ``min_auth_level`` None stands for the default: the level that is asked for.
    """

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    auth_method: AuthMethod
    legal_entity: str
    scopes: frozenset[str] = frozenset({"openid"})
    min_auth_level: int | None = None
    legal_basis: str | None = None
    secret_hash: str | None = field(default=None, repr=False)

    @property
    def sector(self) -> str:
        """The sector of the pairwise ``sub``: the legal entity, never a host name."""
        return self.legal_entity

    def to_metadata(self) -> dict[str, JSON]:
        """The registration without its secret, as it is stored and shown."""
        metadata: dict[str, JSON] = {
            "client_id": self.client_id,
            "client_name": self.name,
            "redirect_uris": list(self.redirect_uris),
            "token_endpoint_auth_method": self.auth_method,
            "scope": " ".join(sorted(self.scopes)),
            "eid_legal_entity": self.legal_entity,
        }
        optional: dict[str, JSON] = {
            "eid_min_auth_level": self.min_auth_level,
            "eid_legal_basis": self.legal_basis,
            "eid_client_secret_hash": self.secret_hash,
        }
        return metadata | {name: value for name, value in optional.items() if value is not None}


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
                raise _wrong("client_id", "ids that are all different")
            found[client.client_id] = client
        return cls(found)


def load_clients(path: Path, *, legal_entity: str) -> tuple[Client, ...]:
    """The clients of a JSON file: one registration object, or ``{"clients": [...]}``, or an array.

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
        return tuple(client_from_metadata(item, legal_entity=legal_entity) for item in listed)
    except SettingsError as error:
        key, expected = str(error.facts["key"]), str(error.facts["expected"])
        raise SettingsError(
            error.message, code=error.code, file=str(path), key=key, expected=expected
        ) from error


def client_from_metadata(
    metadata: Mapping[str, JSON],
    *,
    legal_entity: str,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> Client:
    """A client from an RFC 7591 object; SettingsError names the member that is wrong.

    The secret comes as ``client_secret`` or, from a store, as ``eid_client_secret_hash``. Members
    that mean nothing here are ignored (RFC 7591 §2), except for unknown ones of ours.
    """
    for name in metadata:
        if name.startswith("eid_") and name not in _OWN_MEMBERS:
            raise _wrong(name, f"one of {', '.join(sorted(_OWN_MEMBERS))}")
    client_id = _text(metadata, "client_id")
    if not _CLIENT_ID.fullmatch(client_id):
        raise _wrong("client_id", "1 to 128 letters, digits and ._~:/-")
    method = metadata.get("token_endpoint_auth_method", "client_secret_basic")
    if method not in AUTH_METHODS:
        raise _wrong("token_endpoint_auth_method", ", ".join(AUTH_METHODS))
    _check_offered(metadata)
    return Client(
        client_id=client_id,
        name=_text(metadata, "client_name", default=client_id),
        redirect_uris=_redirect_uris(metadata),
        auth_method=method,
        legal_entity=_text(metadata, "eid_legal_entity", default=legal_entity),
        scopes=_scopes(metadata),
        min_auth_level=_min_auth_level(metadata),
        legal_basis=_text(metadata, "eid_legal_basis", default="") or None,
        secret_hash=_secret_hash(metadata, public=method == "none", rng=rng),
    )


def check_operator(client: Client, *, legal_entity: str, role: Role) -> None:
    """SettingsError if an operator in this role may not serve the client (contracts §7)."""
    if role == "own_services" and client.legal_entity != legal_entity and not client.legal_basis:
        raise SettingsError(
            "This client belongs to another legal entity, and no legal basis is entered.",
            code="settings.client_role",
            key="eid_legal_basis",
            expected="the legal basis on which another entity's service is logged in",
        )


def _redirect_uris(metadata: Mapping[str, JSON]) -> tuple[str, ...]:
    uris = metadata.get("redirect_uris")
    if not isinstance(uris, list) or not 0 < len(uris) <= MAX_REDIRECT_URIS:
        raise _wrong("redirect_uris", "a list of addresses")
    for uri in uris:
        if not isinstance(uri, str) or not is_allowed(uri):
            raise _wrong(
                "redirect_uris", "https (http on loopback only), without fragment or wildcard"
            )
    return tuple(str(uri) for uri in uris)


def _scopes(metadata: Mapping[str, JSON]) -> frozenset[str]:
    """Number and card data only by name; the usual scopes that have no claims here fall away."""
    named = frozenset(_text(metadata, "scope", default=_ORDINARY_SCOPES).split())
    if not named <= SCOPES | _SCOPES_WITHOUT_CLAIMS:
        raise _wrong("scope", "openid and any of " + " ".join(sorted(SCOPES)))
    return (named & SCOPES) | {"openid"}


def _min_auth_level(metadata: Mapping[str, JSON]) -> int | None:
    level = metadata.get("eid_min_auth_level")
    if level is None:
        return None
    if not isinstance(level, int) or isinstance(level, bool) or not 1 <= level <= 4:
        raise _wrong("eid_min_auth_level", "a number from 1 to 4")
    return level


def _check_offered(metadata: Mapping[str, JSON]) -> None:
    """What registration may ask for only if it is what is offered."""
    for name, offered in (("grant_types", "authorization_code"), ("response_types", "code")):
        listed = metadata.get(name, [offered])
        if not isinstance(listed, list) or offered not in listed:
            raise _wrong(name, f"a list with {offered}")
    if metadata.get("id_token_signed_response_alg", "ES256") != "ES256":
        raise _wrong("id_token_signed_response_alg", "ES256")


def _secret_hash(
    metadata: Mapping[str, JSON], *, public: bool, rng: Callable[[int], bytes]
) -> str | None:
    secret, stored = metadata.get("client_secret"), metadata.get("eid_client_secret_hash")
    if public:
        if secret is not None or stored is not None:
            raise _wrong("client_secret", "no secret for a public client")
        return None
    if stored is not None:
        return _stored_hash(stored)
    if not isinstance(secret, str) or not MIN_SECRET <= len(secret) <= MAX_SECRET:
        raise _wrong("client_secret", f"{MIN_SECRET} to {MAX_SECRET} characters")
    return hash_secret(secret, rng=rng)


def _stored_hash(stored: JSON) -> str:
    try:
        check_hash(str(stored))
    except FormatError as error:
        raise _wrong("eid_client_secret_hash", "a hash made by this program") from error
    return str(stored)


def _text(metadata: Mapping[str, JSON], name: str, *, default: str | None = None) -> str:
    value = metadata.get(name, default)
    if not isinstance(value, str) or len(value) > MAX_URI or not value.isprintable():
        raise _wrong(name, "a text")
    return value


def _wrong(member: str, expected: str) -> SettingsError:
    return SettingsError(
        f"The client's {member[:64]} is not usable; expected is {expected}.",
        code="settings.client",
        key=member[:64],
        expected=expected,
    )
