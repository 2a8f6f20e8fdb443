"""Settings of the card agent: one value, one TOML file, unknown keys refused.

>>> settings = AgentSettings(
...     listen="127.0.0.1:35970",
...     issuers=(PinnedIssuer(issuer="https://id.example.vn"),),
... )
>>> settings.origin, settings.issuers[0].jwks_uri
('http://127.0.0.1:35970', 'https://id.example.vn/jwks')
"""

from __future__ import annotations

import ipaddress
import tomllib
from dataclasses import dataclass
from pathlib import Path

from eid.errors import FormatError, SettingsError
from eid.kiosk.enrolled import EnrolledSettings, from_table as enrolled_from_table
from eid.kiosk.origins import origin_of

_KEYS = frozenset(
    {"listen", "name", "reader", "insecure_virtual_reader", "card_wait_s", "issuers", "kiosk"}
)
_ISSUER_KEYS = frozenset({"issuer", "jwks_uri"})
_MAX_FILE = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedIssuer:
    """A provider whose requests this agent obeys, and where its public keys are."""

    issuer: str
    jwks_uri: str = ""

    def __post_init__(self) -> None:
        if not self.jwks_uri:
            object.__setattr__(self, "jwks_uri", self.issuer.rstrip("/") + "/jwks")
        for key in ("issuer", "jwks_uri"):
            try:
                origin_of(getattr(self, key))
            except FormatError as e:
                raise _wrong(f"issuers.{key}", "an https URI, or http on loopback") from e

    @property
    def origin(self) -> str:
        """The web origin whose pages may send requests."""
        return origin_of(self.issuer)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """What the agent may do; ``reader`` is a PC/SC name or ``stream:/path`` of a unix socket."""

    listen: str
    issuers: tuple[PinnedIssuer, ...]
    name: str = "card agent"
    reader: str | None = None
    insecure_virtual_reader: bool = False
    card_wait_s: float = 45.0
    kiosk: EnrolledSettings | None = None

    def __post_init__(self) -> None:
        _check_listen(self.listen)
        origins = [issuer.origin for issuer in self.issuers]
        if not origins or len(set(origins)) != len(origins):
            raise _wrong("issuers", "at least one issuer, and each on an origin of its own")
        if not 1 <= self.card_wait_s <= 110:
            raise _wrong("card_wait_s", "a number of seconds from 1 to 110")
        if self.kiosk is not None and len(self.issuers) != 1:
            raise _wrong("issuers", "exactly one, the server that the kiosk is enrolled at")
        stream = (self.reader or "").startswith("stream:")
        if stream and not self.insecure_virtual_reader:
            raise _wrong("reader", "a real reader, or insecure_virtual_reader = true")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to bind."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def origin(self) -> str:
        """The agent's own origin, as browsers write it."""
        return f"http://{self.listen}"

    def pinned(self, origin: str) -> PinnedIssuer | None:
        """The issuer that lives on this origin, if one is pinned."""
        return next((issuer for issuer in self.issuers if issuer.origin == origin), None)

    @classmethod
    def load(cls, path: Path) -> AgentSettings:
        """Read a TOML file; SettingsError names the file and the key that is wrong."""
        try:
            table = tomllib.loads(_read(path))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
            raise SettingsError(
                f"{path} is not a TOML file.", file=str(path), expected="TOML 1.0"
            ) from e
        try:
            return _from_table(table, path.parent)
        except SettingsError as e:
            raise SettingsError(
                f"{path}: {e.message}",
                code=e.code,
                file=str(path),
                key=str(e.facts["key"]),
                expected=str(e.facts["expected"]),
            ) from e


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as e:
        raise SettingsError(
            f"The settings file {path} cannot be read.", file=str(path), expected="a readable file"
        ) from e
    if len(data) > _MAX_FILE:
        raise SettingsError(f"{path} is too large.", file=str(path), expected="at most 64 KiB")
    return data.decode("utf-8")


def _from_table(table: dict[str, object], base: Path) -> AgentSettings:
    for key in sorted(table.keys() - _KEYS):
        raise _wrong(key, "a known key: " + ", ".join(sorted(_KEYS)))
    wait = table.get("card_wait_s", 45.0)
    if isinstance(wait, bool) or not isinstance(wait, int | float):
        raise _wrong("card_wait_s", "a number of seconds from 1 to 110")
    virtual = table.get("insecure_virtual_reader", False)
    if not isinstance(virtual, bool):
        raise _wrong("insecure_virtual_reader", "true or false")
    return AgentSettings(
        listen=_text(table, "listen", None),
        name=_text(table, "name", "card agent"),
        reader=_text(table, "reader", "") or None,
        insecure_virtual_reader=virtual,
        card_wait_s=float(wait),
        issuers=_issuers(table.get("issuers")),
        kiosk=_kiosk(table.get("kiosk"), base),
    )


def _kiosk(value: object, base: Path) -> EnrolledSettings | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _wrong("kiosk", "a table [kiosk]")
    return enrolled_from_table(value, base=base)


def _issuers(value: object) -> tuple[PinnedIssuer, ...]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _wrong("issuers", "one table [[issuers]] per provider")
    for item in value:
        for key in sorted(item.keys() - _ISSUER_KEYS):
            raise _wrong(f"issuers.{key}", "issuer or jwks_uri")
    return tuple(
        PinnedIssuer(issuer=_text(item, "issuer", None), jwks_uri=_text(item, "jwks_uri", ""))
        for item in value
    )


def _text(table: dict[str, object], key: str, default: str | None) -> str:
    value = table.get(key, default)
    if not isinstance(value, str) or len(value) > 2_048:
        raise _wrong(key, "a text")
    return value


def _check_listen(listen: str) -> None:
    host, _, port = listen.rpartition(":")
    expected = "a loopback address and port, as in 127.0.0.1:35970"
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError as e:
        raise _wrong("listen", expected) from e
    bracketed = host.startswith("[") and host.endswith("]")
    if not address.is_loopback or (address.version == 6) is not bracketed:
        raise _wrong("listen", expected)
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65_535 or port[0] == "0":
        raise _wrong("listen", expected)


def _wrong(key: str, expected: str) -> SettingsError:
    return SettingsError(f"The setting {key} must be {expected}.", key=key, expected=expected)
