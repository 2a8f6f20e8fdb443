"""What an issuer remembers about its credentials: which index was given, which is withdrawn.

>>> import tempfile
>>> folder = Path(tempfile.mkdtemp())
>>> register = StatusRegister(folder, size=1 << 20)
>>> index = register.allocate()
>>> register.set_status(index, status.INVALID)
>>> register.statuses() == {index: status.INVALID}
True

Indices are drawn at random, so that a list tells nobody who was served when. One JSON file, mode
0600, replaced as a whole under a lock: several processes may share a folder.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict, cast

from eid.errors import SettingsError, Unavailable, VerificationError
from eid.qr import status

_MAX_TRIES: Final = 64
_MAX_FILE: Final = 64 << 20


class _Content(TypedDict):
    version: int
    size: int
    entries: dict[str, int]


@dataclass(frozen=True, slots=True)
class StatusRegister:
    """The register in *folder*; ``size`` counts when it is made."""

    folder: Path
    size: int = status.MIN_SIZE

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return self.folder / "status-1.json"

    def allocate(self, *, below: Callable[[int], int] = secrets.randbelow) -> int:
        """A new index, valid; ``Unavailable`` ``qr.status_full`` when the list is nearly used up."""
        with self._changing() as content:
            for _ in range(_MAX_TRIES):
                index = below(content["size"])
                if str(index) not in content["entries"]:
                    content["entries"][str(index)] = status.VALID
                    return index
        raise Unavailable("The status list is used up.", code="qr.status_full")

    def set_status(self, index: int, value: int) -> None:
        """Withdraw, suspend or restore; ``VerificationError`` ``qr.status_index`` if never given.

        What was withdrawn stays so: ``VerificationError`` ``qr.revoked``.
        """
        with self._changing() as content:
            before = content["entries"].get(str(index))
            if before is None:
                raise VerificationError("No credential has this index.", code="qr.status_index")
            if before == status.INVALID and value != status.INVALID:
                raise VerificationError("A withdrawal is for good.", code="qr.revoked")
            content["entries"][str(index)] = value

    def statuses(self) -> Mapping[int, int]:
        """All entries that are not valid."""
        entries: Mapping[str, int] = self._read()["entries"]
        return {int(index): value for index, value in entries.items() if value != status.VALID}

    def packed(self) -> status.StatusList:
        """The list to sign: two bits an entry, as suspension needs."""
        return status.pack_statuses(self.statuses(), size=self._read()["size"], bits=2)

    def changed_at(self) -> int:
        """A number that differs after every change."""
        try:
            return self.file.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    @contextmanager
    def _changing(self) -> Iterator[_Content]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._guard.open("a") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            content = self._read()
            yield content
            _replace(self.file, json.dumps(content).encode())
            if not guard.tell():
                guard.write("The register was written.\n")

    @property
    def _guard(self) -> Path:
        """The lock; it also remembers that there was a register."""
        return self.folder / "lock"

    def _read(self) -> _Content:
        try:
            with self.file.open("rb") as stream:
                raw = json.loads(stream.read(_MAX_FILE))
        except FileNotFoundError:
            if self._guard.exists() and self._guard.stat().st_size:  # else all were valid again
                raise _broken(self.file) from None
            return {"version": 1, "size": self.size, "entries": {}}
        except ValueError as e:
            raise _broken(self.file) from e
        if not isinstance(raw, dict) or raw.get("version") != 1:
            raise _broken(self.file)
        return cast("_Content", raw)


def _replace(file: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _broken(file: Path) -> SettingsError:
    return SettingsError("The status register is damaged.", code="qr.register", file=str(file))
