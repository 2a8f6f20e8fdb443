"""Portraits kept between reads, sealed, under the digest of the EF.SOD they belong to.

Off unless a caller makes one. It keeps biometric data: the key belongs to the operator, a file's
name tells nothing without it, and what is older than ``max_age`` is not given out any more.

>>> import tempfile
>>> folder = Path(tempfile.mkdtemp())
>>> cache = SealedPortraits(folder, bytes(32), max_age=timedelta(days=30))
>>> cache.put(bytes(32), b"DG2"), cache.get(bytes(32)), cache.get(bytes(31) + b"1")
(None, b'DG2', None)
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from eid.errors import FormatError
from eid.keys import Envelope

MAX_PORTRAIT: Final = 1 << 18
_SECRET: Final = 32


class SealedPortraits:
    """A folder of sealed portraits; its repr shows no key.

    ``secret`` has 32 bytes. OSError where the folder cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        secret: bytes,
        *,
        max_age: timedelta,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if len(secret) != _SECRET:
            raise ValueError("the cache's secret has 32 bytes")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._names = hmac.digest(secret, b"eid portrait names", "sha256")
        self._envelope = Envelope(hmac.digest(secret, b"eid portrait contents", "sha256"))
        self._max_age_s = max_age.total_seconds()
        self._clock = clock

    def get(self, sod_digest: bytes) -> bytes | None:
        """Return the portrait, or None: none is there, it is too old, or not ours."""
        path = self._path(sod_digest)
        try:
            age = self._clock() - path.stat().st_mtime
            if not -60 <= age <= self._max_age_s:
                path.unlink()
                return None
            with path.open("rb") as file:
                return self._envelope.open(file.read(MAX_PORTRAIT + 64), context=sod_digest)
        except (FileNotFoundError, FormatError):
            return None

    def put(self, sod_digest: bytes, content: bytes) -> None:
        """Keep a portrait; one that is too big is left out."""
        if len(content) > MAX_PORTRAIT:
            return
        path = self._path(sod_digest)
        new = path.with_suffix(f".{secrets.token_hex(8)}")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(self._envelope.seal(content, context=sod_digest))
        new.replace(path)

    def forget(self) -> int:
        """Remove every portrait; return how many there were."""
        found = list(self._folder.glob("*.portrait"))
        for path in found:
            path.unlink(missing_ok=True)
        return len(found)

    def _path(self, sod_digest: bytes) -> Path:
        name = hmac.new(self._names, sod_digest, hashlib.sha256).hexdigest()
        return self._folder / f"{name}.portrait"
