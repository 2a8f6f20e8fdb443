"""A purpose's keys over time: the current one, the next one published ahead, and retired ones.

The files lie beside the current key: ``tokens.next.pem``, ``tokens.old-<seconds>.pem``. A
rotation is one rename, so that a reader at any moment finds a current key.

>>> import tempfile
>>> from datetime import UTC, datetime, timedelta
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> with tempfile.TemporaryDirectory() as folder:
...     before = load_ring(Path(folder), "tokens")
...     rotate(Path(folder), "tokens", at=now, overlap=timedelta(days=1))
...     after = load_ring(Path(folder), "tokens")
>>> after.current.kid == before.next.kid, [key.kid for key in after.retired] == [before.current.kid]
(True, True)
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eid.errors import SettingsError
from eid.keys.files import load_signing_key, place_of, sync_folder
from eid.keys.folder import KeyFolder
from eid.keys.signing import SigningAlgorithm, SigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """Every key of a purpose that the world may still need, each signing with one algorithm."""

    current: SigningKey
    next: SigningKey
    retired: tuple[SigningKey, ...] = ()

    @property
    def published(self) -> tuple[SigningKey, ...]:
        """What belongs into the JWKS, the current one first."""
        return (self.current, self.next, *self.retired)


def load_ring(
    data_dir: Path | KeyFolder, purpose: str, alg: SigningAlgorithm = "ES256"
) -> KeyRing:
    """The purpose's keys; current and next are made if absent. SettingsError as for one key."""
    folder = KeyFolder.of(data_dir)
    path = folder.path
    old = sorted((path / "keys").glob(f"{purpose}.old-*.pem"))
    return KeyRing(
        current=load_signing_key(place_of(path, purpose, ".pem"), purpose, alg, folder),
        next=load_signing_key(_next(path, purpose), purpose, alg, folder),
        retired=tuple(load_signing_key(one, purpose, alg, folder, retired=True) for one in old),
    )


def rotate(
    data_dir: Path, purpose: str, *, at: datetime, overlap: timedelta, compromised: bool = False
) -> None:
    """Make the next key the current one; the old one stays published for ``overlap``.

    A ``compromised`` key is dropped at once, and so are all retired ones. SettingsError if there
    is no next key.
    """
    current, following = place_of(data_dir, purpose, ".pem"), _next(data_dir, purpose)
    if not following.exists():
        raise SettingsError(
            "There is no next key to rotate to.",
            code="keys.no_next",
            file=str(following),
            expected="a key that the provider has published",
        )
    if not compromised:
        os.link(current, current.with_name(f"{purpose}.old-{int(at.timestamp())}.pem"))
    following.replace(current)
    drop(data_dir, purpose, before=at if compromised else at - overlap)
    sync_folder(current.parent)


def drop(data_dir: Path, purpose: str, *, before: datetime) -> int:
    """Delete the keys that were retired before a moment; how many."""
    found = [
        path
        for path in (data_dir / "keys").glob(f"{purpose}.old-*.pem")
        if retired_at(path) < before
    ]
    for path in found:
        path.unlink()
    return len(found)


def retired_at(path: Path) -> datetime:
    """When the key of an old file stopped signing."""
    return datetime.fromtimestamp(int(path.name.rsplit("-", 1)[1].removesuffix(".pem")), UTC)


def published_since(data_dir: Path, purpose: str) -> datetime:
    """Since when the next key has been published: the age of its file."""
    return datetime.fromtimestamp(_next(data_dir, purpose).stat().st_mtime, UTC)


def _next(data_dir: Path, purpose: str) -> Path:
    return place_of(data_dir, f"{purpose}", ".next.pem")
