"""What a verifier demands (contracts §4): a failed check always rejects, a required one must pass.

>>> sorted(BANK.required - IDENTIFY.required)
['aa.freshness', 'aa.signature', 'portrait', 'sod.revocation']
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Final

from eid.chip.verdict import CHECK_NAMES
from eid.errors import SettingsError

FLOOR: Final = frozenset({"sod.signature", "sod.chain", "sod.hashes"})
"""What no policy may leave out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Required check names, ``FLOOR`` among them, and what else must hold.

    ``require_complete``: every listed data group but fingerprints and iris must be there.
    ``require_chip_keys``: DG14 must offer usable Chip Authentication keys.
    ``remote_max_age_s``: how old a remote verifier's answer may be.
    ``remote_anchors``: its confirmation stands in where no anchor is known, never against one.
    ``max_clock_doubt_s``: how far a list that the document's authority signed may lie in the
    verifier's future before its clock is held to be behind; None for a moment of the past.
    ``issuing_state``: the only state whose documents are served, as in the MRZ (``VNM``).
    """

    name: str
    required: frozenset[str]
    require_complete: bool = False
    require_chip_keys: bool = False
    issuing_state: str | None = None
    insecure_allow_sha1: bool = False
    remote_max_age_s: int = 300
    remote_anchors: bool = False
    max_clock_doubt_s: int | None = 86_400

    def __post_init__(self) -> None:
        unknown = self.required - set(CHECK_NAMES)
        if unknown:
            raise ValueError(f"unknown checks: {sorted(unknown)}")
        if not self.required >= FLOOR:
            raise ValueError(f"every policy requires {sorted(FLOOR)}")


_IDENTIFY: Final = FLOOR | {
    "lds.consistency",
    "mrz",
    "holder.consistency",
    "document.expiry",
}
_ANSWERED: Final = _IDENTIFY | {"sod.revocation", "aa.signature", "aa.freshness"}
_PROVEN: Final = _ANSWERED | {"portrait"}

IDENTIFY: Final = Policy(name="identify", required=_IDENTIFY)
BANK: Final = Policy(name="bank", required=_PROVEN)
LEVEL1: Final = Policy(name="level1", required=_ANSWERED, remote_anchors=True)
LEVEL2: Final = Policy(name="level2", required=_PROVEN)
POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {policy.name: policy for policy in (IDENTIFY, BANK, LEVEL1, LEVEL2)}
)

_KINDS: Final[Mapping[str, type]] = MappingProxyType(
    {
        "name": str,
        "required": list,
        "issuing_state": str,
        "remote_max_age_s": int,
        "max_clock_doubt_s": int,
    }
)


def load_policy(path: Path) -> Policy:
    """Read a policy of one's own from TOML; ``SettingsError`` names what is wrong.

    Members: ``name``, ``required`` (check names, ``FLOOR`` is added) and the switches of
    :class:`Policy`.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _wrong(path, "", "a readable TOML file") from error
    members = {field.name: field.type for field in fields(Policy)}
    for key, value in values.items():
        if key not in members or type(value) is not _KINDS.get(key, bool):
            raise _wrong(path, key, f"one of {', '.join(members)}, of its own type")
    required = values.pop("required", sorted(_IDENTIFY))
    if not all(name in CHECK_NAMES for name in required):
        raise _wrong(path, "required", f"names among {', '.join(CHECK_NAMES)}")
    return Policy(**{"name": path.stem, **values}, required=FLOOR | frozenset(required))


def _wrong(path: Path, key: str, expected: str) -> SettingsError:
    return SettingsError(
        "The policy cannot be used.",
        code="settings.policy",
        file=str(path),
        key=key,
        expected=expected,
    )
