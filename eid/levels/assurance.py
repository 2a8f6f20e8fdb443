"""The two axes as values: what an account was proofed with, what was shown now (contracts §6).

>>> from datetime import UTC, datetime
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> password = Factor(method="password", kind="knowledge", at=now, amr="pwd")
>>> card = Factor(method="card", kind="possession", at=now, amr="sc")
>>> auth_level([card]), auth_level([card, password]), auth_level([password, password])
(1, 2, 1)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from eid.levels.rules import Rule

FactorKind = Literal["knowledge", "possession", "inherence"]
HolderMatch = Literal["none", "officer", "face"]
Source = Literal["chip_local", "chip_remote_verifier", "vneid", "qr_only", "manual"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A means of Decree 69/2024 art. 3(8): its kind and its RFC 8176 name."""

    kind: FactorKind
    amr: str


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "password": Method(kind="knowledge", amr="pwd"),
        "pin": Method(kind="knowledge", amr="pin"),
        "card": Method(kind="possession", amr="sc"),
        "totp": Method(kind="possession", amr="otp"),
        "passkey": Method(kind="possession", amr="hwk"),
        "code": Method(kind="possession", amr="otp"),
        "face": Method(kind="inherence", amr="face"),
    }
)
CHANNEL = "code"
"""What confirms a person's channel: a code that reached it, by message, e-mail or letter. A SIM in
one's own name is not asked for. A passkey is a factor, but reaches nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One factor shown at ``at``: ``method`` as in METHODS, ``amr`` as in RFC 8176.

    ``user_verified`` marks a passkey that checked its user by itself: a second kind, but an
    unknown one.
    """

    method: str
    kind: FactorKind
    at: datetime
    amr: str
    user_verified: bool = False

    @classmethod
    def of(cls, method: str, at: datetime, *, user_verified: bool = False) -> Factor:
        """The factor of a method of METHODS."""
        known = METHODS[method]
        return cls(
            method=method, kind=known.kind, at=at, amr=known.amr, user_verified=user_verified
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assurance:
    """What a service may be told: both axes, the rules they follow from, and what is missing.

    ``missing`` names what would raise it: ``consent``, ``account.active``, ``account.level_1``,
    ``account.level_2``, ``document.valid``, ``card.possession``, ``card.account``,
    ``factor.knowledge``, ``factor.possession``, ``factor.inherence``;
    :func:`eid.levels.missing.said` has a sentence for each. ValueError for a level that there is not (L-014).
    """

    level: int
    auth_level: int
    holder_match: HolderMatch
    consent: bool
    source: Source
    because: tuple[Rule, ...] = ()
    missing: tuple[str, ...] = ()
    amr: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if type(self.level) is not int or type(self.auth_level) is not int:
            raise TypeError("levels are whole numbers")
        if not (0 <= self.level <= 2 and 0 <= self.auth_level <= 4):
            raise ValueError("the account's level is 0 to 2, the authentication's 0 to 4")


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorLevel:
    """An authentication level and what it takes: how many kinds, and which among them."""

    level: int
    kinds: int
    needs: frozenset[str] = frozenset()

    def holds(self, kinds: frozenset[str], *, unknown_kinds: int) -> bool:
        """Whether these kinds reach the level; unknown kinds never meet a named need."""
        if self.needs:
            return len(kinds) >= self.kinds and self.needs <= kinds
        return len(kinds) + unknown_kinds >= self.kinds


FACTOR_LEVELS: tuple[FactorLevel, ...] = (
    FactorLevel(level=1, kinds=1),
    FactorLevel(level=2, kinds=2),
    FactorLevel(level=3, kinds=2, needs=frozenset({"inherence"})),
    FactorLevel(level=4, kinds=3, needs=frozenset({"knowledge", "possession", "inherence"})),
)


def auth_level(factors: Iterable[Factor], *, table: Sequence[FactorLevel] = FACTOR_LEVELS) -> int:
    """0 to 4 from the kinds shown: two factors of one kind are one.

    A passkey that verified its user adds one unknown kind: level 2, never 3.
    """
    shown = tuple(factors)
    kinds = frozenset(factor.kind for factor in shown)
    unknown = int(kinds == {"possession"} and any(factor.user_verified for factor in shown))
    return max((row.level for row in table if row.holds(kinds, unknown_kinds=unknown)), default=0)
