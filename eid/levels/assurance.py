"""The two axes as values: what an account was proofed with, what was shown now (contracts §6).

>>> from datetime import UTC, datetime
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> password = Factor(method="password", kind="knowledge", at=now, amr="pwd")
>>> card = Factor(method="card", kind="possession", at=now, amr="sc")
>>> auth_level([card]), auth_level([card, password]), auth_level([password, password])
(1, 2, 1)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from eid.levels.rules import Rule

FactorKind = Literal["knowledge", "possession", "inherence"]
HolderMatch = Literal["none", "officer", "face"]
Source = Literal["chip_local", "chip_remote_verifier", "vneid", "qr_only", "manual"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One factor shown at ``at``: ``method`` as in the factor table, ``amr`` as in RFC 8176.

    ``user_verified`` marks a passkey that checked its user by itself: a second kind, but an
    unknown one.
    """

    method: str
    kind: FactorKind
    at: datetime
    amr: str
    user_verified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Assurance:
    """What a service may be told: both axes, the rules they follow from, and what is missing."""

    level: int
    auth_level: int
    holder_match: HolderMatch
    consent: bool
    source: Source
    because: tuple[Rule, ...] = ()
    missing: tuple[str, ...] = ()
    amr: tuple[str, ...] = ()


def auth_level(factors: Iterable[Factor]) -> int:
    """0 to 4 from the kinds shown: two factors of one kind are one.

    No factor 0; one kind 1; two kinds, or one passkey that verified its user, 2; two kinds with
    inherence 3; all three kinds 4. Inherence alone stays 1: it is one factor.
    """
    shown = tuple(factors)
    kinds = {factor.kind for factor in shown}
    if len(kinds) == 3:
        return 4
    if len(kinds) == 2:
        return 3 if "inherence" in kinds else 2
    if any(factor.user_verified for factor in shown):
        return 2
    return len(kinds)
