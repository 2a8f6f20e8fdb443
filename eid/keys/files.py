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

from eid.errors import FormatError, SettingsError
from eid.keys.folder import KeyFolder, is_plain
from eid.keys.signing import (
    EncryptionKey,
    SigningAlgorithm,
    SigningKey,
    load_private,
    new_private_pem,
)

MAX_FILE = 16 * 1024
APART = frozenset({"lookup", "pairwise", "envelope", "grants", "keys"})
"""Secrets that lie by rules of their own (:mod:`eid.keys.sources`)."""

_PURPOSE = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)


def load_or_create_signing_key(
    data_dir: Path | KeyFolder, purpose: str, alg: SigningAlgorithm = "ES256"
) -> SigningKey:
    """``data_dir/keys/<purpose>.pem``; SettingsError if it cannot be read, made or trusted."""
    folder = KeyFolder.of(data_dir)
    return load_signing_key(place_of(folder.path, purpose, ".pem"), purpose, alg, folder)


def load_signing_key(
    path: Path, purpose: str, alg: SigningAlgorithm, folder: KeyFolder, *, retired: bool = False
) -> SigningKey:
    """The key of this file, made if it is absent; SettingsError as above.

    A ``retired`` key is never made: its file may go at any time.
    """

    def make() -> bytes:
        if retired:
            raise _settings(path, "The key file is gone.", "a file")
        return folder.make_in_token(purpose, alg) or new_private_pem(alg)

    pem = _through(folder, path, purpose, make)
    in_token = folder.from_token(path, purpose, alg, pem)
    if in_token is not None:
        return in_token
    try:
        return SigningKey.from_pem(pem, purpose, alg)
    except FormatError as error:
        raise _settings(path, error.message, f"a PKCS#8 PEM key for {alg}") from error


def load_or_create_encryption_key(data_dir: Path | KeyFolder, purpose: str) -> EncryptionKey:
    """``data_dir/keys/<purpose>.enc.pem``; SettingsError as above."""
    folder = KeyFolder.of(data_dir)
    path = place_of(folder.path, purpose, ".enc.pem")
    pem = _through(folder, path, purpose, new_private_pem)
    try:
        return EncryptionKey.of(load_private(pem), purpose)
    except FormatError as error:
        raise _settings(path, error.message, "a PKCS#8 PEM key on P-256") from error


def load_or_create_secret(
    data_dir: Path | KeyFolder,
    purpose: str,
    length: int = 32,
    *,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> bytes:
    """``data_dir/keys/<purpose>.secret``, ``length`` raw bytes; SettingsError as above."""
    folder = KeyFolder.of(data_dir)
    path = place_of(folder.path, purpose, ".secret")
    secret = _through(folder, path, purpose, lambda: rng(length))
    if len(secret) != length:
        raise _settings(path, "The secret has a wrong length.", f"{length} bytes")
    return secret


def read_secret(path: Path, length: int = 32) -> bytes:
    """A secret from a file that must be there: raw, or in hexadecimal digits; SettingsError."""
    try:
        content = _read(path)
    except OSError as error:
        reason = error.strerror or "not readable"
        raise _settings(path, f"The key file cannot be used: {reason}.", "a file") from error
    if len(content) == length:
        return content
    text = content.strip()
    if not re.fullmatch(rb"[0-9a-fA-F]+", text) or len(text) != 2 * length:
        raise _settings(path, "The secret has a wrong length.", f"{2 * length} hexadecimal digits")
    return bytes.fromhex(text.decode())


def _through(folder: KeyFolder, path: Path, purpose: str, make: Callable[[], bytes]) -> bytes:
    """A file's content by way of the folder's seal, where it has one."""
    stored = load_or_create(path, lambda: folder.shut(path, purpose, make()))
    return folder.opened(path, purpose, stored)


def seal_key_files(folder: KeyFolder) -> list[str]:
    """Seal the plain key files of a folder that is to be sealed; which. Safe to run again.

    Each is written beside its place and renamed into it: at any moment one of the two is there.
    """
    done = []
    for path in sorted((folder.path / "keys").glob("*")):
        purpose = purpose_of(path)
        if purpose is None or not is_plain(content := _read(path)):
            continue
        draft = path.parent / f".{path.name}.{secrets.token_hex(8)}"
        _write(draft, folder.shut(path, purpose, content))
        if folder.opened(path, purpose, _read(draft)) != content:
            raise _settings(path, "The sealed file does not open again.", "a seal that works")
        draft.replace(path)
        sync_folder(path.parent)
        done.append(path.name)
    return done


def purpose_of(path: Path) -> str | None:
    """The purpose of a key file by its name; None for the database's secrets and other files."""
    name, _, rest = path.name.partition(".")
    known = rest in {"pem", "next.pem", "enc.pem", "secret"} or re.fullmatch(
        r"old-[0-9]+\.pem", rest
    )
    return name if known and _PURPOSE.fullmatch(name) and name not in APART else None


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
    try:
        _write(draft, content)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def _write(draft: Path, content: bytes) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make a change of names in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _settings(path: Path, message: str, expected: str) -> SettingsError:
    return SettingsError(message, code="keys.file", file=str(path), expected=expected)
