"""An enrolled factor as it may be shown: without its secret.

>>> from datetime import UTC, datetime
>>> one = Enrolled(id="f1", method="totp", created_at=datetime(2026, 11, 21, tzinfo=UTC), used_at=None)
>>> one.counts
False
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

AT_ONCE = frozenset({"passkey", "pin"})
"""Methods that count from their enrolment on; others from their first right code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """One enrolled factor. ``label`` is a channel's address, masked; else empty."""

    id: str
    method: str
    created_at: datetime
    used_at: datetime | None
    label: str = field(default="", repr=False)

    @property
    def counts(self) -> bool:
        """Whether it was confirmed: by its first right code, a passkey or PIN by its enrolment."""
        return self.method in AT_ONCE or self.used_at is not None
