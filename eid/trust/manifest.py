"""Where every file of a trust folder came from: ``manifest.json``, the one word on what counts.

A file that the manifest does not list, or lists otherwise, is reported and never used. So an
import is atomic: the files come first, and one rename of the manifest makes them count.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from eid.errors import SettingsError

NAME: Final = "manifest.json"
_MAX: Final = 64 << 20
_LOCK: Final = ".lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file: path, SHA-256, and what it was taken from.

    ``source`` is the name and ``source_sha256`` the digest of the file it came in;
    ``signed_by`` the fingerprint of the pin that vouched for a master list; ``imported_at`` is
    ISO 8601 in UTC. All four are empty where nobody noted them.
    """

    path: str
    sha256: str
    source: str = ""
    source_sha256: str = ""
    signed_by: str = ""
    imported_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Entries by path; ``lists`` says when the last list under each pin was signed."""

    entries: Mapping[str, Entry] = field(default_factory=dict, repr=False)
    lists: Mapping[str, datetime] = field(default_factory=dict)


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest, or ``None`` if there is none. Raises ``SettingsError`` if it is unreadable."""
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_MAX))
        entries = [_entry(entry) for entry in document["entries"]]
        lists = {pin: _moment(text) for pin, text in document.get("lists", {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SettingsError(
            "The manifest of the trust folder is unreadable.",
            code="settings.trust_manifest",
            file=str(path),
            expected='{"entries": [{"path": ..., "sha256": ...}], "lists": {...}}',
        ) from error
    return Manifest(
        entries=MappingProxyType({entry.path: entry for entry in entries}),
        lists=MappingProxyType(lists),
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest in one step that survives a loss of power."""
    document = {
        "version": 1,
        "entries": [
            {key: value for key, value in asdict(entry).items() if value}
            for _, entry in sorted(manifest.entries.items())
        ],
        "lists": {pin: moment.isoformat() for pin, moment in sorted(manifest.lists.items())},
    }
    data = json.dumps(document, ensure_ascii=False, indent=1).encode()
    write_whole(folder / NAME, data, sync=True)


def write_whole(path: Path, data: bytes, *, sync: bool = False) -> None:
    """Write a file that everybody may read, whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:32]}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), 0o644)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: two imports at once take turns."""
    with (folder / _LOCK).open("ab") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield


def _entry(value: Mapping[str, object]) -> Entry:
    texts = {name: value.get(name, "") for name in Entry.__dataclass_fields__}
    if not all(isinstance(text, str) for text in texts.values()):
        raise TypeError("every member of an entry is text")
    if not texts["path"] or not texts["sha256"]:
        raise KeyError("path and sha256")
    return Entry(**{name: str(text) for name, text in texts.items()})


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment
