"""What a reader hands to a verifier: files, proofs and how they were read, as one JSON document.

Nothing in it is believed for standing there; a verifier checks what the state and the chip
signed. The form is version 1: unknown and repeated members are refused, binary values are
base64url without padding, and the digest is SHA-256 over the canonical form (RFC 8785).
Files that hold evidence are personal data: write them with mode 0600.

>>> from datetime import UTC, datetime
>>> evidence = Evidence(
...     files={"EF.SOD": b"w"},
...     access=UNKNOWN_ACCESS,
...     read_at=datetime(2026, 11, 21, tzinfo=UTC),
... )
>>> Evidence.from_json(evidence.to_json()) == evidence
True
>>> evidence
Evidence(files=('EF.SOD',), read_at='2026-11-21T00:00:00Z')
"""

from __future__ import annotations

from eid.chip.evidence.folder import from_folder
from eid.chip.evidence.values import (
    MAX_BYTES,
    MAX_NAME,
    UNKNOWN_ACCESS,
    Access,
    ActiveAuthentication,
    ChallengeSource,
    ChipAuthentication,
    Evidence,
)

__all__ = [
    "MAX_BYTES",
    "MAX_NAME",
    "UNKNOWN_ACCESS",
    "Access",
    "ActiveAuthentication",
    "ChallengeSource",
    "ChipAuthentication",
    "Evidence",
    "from_folder",
]
