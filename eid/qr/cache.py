"""Signed lists on disk: what a verifier knew last, and when to ask again.

>>> import tempfile
>>> from datetime import UTC, datetime
>>> lists = ListCache(Path(tempfile.mkdtemp()), fetch=lambda uri: b"a signed list")
>>> lists.get("https://id.example/status/1", at=datetime(2026, 11, 21, tzinfo=UTC))
b'a signed list'

Lists are signed, so nothing here is trusted: whoever takes one out verifies it (`verify_list`,
`verify_trust_list`) and decides how old it may be. A broken line leaves the last list in place.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from eid.errors import FormatError, Inconsistent, Unavailable
from eid.qr.credential import StatusAnswer, StatusReference
from eid.qr.issuers import IssuerKeys
from eid.qr.status import MAX_TOKEN, StatusLists, verify_list

ASK_AGAIN: Final = timedelta(hours=1)
RETRY: Final = timedelta(minutes=1)
MAX_LISTS: Final = 256


@dataclass(frozen=True, slots=True)
class ListCache:
    """Lists by address in *folder*. ``fetch`` gets one; it bounds size, time and where it goes.

    ``ask_again`` is how old a copy may grow before it is fetched anew; after a failure the next
    try is ``RETRY`` later.
    """

    folder: Path
    fetch: Callable[[str], bytes] = field(repr=False)
    ask_again: timedelta = ASK_AGAIN

    def get(self, uri: str, *, at: datetime) -> bytes:
        """The list at *uri*: a young copy, else a new one, else the old one.

        ``Unavailable`` when there is none at all; ``FormatError`` for an address that is not https.
        """
        if not uri.startswith("https://"):
            raise FormatError("Lists are fetched over https.", code="qr.status_uri")
        kept, tried = self._place(uri, ".list"), self._place(uri, ".tried")
        if _age(kept, at) < self.ask_again or (kept.exists() and _age(tried, at) < RETRY):
            return _read(kept)
        try:
            data = self.fetch(uri)
        except Unavailable:
            self._write(tried, b"", at)
            if kept.exists():
                return _read(kept)
            raise
        if len(data) > MAX_TOKEN:
            raise FormatError("The list is larger than allowed.", code="qr.status_list")
        self._write(kept, data, at)
        return data

    def _place(self, uri: str, suffix: str) -> Path:
        return self.folder / (hashlib.sha256(uri.encode()).hexdigest()[:32] + suffix)

    def _write(self, path: Path, data: bytes, at: datetime) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._make_room()
        descriptor, name = tempfile.mkstemp(dir=self.folder, suffix=".new")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.utime(name, (at.timestamp(), at.timestamp()))
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _make_room(self) -> None:
        files = sorted(self.folder.glob("*.list"), key=lambda file: file.stat().st_mtime)
        for old in files[: max(0, len(files) - MAX_LISTS + 1)]:
            with contextlib.suppress(FileNotFoundError):
                old.unlink()


def _age(path: Path, at: datetime) -> timedelta:
    """How long ago it was written; a copy from the future counts as old."""
    try:
        written = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    except FileNotFoundError:
        return timedelta.max
    return at - written if written <= at else timedelta.max


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_TOKEN + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedStatus:
    """A `StatusCheck` that fetches the list a verified credential names, within its issuer's site.

    It is asked after the signature holds, so that no stranger's code chooses what is fetched.
    """

    lists: ListCache
    keys: IssuerKeys = field(repr=False)
    max_stale: timedelta = timedelta(0)

    def __call__(self, reference: StatusReference, *, issuer: str, at: datetime) -> StatusAnswer:
        """As `StatusLists`; ``Unavailable`` for a first list that cannot be had.

        ``Inconsistent`` ``qr.status_uri`` for an address outside the issuer's.
        """
        if not reference.uri.startswith(issuer.rstrip("/") + "/"):
            raise Inconsistent("The status list is not at its issuer's.", code="qr.status_uri")
        data = self.lists.get(reference.uri, at=at)
        held = verify_list(data, self.keys, uri=reference.uri, at=at, max_stale=self.max_stale)
        return StatusLists.of([held], max_stale=self.max_stale)(reference, issuer=issuer, at=at)
