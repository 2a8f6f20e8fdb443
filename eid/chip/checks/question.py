"""What is judged: the evidence, cut to size once, beside what the verifier brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, cast

from eid.chip.chip_auth import VerifierSession
from eid.chip.evidence import Evidence
from eid.chip.policy import Policy
from eid.chip.remote import RemoteResult
from eid.trust.store import TrustStore

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One judgement to make. ``files`` are trimmed; nobody hashes or parses other bytes."""

    evidence: Evidence = field(repr=False)
    files: Mapping[str, bytes] = field(repr=False)
    trust: TrustStore
    policy: Policy
    at: datetime
    challenge: bytes | None = field(repr=False)
    expect_number: str | None = field(repr=False)
    chip_session: VerifierSession | None = field(default=None, repr=False)
    remote: RemoteResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """The files whose hash is signed and right, by name; each is parsed once."""

    files: Mapping[str, bytes] = field(repr=False)
    _parsed: dict[str, object] = field(default_factory=dict, repr=False, compare=False)

    def read(self, name: str, parse: Callable[[bytes], _Value]) -> _Value | None:
        """Parse a covered file, always by the same parser; ``None`` if it is not covered. Raises ``FormatError``."""
        data = self.files.get(name)
        if data is None:
            return None
        if name not in self._parsed:
            self._parsed[name] = parse(data)
        return cast("_Value", self._parsed[name])
