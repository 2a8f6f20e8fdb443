"""Settings of the remote verifier that is asked about cards: ``[gateway]`` in eid.toml.

>>> asked({"gateway.url": "https://gateway.example/verdicts"}), asked({"issuer": "…"})
(True, False)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from eid.errors import EidError, SettingsError
from eid.keys import JwkSet, canonical_json, parse_json_object

MAX_TIMEOUT_S: Final = 15
MAX_AGE_S: Final = 300
KEYS: Mapping[str, tuple[type, str]] = {
    "gateway.url": (str, "the https address of a remote verifier (http on loopback only)"),
    "gateway.issuer": (str, "the name that its answers carry as iss"),
    "gateway.keys": (str, "a file with its public keys, as a JWK or a JWK set"),
    "gateway.audience": (str, "the name that it knows you by, its aud; by default your issuer"),
    "gateway.credential": (str, "the bearer token it wants, best by EID_GATEWAY_CREDENTIAL"),
    "gateway.credential_file": (str, "a file with that token, in place of gateway.credential"),
    "gateway.timeout_s": (int, f"seconds until it counts as silent, 1 to {MAX_TIMEOUT_S}"),
    "gateway.max_age_s": (int, f"seconds that its answer may be old, 1 to {MAX_AGE_S}"),
}
REQUIRED: Final = ("gateway.url", "gateway.issuer", "gateway.keys")
_MAX_FILE: Final = 64 * 1024
_CREDENTIAL: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,4096}=*", re.ASCII)
Wrong = Callable[[str, str], SettingsError]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """Whom to ask about a card. ``keys`` is a JWK set as JSON, checked when it was read."""

    url: str
    issuer: str
    audience: str
    keys: bytes
    credential: str = field(default="", repr=False)
    timeout_s: int = 5
    max_age_s: int = MAX_AGE_S

    def key_set(self) -> JwkSet:
        """The pinned keys."""
        return JwkSet.from_jwks(parse_json_object(self.keys, max_size=_MAX_FILE * 2))


def asked(values: Mapping[str, object]) -> bool:
    """Whether the settings name a gateway at all."""
    return any(key in values for key in KEYS)


def read(
    values: Mapping[str, object], folder: Path, *, url: str, audience: str, wrong: Wrong
) -> GatewaySettings:
    """From the flat values of the file; SettingsError as ``wrong`` makes it."""
    return GatewaySettings(
        url=url,
        issuer=str(values["gateway.issuer"]),
        audience=str(values.get("gateway.audience") or audience),
        keys=_keys(folder / str(values["gateway.keys"]), wrong),
        credential=_credential(values, folder, wrong),
        timeout_s=_seconds(values, "gateway.timeout_s", 5, MAX_TIMEOUT_S, wrong),
        max_age_s=_seconds(values, "gateway.max_age_s", MAX_AGE_S, MAX_AGE_S, wrong),
    )


def _keys(path: Path, wrong: Wrong) -> bytes:
    key = "gateway.keys"
    try:
        document = parse_json_object(_bytes(path, key, wrong), max_size=_MAX_FILE)
        jwks = document if "keys" in document else {"keys": [document]}
        known = JwkSet.from_jwks(jwks).keys
    except SettingsError:
        raise
    except EidError as error:
        raise wrong(key, "names a file that holds no public keys") from error
    if not known:
        raise wrong(key, "names a file without a usable public key")
    return canonical_json(jwks)


def _credential(values: Mapping[str, object], folder: Path, wrong: Wrong) -> str:
    given = str(values.get("gateway.credential", ""))
    key, named = "gateway.credential", values.get("gateway.credential_file")
    if named:
        if given:
            raise wrong("gateway.credential_file", "is given beside gateway.credential")
        key = "gateway.credential_file"
        given = _bytes(folder / str(named), key, wrong).decode("ascii", "replace").strip()
    if (given or named) and _CREDENTIAL.fullmatch(given) is None:
        raise wrong(key, "holds no bearer token")
    return given


def _bytes(path: Path, key: str, wrong: Wrong) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_FILE + 1)
    except OSError as error:
        raise wrong(key, "names a file that cannot be read") from error
    if len(data) > _MAX_FILE:
        raise wrong(key, "names a file that is too large")
    return data


def _seconds(
    values: Mapping[str, object], key: str, default: int, highest: int, wrong: Wrong
) -> int:
    number = cast("int", values.get(key, default))
    if not 1 <= number <= highest:
        raise wrong(key, "is out of range")
    return number
