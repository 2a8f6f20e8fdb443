"""Where the installation's secrets come from: files, the environment, or files sealed by a token.

>>> source = secrets_from_environment({"EID_SECRET_ENVELOPE": "00" * 32})
>>> len(source("envelope"))
32
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from eid.errors import FormatError, SettingsError
from eid.keys.files import load_or_create, load_or_create_secret, place_of

LENGTH = 32
PURPOSES = ("lookup", "pairwise", "envelope", "grants")
"""The secrets that the database's contents depend on; without one of them nothing is opened."""
FOLDER = "keys"
"""The secret that the folder of the other keys is sealed under, where it is."""

_HEX = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


class SecretSource(Protocol):
    """Gives the 32-byte secret of a purpose."""

    def __call__(self, purpose: str, *, make: bool = True) -> bytes:
        """The secret; SettingsError when it cannot be had.

        With ``make`` false a secret that is not there is ``keys.missing``, never a new one: a
        database that was written with another would be lost.
        """


class Sealer(Protocol):
    """What seals a secret under a key that stays elsewhere, such as a token."""

    def seal(self, label: str, data: bytes, *, context: bytes) -> bytes:
        """Encrypt for a context."""

    def open(self, label: str, sealed: bytes, *, context: bytes) -> bytes:
        """Decrypt; FormatError for another key, context or altered bytes."""


def secrets_from_files(data_dir: Path) -> SecretSource:
    """``data_dir/keys/<purpose>.secret``, made on first use."""

    def source(purpose: str, *, make: bool = True) -> bytes:
        _require(place_of(data_dir, purpose, ".secret"), make=make)
        return load_or_create_secret(data_dir, purpose, LENGTH)

    return source


def secrets_from_environment(environ: Mapping[str, str]) -> SecretSource:
    """``EID_SECRET_<PURPOSE>``, 64 hexadecimal digits each (``openssl rand -hex 32``)."""

    def source(purpose: str, *, make: bool = True) -> bytes:
        del make
        name = "EID_SECRET_" + purpose.upper()
        text = environ.get(name, "")
        if not _HEX.fullmatch(text):
            raise SettingsError(
                "A secret is missing in the environment, or malformed.",
                code="keys.environment",
                key=name,
                expected="64 hexadecimal digits",
            )
        return bytes.fromhex(text)

    return source


def secrets_from_token(
    token: Sealer,
    label: str,
    data_dir: Path,
    *,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> SecretSource:
    """``data_dir/keys/<purpose>.sealed``, sealed by the token's AES key ``label``; made on first use.

    A plain ``<purpose>.secret`` is never passed over in silence: SettingsError
    ``keys.not_sealed`` until :func:`seal_files` has sealed it.
    """

    def source(purpose: str, *, make: bool = True) -> bytes:
        path = place_of(data_dir, purpose, ".sealed")
        if place_of(data_dir, purpose, ".secret").exists():
            raise SettingsError(
                "A secret still lies in a plain file.",
                code="keys.not_sealed",
                file=str(place_of(data_dir, purpose, ".secret")),
                expected="eid keys seal",
            )
        _require(path, make=make)
        sealed = load_or_create(path, lambda: _seal(token, label, purpose, rng(LENGTH)))
        return _open(token, label, sealed, purpose, path)

    return source


def seal_files(token: Sealer, label: str, data_dir: Path) -> list[str]:
    """Seal every plain secret, and delete the plain file once its sealed form opens again.

    Gives the purposes that were sealed. Killed half-way it can be run again: nothing is lost.
    """
    done = []
    for purpose in (*PURPOSES, FOLDER):
        plain = place_of(data_dir, purpose, ".secret")
        if not plain.exists():
            continue
        secret = load_or_create_secret(data_dir, purpose, LENGTH)
        path = place_of(data_dir, purpose, ".sealed")
        sealed = load_or_create(path, partial(_seal, token, label, purpose, secret))
        if _open(token, label, sealed, purpose, path) != secret:
            raise SettingsError(
                "A sealed file holds another secret than the plain one.",
                code="keys.two_secrets",
                file=str(path),
                expected="one of the two files",
            )
        plain.unlink()
        done.append(purpose)
    return done


def _require(path: Path, *, make: bool) -> None:
    if not make and not path.exists():
        raise SettingsError(
            "A secret that the database was written with is missing.",
            code="keys.missing",
            file=str(path),
            expected="this file, from where it was kept",
        )


def _seal(token: Sealer, label: str, purpose: str, secret: bytes) -> bytes:
    return token.seal(label, secret, context=_context(purpose))


def _open(token: Sealer, label: str, sealed: bytes, purpose: str, path: Path) -> bytes:
    try:
        secret = token.open(label, sealed, context=_context(purpose))
    except FormatError as error:
        raise SettingsError(
            "The sealed secret does not open with the token's key.",
            code="keys.sealed",
            file=str(path),
            expected="the token that sealed it",
        ) from error
    if len(secret) != LENGTH:
        raise SettingsError(
            "The secret has a wrong length.",
            code="keys.sealed",
            file=str(path),
            expected=f"{LENGTH} bytes",
        )
    return secret


def _context(purpose: str) -> bytes:
    return b"eid-secret:" + purpose.encode("ascii")
