"""The operator's verifier: his trust folder, read again when it has changed, and one policy.

What judges cards is loaded by the first card, what reads the folder by its first reading.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from eid.errors import SettingsError

if TYPE_CHECKING:
    from eid.chip.consulted import Gateway
    from eid.chip.evidence import Evidence
    from eid.chip.verify import Policy, VerifiedCard
    from eid.trust.store import TrustStore

MAX_TRUST = 4 << 20
_Stamp = tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class TrustFolder:
    """A trust folder that stays current: a new revocation list counts from the next card on.

    A folder that cannot be read any more raises SettingsError: better no login than a login
    under anchors that the operator has taken away.
    """

    path: Path
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _stamp: _Stamp = ()
    _store: TrustStore | None = field(default=None, repr=False)

    def files(self) -> dict[str, bytes]:
        """The folder's files by relative name, for kiosks to cache; SettingsError if too large."""
        self.current()
        found = {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in sorted(self.path.rglob("*"))
            if path.is_file()
        }
        if sum(map(len, found.values())) > MAX_TRUST:
            raise SettingsError(
                "The trust folder is too large for kiosks.",
                file=str(self.path),
                key="trust",
                expected="at most 4 MiB",
            )
        return found

    def current(self) -> TrustStore:
        """The store as it lies on disk now; parsed only when a file came, went or changed."""
        from eid.trust.store import TrustStore  # noqa: PLC0415 - see above

        with self._lock:
            stamp = _stamp(self.path)
            if self._store is None or stamp != self._stamp:
                self._store, self._stamp = TrustStore.load(self.path), stamp
            return self._store


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Judges evidence for the provider (its ``judge_evidence``), beside a gateway if there is one."""

    trust: TrustFolder
    policy: Policy
    gateway: Gateway | None = None

    def __call__(
        self, evidence: Evidence, challenge: bytes, at: datetime, expect_number: str | None
    ) -> VerifiedCard:
        """The verified card, or a VerificationError with the whole verdict."""
        from eid.chip.consulted import verify_beside  # noqa: PLC0415 - see above

        return verify_beside(
            evidence,
            self.trust.current(),
            self.gateway,
            policy=self.policy,
            at=at,
            challenge=challenge,
            expect_number=expect_number,
        )


def _stamp(folder: Path) -> _Stamp:
    try:
        return tuple(
            (str(path), status.st_mtime_ns, status.st_size)
            for path in sorted(folder.rglob("*"))
            for status in (path.stat(),)
        )
    except OSError as error:
        raise SettingsError(
            "The trust folder cannot be read.", file=str(folder), key="trust"
        ) from error
