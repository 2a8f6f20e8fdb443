"""A memory of presence codes on disk, shared by all processes of one relying party.

>>> import tempfile
>>> from datetime import UTC, datetime
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> memory = Path(tempfile.mkdtemp()) / "seen"
>>> SeenOnDisk(memory).add((bytes(32),), until=now + timedelta(seconds=35), at=now)
True
>>> SeenOnDisk(memory).add((bytes(32),), until=now + timedelta(seconds=35), at=now)
False

One file, mode 0600, of records of 40 bytes: a digest, and until when it counts (epoch seconds).
It holds no name and no challenge. It is replaced as a whole, under a lock.
"""

from __future__ import annotations

import fcntl
import os
import struct
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from eid.errors import SettingsError, Unavailable

KEY_SIZE: Final = 32
_RECORD: Final = struct.Struct(">32sQ")
_LEAST_FUTURE: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class SeenOnDisk:
    """Implements `eid.qr.presence.Seen` with *file*; its folder must exist."""

    file: Path
    capacity: int = 100_000

    def add(self, keys: tuple[bytes, ...], *, until: datetime, at: datetime) -> bool:
        """See `Seen`. ``Unavailable`` ``qr.seen_full`` rather than forget a live code.

        ``SettingsError`` ``qr.seen_file`` for a file that is no such memory; OSError.
        """
        guard = self.file.with_name(self.file.name + ".lock")
        with os.fdopen(os.open(guard, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            live = {key: end for key, end in self._read() if end >= at.timestamp()}
            if any(key in live for key in keys):
                return False
            live.update(dict.fromkeys(keys, int((until + _LEAST_FUTURE).timestamp())))
            if len(live) > self.capacity:
                raise Unavailable("Too many codes were used in a short time.", code="qr.seen_full")
            self._replace(b"".join(_RECORD.pack(key, end) for key, end in live.items()))
            return True

    def _read(self) -> list[tuple[bytes, int]]:
        try:
            with self.file.open("rb") as stream:
                data = stream.read(self.capacity * _RECORD.size + 1)
        except FileNotFoundError:
            return []
        if len(data) % _RECORD.size:
            raise SettingsError(
                "The memory of used codes is damaged.", code="qr.seen_file", file=str(self.file)
            )
        return [(key, end) for key, end in _RECORD.iter_unpack(data)]

    def _replace(self, data: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self.file.parent)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(self.file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
