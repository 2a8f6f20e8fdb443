"""The files of a trust folder: found, checked against the manifest, taken out of PEM."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eid.errors import FormatError, SettingsError
from eid.trust.deny import NOTHING_DENIED, DenyList, parse_deny_list
from eid.trust.manifest import read_manifest

KINDS: Final = ("csca", "link", "ds", "crl")
_PEM: Final = re.compile(
    rb"-----BEGIN (CERTIFICATE|X509 CRL)-----([A-Za-z0-9+/=\s]*)-----END \1-----"
)
_MAX_FILE: Final = 4 << 20
_MAX_FILES: Final = 100_000
_MAX_DENY_LIST: Final = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something in the store that could not be used: where it lies, a code, and a sentence."""

    source: str
    code: str
    message: str


def read_folder(folder: Path, problems: list[Problem]) -> dict[str, list[tuple[str, bytes]]]:
    """The files by kind, each with its source; what is wrong is added to ``problems``.

    Raises ``SettingsError`` if there is no folder or its manifest is unreadable.
    """
    if not folder.is_dir():
        raise SettingsError(
            "The trust folder does not exist.",
            code="settings.trust_folder",
            file=str(folder),
            expected="a folder with csca/, link/, ds/ and crl/",
        )
    manifest = read_manifest(folder)
    listed = None if manifest is None else {e.path: e.sha256 for e in manifest.entries.values()}
    found = {kind: list(_files(folder, kind, listed, problems)) for kind in KINDS}
    there = {source for items in found.values() for source, _ in items}
    there |= {problem.source for problem in problems}
    unseen = sorted((listed or {}).keys() - there)
    for path in (path for path in unseen if not (folder / path).is_file()):
        message = _PROBLEMS["trust.missing"]
        problems.append(Problem(source=path, code="trust.missing", message=message))
    return found


def read_deny_list(folder: Path) -> DenyList:
    """The operator's ``deny.toml``; nothing is denied without one. Raises ``SettingsError``."""
    path = folder / "deny.toml"
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_DENY_LIST)
    except FileNotFoundError:
        return NOTHING_DENIED
    except OSError as error:
        raise SettingsError(
            "The deny list cannot be read.",
            code="settings.deny_list",
            file=str(path),
            expected="a readable file",
        ) from error
    return parse_deny_list(data, str(path))


def unwrap(data: bytes) -> list[bytes]:
    """The DER objects of a PEM bundle, or the data itself. Raises ``FormatError``."""
    if b"-----BEGIN" not in data:
        return [data]
    blocks = _PEM.findall(data)
    if len(blocks) != data.count(b"-----BEGIN"):
        raise FormatError("A PEM file has broken parts.", code="trust.pem")
    try:
        return [base64.b64decode(b"".join(body.split()), validate=True) for _, body in blocks]
    except binascii.Error as error:
        raise FormatError("A PEM file has broken parts.", code="trust.pem") from error


def _files(
    folder: Path, kind: str, manifest: Mapping[str, str] | None, problems: list[Problem]
) -> Iterator[tuple[str, bytes]]:
    home = folder / kind
    paths = sorted(home.iterdir()) if home.is_dir() else []
    for index, path in enumerate(path for path in paths if not path.name.startswith(".")):
        source = f"{kind}/{path.name}"
        code, data = _file(path) if index < _MAX_FILES else ("trust.count", b"")
        if not code and manifest is not None:
            listed = manifest.get(source) == hashlib.sha256(data).hexdigest()
            code = "" if listed else "trust.manifest"
        if code:
            problems.append(Problem(source=source, code=code, message=_PROBLEMS[code]))
        else:
            yield source, data


_PROBLEMS: Final[Mapping[str, str]] = {
    "trust.count": "The folder holds too many files.",
    "trust.manifest": "The manifest does not list this file as it is.",
    "trust.missing": "The manifest lists this file, but it is gone.",
    "trust.file": "Only plain files are read.",
    "trust.writable": "Everybody may change this file.",
    "trust.size": "The file is too long.",
    "trust.unreadable": "The file cannot be read.",
}


def _file(path: Path) -> tuple[str, bytes]:
    """A problem code or the bytes of a plain file nobody else may write."""
    try:
        info = path.lstat()
        if not stat.S_ISREG(info.st_mode):
            return "trust.file", b""
        if info.st_mode & stat.S_IWOTH:
            return "trust.writable", b""
        if info.st_size > _MAX_FILE:
            return "trust.size", b""
        return "", path.read_bytes()
    except OSError:
        return "trust.unreadable", b""
