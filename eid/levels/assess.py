"""From proofs to an assurance: pure, by the rules in force at ``at`` (contracts §6).

>>> from datetime import UTC, datetime
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> person = Account(id="a1", username="an", created_at=now, state="active", level=2)
>>> result = assess(card=None, factors=[Factor.of("password", now)], account=person,
...                 consent=True, rules=Rules.load(), at=now)
>>> result.level, result.auth_level, result.missing
(2, 1, ('factor.possession', 'factor.inherence'))
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from eid.errors import HolderMismatch, InsufficientEvidence
from eid.levels.account import Account
from eid.levels.assurance import Assurance, Factor, Source, auth_level
from eid.levels.factors.card import card_factor
from eid.levels.rules import VIETNAM, Rule, Rules

if TYPE_CHECKING:
    from eid.chip.verify import VerifiedCard

_KINDS = ("knowledge", "possession", "inherence")


def assess(
    *,
    card: VerifiedCard | None,
    factors: Sequence[Factor],
    account: Account | None,
    consent: bool,
    rules: Rules,
    at: datetime,
) -> Assurance:
    """What the proofs are worth. A card never raises the account's level by itself.

    ``card`` is the card judged just now; one that was judged earlier in the same login comes
    back among ``factors``, as made by :func:`eid.levels.factors.card.card_factor`. Raises
    HolderMismatch when the card is another person's than the account.
    """
    current = rules.at(at)
    shown, missing = _with_card(card, factors, account, at)
    shown = _fresh(shown, current, at)
    source = _source(card, shown, account)
    usable = account is None or account.state not in {"locked", "closed"}
    day = at.astimezone(VIETNAM).date()
    over = account is not None and _is_over(account, current, day)
    level = 0 if over else _account_level(account, current, day)
    strength = auth_level(shown, table=current.factor_table()) if usable else 0
    level, strength = _cap(source, level, strength, current)
    missing += _missing(account, level, shown, consent=consent, over=over)
    return Assurance(
        level=level,
        auth_level=strength,
        holder_match=account.holder_match if account and level else "none",
        consent=consent,
        source=source,
        because=_because(current, level, strength, source, over=over),
        missing=tuple(missing),
        amr=_amr(shown) if strength else (),
    )


def _with_card(
    card: VerifiedCard | None, factors: Sequence[Factor], account: Account | None, at: datetime
) -> tuple[list[Factor], list[str]]:
    shown = list(factors)
    if card is None:
        return shown, []
    if account is not None:
        if account.profile is None:
            return shown, ["card.account"]
        number = account.profile.personal_number.encode()
        same = hmac.compare_digest(number, card.holder.personal_number.encode())
        if not same or not number:
            raise HolderMismatch(
                "The card belongs to another person than the account.", code="holder_mismatch"
            )
    try:
        return [*shown, card_factor(card, at)], []
    except InsufficientEvidence as error:
        return shown, list(error.missing)


def _fresh(shown: Sequence[Factor], rules: Rules, at: datetime) -> list[Factor]:
    """The factors that are not too old, nor from the future."""
    rule = rules.get("factor.freshness")
    future = None if rule is None else rule.numbers.get("future")
    if rule is None or future is None:
        return list(shown)
    fresh = []
    for factor in shown:
        limit = rule.numbers.get(factor.kind)
        if limit is None or -future <= (at - factor.at).total_seconds() <= limit:
            fresh.append(factor)
    return fresh


def _source(card: VerifiedCard | None, shown: Sequence[Factor], account: Account | None) -> Source:
    if card is not None:
        return card.source
    if any(factor.method == "card" for factor in shown):
        return "chip_local"
    return account.source if account else "manual"


def _is_over(account: Account, rules: Rules, day: date) -> bool:
    """Whether the card that the person was proofed with is past its last day (row L-003)."""
    profile = account.profile
    if account.state != "active" or profile is None or not profile.expiry:
        return False
    return rules.get("document.expiry") is not None and profile.expiry < day.isoformat()


def _account_level(account: Account | None, rules: Rules, day: date) -> int:
    if account is None or account.state != "active":
        return 0
    min_age = rules.number("account.level_2", "min_age")
    if account.level == 2 and min_age is not None and account.profile is not None:
        age = age_on(account.profile.birth_date, day)
        if age is not None and age < min_age:
            return 1
    return account.level


def age_on(birth_date: str, day: date) -> int | None:
    """Whole years on a day; None where the chip gives no full birth date."""
    try:
        born = date.fromisoformat(birth_date)
    except ValueError:
        return None
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _cap(source: Source, level: int, strength: int, rules: Rules) -> tuple[int, int]:
    highest = rules.number(f"source.{source}", "max_level")
    strongest = rules.number(f"source.{source}", "max_auth_level")
    return (
        level if highest is None else min(level, highest),
        strength if strongest is None else min(strength, strongest),
    )


def _missing(
    account: Account | None, level: int, shown: Sequence[Factor], *, consent: bool, over: bool
) -> list[str]:
    missing = [] if consent else ["consent"]
    if account is None or account.state in {"locked", "closed"}:
        missing.append("account.active")
    elif over:
        missing.append("document.valid")
    elif level < 2:
        missing.append(f"account.level_{level + 1}")
    kinds = {factor.kind for factor in shown}
    return missing + [f"factor.{kind}" for kind in _KINDS if kind not in kinds]


def _because(
    rules: Rules, level: int, strength: int, source: Source, *, over: bool
) -> tuple[Rule, ...]:
    names = (f"account.level_{level}", f"auth.level_{strength}", f"source.{source}", "consent")
    if over:
        names = ("document.expiry", *names[1:])
    return tuple(rule for rule in map(rules.get, names) if rule)


def _amr(shown: Sequence[Factor]) -> tuple[str, ...]:
    """RFC 8176 names, with ``mfa`` when more than one kind was shown."""
    names = list(dict.fromkeys(factor.amr for factor in shown))
    several = len({factor.kind for factor in shown}) > 1
    verified = any(factor.user_verified for factor in shown)
    return (*names, "mfa") if several or verified else tuple(names)
