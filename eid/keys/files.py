"""Keys on disk, one file per purpose, made on first use (contracts §7).

The folders that are made have mode 0700 and each file 0600. A new key is written beside its place and linked
into it, so that of two processes that start at once both end with the same key.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from eid.errors import FormatError, SettingsError
from eid.keys.signing import (
    EncryptionKey,
    SigningAlgorithm,
    SigningKey,
    load_private,
    new_private_pem,
)

MAX_FILE = 16 * 1024
_PURPOSE = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)


def load_or_create_signing_key(
    data_dir: Path, purpose: str, alg: SigningAlgorithm = "ES256"
) -> SigningKey:
    """``data_dir/keys/<purpose>.pem``; SettingsError if it cannot be read, made or trusted."""
    return load_signing_key(place_of(data_dir, purpose, ".pem"), purpose, alg)


def load_signing_key(path: Path, purpose: str, alg: SigningAlgorithm) -> SigningKey:
    """The key of this file, made if it is absent; SettingsError as above."""
    pem = load_or_create(path, lambda: new_private_pem(alg))
    try:
        return SigningKey.from_pem(pem, purpose, alg)
    except FormatError as error:
        raise _settings(path, error.message, f"a PKCS#8 PEM key for {alg}") from error


def load_or_create_encryption_key(data_dir: Path, purpose: str) -> EncryptionKey:
    """``data_dir/keys/<purpose>.enc.pem``; SettingsError as above."""
    path = place_of(data_dir, purpose, ".enc.pem")
    return EncryptionKey.of(_load_private(path), purpose)


def load_or_create_secret(
    data_dir: Path,
    purpose: str,
    length: int = 32,
    *,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> bytes:
    """``data_dir/keys/<purpose>.secret``, ``length`` raw bytes; SettingsError as above."""
    path = place_of(data_dir, purpose, ".secret")
    secret = load_or_create(path, lambda: rng(length))
    if len(secret) != length:
        raise _settings(path, "The secret has a wrong length.", f"{length} bytes")
    return secret


def _load_private(path: Path) -> ec.EllipticCurvePrivateKey:
    pem = load_or_create(path, new_private_pem)
    try:
        return load_private(pem)
    except FormatError as error:
        raise _settings(path, error.message, "a PKCS#8 PEM key on P-256") from error


def place_of(data_dir: Path, purpose: str, suffix: str) -> Path:
    """Where a purpose's file lies."""
    if not _PURPOSE.fullmatch(purpose):
        raise ValueError("a key's purpose is a short lower-case word")
    return data_dir / "keys" / (purpose + suffix)


def load_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """The content of a key file, made by ``make`` if it is absent; SettingsError as above."""
    try:
        if not path.exists():
            _create(path, make())
        return _read(path)
    except OSError as error:
        reason = error.strerror or "not readable"
        raise _settings(path, f"The key file cannot be used: {reason}.", "a file") from error


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or not stat.S_ISREG(status.st_mode):
            raise _settings(path, "The key file is open to other users.", "mode 0600")
        return file.read(MAX_FILE)


def _create(path: Path, content: bytes) -> None:
    for folder in (path.parent.parent, path.parent):  # parents=True alone leaves it to the umask
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a change of names in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _settings(path: Path, message: str, expected: str) -> SettingsError:
    return SettingsError(message, code="keys.file", file=str(path), expected=expected)
