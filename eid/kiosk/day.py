"""What a kiosk keeps to go on without a line: today's batch, anchors and lists, and the time.

All of it lies under the kiosk's data folder with mode 0600; a new day replaces the old one as a
whole. The clock is doubted when it stands before the server's last word, or long after it.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, cast

from eid.chip.evidence import Evidence
from eid.chip.policy import IDENTIFY, Policy
from eid.chip.verdict import CHECK_NAMES, Verdict
from eid.chip.verify import judge
from eid.errors import EidError, FormatError, RequestRefused, SettingsError, Unavailable
from eid.keys import (
    JSON,
    canonical_json,
    decode_base64url,
    encode_base64url,
    parse_json_object,
)
from eid.kiosk.line import Day
from eid.levels.visit import Batch
from eid.trust.store import TrustStore

KIOSK_POLICY: Final = Policy(
    name="kiosk",
    required=IDENTIFY.required | {"aa.signature", "aa.freshness"},
    issuing_state="VNM",
)
"""The least that a card must show at a kiosk, whatever the server's policy leaves out."""
SLACK: Final = timedelta(minutes=5)
LONGEST_SILENCE: Final = timedelta(days=30)
_MAX_DAY: Final = 16 * 1024


@dataclass(slots=True)
class DayBook:
    """The cached day of one kiosk, in its data folder."""

    folder: Path
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _trust: TrustStore | None = field(default=None, repr=False)

    def keep(self, day: Day) -> None:
        """Replace what is kept; SettingsError when the folder cannot be written."""
        try:
            fresh = self.folder / "trust.new"
            shutil.rmtree(fresh, ignore_errors=True)
            for name, content in day.trust.items():
                write_file(fresh / name, content)
            with self._lock:
                old = self.folder / "trust.old"
                shutil.rmtree(old, ignore_errors=True)
                if (self.folder / "trust").exists():
                    (self.folder / "trust").rename(old)
                fresh.mkdir(mode=0o700, exist_ok=True)
                fresh.rename(self.folder / "trust")
                shutil.rmtree(old, ignore_errors=True)
                self._trust = None
            write_file(self.folder / "day.json", canonical_json(_to_json(day)))
        except OSError as error:
            raise Unavailable("The day cannot be kept.", code="queue.disk") from error

    def batch(self) -> Batch | None:
        """Today's batch, if one is kept."""
        document = self._document()
        return None if document is None else _batch(document)

    def server_jwk(self) -> Mapping[str, JSON] | None:
        """The server's key as of the last day."""
        document = self._document()
        return None if document is None else cast("Mapping[str, JSON]", document["server_jwk"])

    def check_clock(self) -> None:
        """RequestRefused ``kiosk.clock`` when the clock cannot be right."""
        batch = self.batch()
        if batch is None:
            return
        at = self.clock()
        if not batch.issued_at - SLACK <= at <= batch.issued_at + LONGEST_SILENCE:
            raise RequestRefused("The kiosk's clock is wrong.", code="kiosk.clock")

    def judge(self, evidence: Evidence, challenge: bytes, at: datetime, number: str) -> Verdict:
        """The kiosk's own verdict, against the cached anchors and lists."""
        return judge(
            evidence,
            self._store(),
            policy=self._policy(),
            at=at,
            challenge=challenge,
            expect_number=number,
        )

    def _policy(self) -> Policy:
        """The server's policy of the day, never less than our own."""
        document = self._document()
        asked = document.get("policy") if document is not None else None
        required = asked.get("required") if isinstance(asked, Mapping) else None
        if not isinstance(required, list):
            return KIOSK_POLICY
        names = {str(name) for name in required}
        if not names <= set(CHECK_NAMES):
            raise SettingsError(
                "The server demands a check that this version does not know.",
                code="kiosk.policy",
                file=str(self.folder / "day.json"),
                expected="a newer version",
            )
        return replace(KIOSK_POLICY, required=KIOSK_POLICY.required | names)

    def _store(self) -> TrustStore:
        with self._lock:
            if self._trust is None:
                current, old = self.folder / "trust", self.folder / "trust.old"
                try:  # killed between two renames, the old folder is the one there is
                    self._trust = TrustStore.load(current if current.exists() else old)
                except EidError:
                    self._trust = TrustStore.of()
            return self._trust

    def _document(self) -> Mapping[str, JSON] | None:
        try:
            with (self.folder / "day.json").open("rb") as file:
                return parse_json_object(file.read(_MAX_DAY), max_size=_MAX_DAY)
        except FileNotFoundError:
            return None
        except (OSError, FormatError) as error:
            raise SettingsError(
                "The kiosk's day cannot be read.",
                code="kiosk.day",
                file=str(self.folder / "day.json"),
                expected="the file as it was written",
            ) from error


def write_file(path: Path, content: bytes) -> None:
    """Write a file with mode 0600, whole or not at all, durably."""
    missing = [place for place in path.parents if not place.exists()]
    for place in reversed(missing):  # parents=True alone would leave their modes to the umask
        place.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _to_json(day: Day) -> dict[str, JSON]:
    batch = day.batch
    return {
        "version": 1,
        "id": batch.id,
        "kiosk": batch.kiosk,
        "random": encode_base64url(batch.random),
        "most": batch.most,
        "issued_at": int(batch.issued_at.timestamp()),
        "expires_at": int(batch.expires_at.timestamp()),
        "policy": dict(day.policy),
        "server_jwk": dict(day.server_jwk),
    }


def _batch(document: Mapping[str, JSON]) -> Batch:
    issued, expires = (
        datetime.fromtimestamp(int(str(document[name])), UTC)
        for name in ("issued_at", "expires_at")
    )
    return Batch(
        id=str(document["id"]),
        kiosk=str(document["kiosk"]),
        random=decode_base64url(str(document["random"])),
        most=int(str(document["most"])),
        issued_at=issued,
        expires_at=expires,
    )
