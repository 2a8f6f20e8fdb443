"""The operator's settings: one value, read from one TOML file, with the environment over it.

A key ``[agent] url`` of the file is ``EID_AGENT_URL`` in the environment, ``issuer`` is
``EID_ISSUER``. Unknown keys are refused, and so is everything that would only fail later.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from eid.app import gateway_settings, people_settings
from eid.app.gateway_settings import GatewaySettings
from eid.app.logs import LEVELS, LogLevel
from eid.app.people_settings import PeopleSettings
from eid.errors import SettingsError

Role = Literal["own_services", "state_body", "licensed_provider"]

_MAX_FILE = 64 * 1024
SecretsFrom = Literal["files", "environment", "token"]
KeyStore = Literal["files", "sealed", "token"]
WRAPPING_KEY = "eid-secrets"
_SOURCES = ("files", "environment", "token")
_KEY_STORES = ("files", "sealed", "token")
_ROLES = ("own_services", "state_body", "licensed_provider")
MAX_SESSION_S = 24 * 3600
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_LISTEN = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[0-9A-Za-z.-]+):(?P<port>[0-9]{1,5})")
_ADDRESS = re.compile(r"[A-Za-z0-9._~:/%\[\]-]+", re.ASCII)
_PREFIX = re.compile(r"urn:[a-z0-9][a-z0-9-]{1,31}(:[a-z0-9-]+)*|https://[a-z0-9./-]+")

# key of the file -> (kind, expected); the whole language of eid.toml
_KEYS: Mapping[str, tuple[type, str]] = {
    "issuer": (str, "the https address of this provider, without a slash at the end"),
    "listen": (str, '"host:port"'),
    "database": (str, 'an SQLAlchemy URL such as "sqlite:///eid.db"'),
    "data_dir": (str, "a folder for the keys; it is made if it is absent"),
    "trust": (str, "the trust folder with csca/, link/, ds/ and crl/"),
    "workers": (int, "a number from 1 to 64"),
    "trusted_proxies": (list, 'a list of addresses or networks, such as ["10.0.0.0/8"]'),
    "session_s": (int, "seconds that a browser stays signed on; 0 turns single sign-on off"),
    "refresh_grace_s": (int, "0 to 10 seconds"),
    "requests_per_minute": (int, "requests a minute from one address; 0 for no limit"),
    "trust_framework": (str, "a name of your own for verified_claims"),
    "outbound_hosts": (list, "names that may have private addresses"),
    "acr_prefix": (str, 'a URN or https prefix of your own, such as "urn:example"'),
    "agent.url": (str, 'the card agent\'s address, such as "http://127.0.0.1:8350"'),
    "operator.legal_entity": (str, "the operator's name as a legal entity"),
    "operator.role": (str, " | ".join(_ROLES)),
    "secrets.source": (str, " | ".join(_SOURCES)),
    "pkcs11.module": (str, "the path of a PKCS#11 library"),
    "pkcs11.token": (str, "the label of a token"),
    "pkcs11.pin": (str, "the PIN of the token's user, best by EID_PKCS11_PIN"),
    "log_level": (str, " | ".join(LEVELS)),
    "traces.endpoint": (str, "a collector's address, such as http://127.0.0.1:4318/v1/traces"),
    "keys.store": (str, " | ".join(_KEY_STORES)),
    "keys.key_file": (
        str,
        "a file, kept apart from data_dir, with the secret that seals the keys",
    ),
    "pkcs11.wrapping_key": (str, "the label of the token's AES key that seals the secrets"),
    "counter.url": (str, "the https address of the counter, an origin of its own"),
    "counter.listen": (str, '"host:port", another one than the provider\'s'),
    "counter.second_officer": (bool, "true or false; whether two officers must match a holder"),
    "password.insecure_fast_hash": (bool, "true or false; true for loopback issuers only"),
    **people_settings.KEYS,
    **gateway_settings.KEYS,
}
_REQUIRED = ("issuer", "listen", "database", "data_dir", "trust", "agent.url")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """A PKCS#11 token, and the label of the AES key in it that seals the secrets."""

    module: Path
    token: str
    pin: str = field(repr=False)
    wrapping_key: str = WRAPPING_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterPlace:
    """Where the counter's pages are: an address of their own, apart from the provider's."""

    url: str
    host: str
    port: int
    second_officer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an installation decides. Paths are absolute; ``issuer`` has no trailing slash."""

    issuer: str
    host: str
    port: int
    database: str
    data_dir: Path
    trust: Path
    agent_url: str
    legal_entity: str
    role: Role
    workers: int = 1
    acr_prefix: str = "urn:eid"
    insecure_fast_hash: bool = False
    trusted_proxies: tuple[str, ...] = ()
    session_s: int = 8 * 3600
    refresh_grace_s: int = 10
    requests_per_minute: int = 6000
    trust_framework: str = "eid"
    outbound_hosts: tuple[str, ...] = ()
    people: PeopleSettings = field(default_factory=PeopleSettings)
    secrets_source: SecretsFrom = "files"
    secrets_given: Mapping[str, str] = field(default_factory=dict, repr=False)
    pkcs11: TokenSettings | None = None
    key_store: KeyStore = "files"
    log_level: LogLevel = "info"
    key_file: Path | None = None
    counter: CounterPlace | None = None
    traces: str | None = None
    gateway: GatewaySettings | None = None

    @property
    def development(self) -> bool:
        """Whether the issuer is plain http, which is allowed on loopback only."""
        return self.issuer.startswith("http://")

    @classmethod
    def load(cls, path: Path, environ: Mapping[str, str] | None = None) -> Settings:
        """Read and check ``path``; relative paths in it are relative to its folder.

        Raises SettingsError naming the file, the key and what was expected.
        """
        file = str(path)
        environ = environ or {}
        values = _over(_flatten(_read(path), file), environ, file)
        for key in _REQUIRED:
            if key not in values:
                raise _wrong(file, key, "is missing")
        given = {name: text for name, text in environ.items() if name.startswith("EID_SECRET_")}
        return replace(_check(values, file, path.resolve().parent), secrets_given=given)


def _read(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_FILE + 1)
        if len(data) > _MAX_FILE:
            raise SettingsError(f"The settings file {path.name} is too large.", file=str(path))
        return tomllib.loads(data.decode())
    except OSError as error:
        raise SettingsError(
            f"The settings file {path.name} cannot be read ({error.strerror}).", file=str(path)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The settings file {path.name} is not TOML.", file=str(path)
        ) from error


def _flatten(document: Mapping[str, object], file: str) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            values.update({f"{name}.{inner}": item for inner, item in value.items()})
        else:
            values[name] = value
    for key, value in values.items():
        if key not in _KEYS:
            raise SettingsError(
                f"The settings key {key[:64]} is unknown.",
                file=file,
                key=key[:64],
                expected=", ".join(_KEYS),
            )
        # bool is an int in Python: workers = true is a slip, not a number
        if type(value) is not _KEYS[key][0]:
            raise _wrong(file, key, "has the wrong type")
    return values


def _over(values: dict[str, object], environ: Mapping[str, str], file: str) -> dict[str, object]:
    for key, (kind, _) in _KEYS.items():
        text = environ.get("EID_" + key.replace(".", "_").upper())
        if text is None:
            continue
        if kind is bool:
            if text not in ("true", "false"):
                raise _wrong(file, key, "has the wrong type in the environment")
            values[key] = text == "true"
        elif kind is list:
            values[key] = [item.strip() for item in text.split(",") if item.strip()]
        elif kind is int:
            if not text.isascii() or not text.isdigit():
                raise _wrong(file, key, "has the wrong type in the environment")
            values[key] = int(text)
        else:
            values[key] = text
    return values


def _check(values: Mapping[str, object], file: str, folder: Path) -> Settings:
    issuer = _origin_url(values, "issuer", file)
    agent_url = _origin_url(values, "agent.url", file)
    development = issuer.startswith("http://")
    host, port = _listen(values, "listen", file, development=development)
    workers = cast("int", values.get("workers", 1))
    if not 1 <= workers <= 64:
        raise _wrong(file, "workers", "is out of range")
    role = values.get("operator.role", "own_services" if development else None)
    if role not in _ROLES:
        raise _wrong(file, "operator.role", "must be set outside development")
    legal_entity = str(values.get("operator.legal_entity", "development" if development else ""))
    if not legal_entity:
        raise _wrong(file, "operator.legal_entity", "must be set outside development")
    fast = bool(values.get("password.insecure_fast_hash", False))
    if fast and urlsplit(issuer).hostname not in _LOOPBACK:
        raise _wrong(file, "password.insecure_fast_hash", "is not allowed for this issuer")
    prefix = str(values.get("acr_prefix", "urn:eid"))
    if _PREFIX.fullmatch(prefix) is None:
        raise _wrong(file, "acr_prefix", "is no prefix")
    return Settings(
        issuer=issuer,
        host=host,
        port=port,
        database=_database(str(values["database"]), folder),
        data_dir=(folder / str(values["data_dir"])).absolute(),
        trust=(folder / str(values["trust"])).absolute(),
        agent_url=agent_url,
        legal_entity=legal_entity,
        role=cast("Role", role),
        workers=workers,
        acr_prefix=prefix,
        insecure_fast_hash=fast,
        trusted_proxies=_networks(values, file),
        session_s=_number(values, "session_s", 8 * 3600, MAX_SESSION_S, file),
        refresh_grace_s=_number(values, "refresh_grace_s", 10, 10, file),
        requests_per_minute=_number(values, "requests_per_minute", 6000, 10**9, file),
        trust_framework=str(values.get("trust_framework", "eid")),
        outbound_hosts=_texts(values, "outbound_hosts", file),
        counter=_counter(values, issuer, file),
        gateway=_gateway(values, issuer, folder, file),
        people=people_settings.read(values, folder, wrong=partial(_wrong, file)),
        secrets_source=_source(values, file),
        pkcs11=_pkcs11(values, file, folder),
        key_store=_key_store(values, file),
        log_level=_log_level(values, file),
        traces=_traces(values, file),
        key_file=_key_file(values, file, folder),
    )


def _log_level(values: Mapping[str, object], file: str) -> LogLevel:
    level = values.get("log_level", "info")
    if level not in LEVELS:
        raise _wrong(file, "log_level", "is unknown")
    return level


def _traces(values: Mapping[str, object], file: str) -> str | None:
    """The collector's address, if there is a table for it."""
    return _origin_url(values, "traces.endpoint", file) if "traces.endpoint" in values else None


def _key_store(values: Mapping[str, object], file: str) -> KeyStore:
    store = values.get("keys.store", "files")
    if store not in _KEY_STORES:
        raise _wrong(file, "keys.store", "is unknown")
    if store == "token" and "pkcs11.module" not in values:
        raise _wrong(file, "pkcs11.module", "is missing")
    beside = values.get("secrets.source", "files") == "files"
    if store == "sealed" and beside and "keys.key_file" not in values:
        raise _wrong(file, "keys.key_file", "is missing")
    return cast("KeyStore", store)


def _key_file(values: Mapping[str, object], file: str, folder: Path) -> Path | None:
    """Where the secret lies that seals the keys: never in the folder that it protects."""
    if "keys.key_file" not in values:
        return None
    path = (folder / str(values["keys.key_file"])).resolve()
    if path.is_relative_to((folder / str(values["data_dir"])).resolve()):
        raise _wrong(file, "keys.key_file", "lies in data_dir")
    return path


def _source(values: Mapping[str, object], file: str) -> SecretsFrom:
    source = values.get("secrets.source", "files")
    if source not in _SOURCES:
        raise _wrong(file, "secrets.source", "is unknown")
    if source == "token" and "pkcs11.module" not in values:
        raise _wrong(file, "pkcs11.module", "is missing")
    return cast("SecretsFrom", source)


def _pkcs11(values: Mapping[str, object], file: str, folder: Path) -> TokenSettings | None:
    given = {key.removeprefix("pkcs11."): str(values[key]) for key in values if "pkcs11." in key}
    if not given:
        return None
    for name in ("module", "token", "pin"):
        if not given.get(name):
            raise _wrong(file, f"pkcs11.{name}", "is missing")
    return TokenSettings(
        module=(folder / given["module"]).absolute(),
        token=given["token"],
        pin=given["pin"],
        wrapping_key=given.get("wrapping_key") or WRAPPING_KEY,
    )


def _listen(
    values: Mapping[str, object], key: str, file: str, *, development: bool
) -> tuple[str, int]:
    listen = _LISTEN.fullmatch(str(values[key]))
    if listen is None or not 0 < int(listen["port"]) < 65536:
        raise _wrong(file, key, "is no address")
    host = listen["host"].strip("[]")
    if development and host not in _LOOPBACK:
        raise _wrong(file, key, "must be on loopback for an http issuer")
    return host, int(listen["port"])


def _counter(values: Mapping[str, object], issuer: str, file: str) -> CounterPlace | None:
    """The counter's place, if there is one: another origin than the issuer's."""
    given = [key for key in values if key.startswith("counter.")]
    if not given:
        return None
    for key in ("counter.url", "counter.listen"):
        if key not in values:
            raise _wrong(file, key, "is missing")
    url = _origin_url(values, "counter.url", file)
    if urlsplit(url).path or urlsplit(url).netloc == urlsplit(issuer).netloc:
        raise _wrong(file, "counter.url", "must be an origin of its own, without a path")
    local = url.startswith("http://")
    if not local and urlsplit(url).hostname == urlsplit(issuer).hostname:
        # cookies and passkeys belong to a name, whatever the port
        raise _wrong(file, "counter.url", "must have a name of its own")
    host, port = _listen(values, "counter.listen", file, development=local)
    second = bool(values.get("counter.second_officer", False))
    return CounterPlace(url=url, host=host, port=port, second_officer=second)


def _gateway(
    values: Mapping[str, object], issuer: str, folder: Path, file: str
) -> GatewaySettings | None:
    """The remote verifier, if one is named: all that it needs, or none of it."""
    if not gateway_settings.asked(values):
        return None
    for key in gateway_settings.REQUIRED:
        if not values.get(key):
            raise _wrong(file, key, "is missing")
    url = _origin_url(values, "gateway.url", file)
    wrong = partial(_wrong, file)
    return gateway_settings.read(values, folder, url=url, audience=issuer, wrong=wrong)


def _number(values: Mapping[str, object], key: str, default: int, highest: int, file: str) -> int:
    number = cast("int", values.get(key, default))
    if not 0 <= number <= highest:
        raise _wrong(file, key, "is out of range")
    return number


def _texts(values: Mapping[str, object], key: str, file: str) -> tuple[str, ...]:
    listed = cast("list[object]", values.get(key, []))
    if not all(isinstance(item, str) for item in listed):
        raise _wrong(file, key, "holds something that is no text")
    return tuple(str(item) for item in listed)


def _networks(values: Mapping[str, object], file: str) -> tuple[str, ...]:
    listed = _texts(values, "trusted_proxies", file)
    try:
        for item in listed:
            ip_network(item)
    except ValueError as error:
        raise _wrong(file, "trusted_proxies", "holds something that is no network") from error
    return listed


def _origin_url(values: Mapping[str, object], key: str, file: str) -> str:
    """An https address, or http on loopback; no user, query or fragment; no slash at the end."""
    url = str(values[key])
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _wrong(file, key, "is no address") from error
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    clean = not (parts.query or parts.fragment or "@" in parts.netloc or url.endswith("/"))
    usual = _ADDRESS.fullmatch(url) is not None  # it stands in headers and policies as it is
    if not (secure and clean and usual and parts.hostname and port != 0):
        raise _wrong(file, key, "must be https (http on loopback only), without a final slash")
    return url


def _database(url: str, folder: Path) -> str:
    """An SQLite file is named relative to the settings file, wherever the command was started."""
    prefix = "sqlite:///"
    if url.startswith(prefix) and url != prefix and not url.startswith("sqlite:////"):
        return prefix + str((folder / url.removeprefix(prefix)).absolute())
    return url


def _wrong(file: str, key: str, what: str) -> SettingsError:
    return SettingsError(
        f"The settings key {key} {what}; expected is {_KEYS[key][1]}.",
        file=file,
        key=key,
        expected=_KEYS[key][1],
    )
