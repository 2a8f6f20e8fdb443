"""Payments as a second policy: when a transfer asks for a biometric (facts/vietnam §6).

>>> from datetime import UTC, datetime
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> transfer = Transfer(amount=10_000_000, at=now)
>>> assess_payment(transfer, earlier=[], rules=Rules.load()).required
()
>>> asked = assess_payment(Transfer(amount=10_000_001, at=now), earlier=[], rules=Rules.load())
>>> asked.required, asked.because[0].article
(('factor.inherence', 'match.reference'), '50/2024/TT-NHNN')
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from eid.levels.assurance import Factor
from eid.levels.rules import VIETNAM, Rule, Rules

MAX_AMOUNT = 10**15
Reference = Literal["none", "chip", "identity_account", "bank_store"]
"""What a face was matched against: the chip of an anchored card that answered our challenge, the
state's identity account, or data that the bank collected and checked before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer in whole dong; ``new_device`` when the customer's device is another than before.

    ValueError for an amount that is no positive whole number, or a time without a zone.
    """

    amount: int
    at: datetime
    new_device: bool = False

    def __post_init__(self) -> None:
        if type(self.amount) is not int or not 0 < self.amount <= MAX_AMOUNT:
            raise ValueError("an amount is a positive whole number of dong")
        if self.at.tzinfo is None:
            raise ValueError("times are aware")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDecision:
    """The checks that a transfer asks for, by which rules, and those not met yet.

    Names: ``factor.inherence`` (a fresh face match) and ``match.reference`` (its reference).
    ``day_sum`` counts this transfer. A decision without ``because`` under rules that know no
    payments says nothing: ``known`` is False then, and the caller must not let money move.
    """

    required: tuple[str, ...]
    missing: tuple[str, ...]
    because: tuple[Rule, ...]
    day_sum: int
    known: bool

    @property
    def may_proceed(self) -> bool:
        """Whether everything that the rules ask for was shown."""
        return self.known and not self.missing


def assess_payment(
    transfer: Transfer,
    *,
    earlier: Iterable[Transfer],
    rules: Rules,
    factors: Sequence[Factor] = (),
    reference: Reference = "none",
) -> PaymentDecision:
    """Which checks the transfer needs by the rules of its day; pure.

    ``earlier`` are the customer's other transfers; those of the same day in Vietnam (UTC+7) count
    into the day's sum, later ones and the transfer itself do not. Exactly the limit does not
    exceed it. A transfer is judged whatever the customer's class: the limits of the classes A to D
    are not public, so none of them excuses one here.
    """
    current = rules.at(transfer.at)
    day = transfer.at.astimezone(VIETNAM).date()
    day_sum = transfer.amount + sum(
        other.amount
        for other in earlier
        if other.at <= transfer.at and other.at.astimezone(VIETNAM).date() == day
    )
    reasons = _reasons(transfer, day_sum, current)
    required = ("factor.inherence", "match.reference") if reasons else ()
    shown = {
        "factor.inherence": any(_matches(factor, transfer.at, current) for factor in factors),
        "match.reference": reference != "none",
    }
    also = (current.get("payment.match"), current.get("payment.reference")) if reasons else ()
    return PaymentDecision(
        required=required,
        missing=tuple(name for name in required if not shown[name]),
        because=reasons + tuple(rule for rule in also if rule),
        day_sum=day_sum,
        known=current.get("payment.amount") is not None,
    )


def _reasons(transfer: Transfer, day_sum: int, rules: Rules) -> tuple[Rule, ...]:
    exceeds = {
        "payment.amount": _exceeds(rules, "payment.amount", transfer.amount),
        "payment.day": _exceeds(rules, "payment.day", day_sum),
        "payment.device": transfer.new_device,
    }
    found = (rules.get(name) for name, holds in exceeds.items() if holds)
    return tuple(rule for rule in found if rule)


def _exceeds(rules: Rules, rule_id: str, amount: int) -> bool:
    limit = rules.number(rule_id, "exceeds")
    return limit is not None and amount > limit


def _matches(factor: Factor, at: datetime, rules: Rules) -> bool:
    seconds = rules.number("payment.match", "seconds")
    if factor.kind != "inherence" or factor.at > at:
        return False
    return seconds is None or at - factor.at <= timedelta(seconds=seconds)
