"""Decision 2345 and Circular 50/2024, on both sides of every limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from eid.levels.assurance import Factor
from eid.levels.payments import MAX_AMOUNT, Transfer, assess_payment
from eid.levels.rules import VIETNAM, Rules

RULES = Rules.load()
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
MILLION = 1_000_000


def transfer(amount, at=AT, *, new_device=False):
    return Transfer(amount=amount, at=at, new_device=new_device)


def asked(amount, earlier=(), at=AT, *, new_device=False, **options):
    return assess_payment(
        transfer(amount, at, new_device=new_device), earlier=earlier, rules=RULES, **options
    )


def rules_of(decision):
    return [rule.id for rule in decision.because][: len(decision.because) - 2]


@pytest.mark.parametrize(
    ("amount", "earlier", "reasons"),
    [
        (10 * MILLION - 1, (), []),
        (10 * MILLION, (), []),
        (10 * MILLION + 1, (), ["payment.amount"]),
        (10 * MILLION, (10 * MILLION,), []),
        (10 * MILLION, (10 * MILLION, 1), ["payment.day"]),
        (1, (20 * MILLION,), ["payment.day"]),
        (1, (19 * MILLION, MILLION - 1), []),
        (21 * MILLION, (), ["payment.amount", "payment.day"]),
    ],
)
def test_amounts(amount, earlier, reasons):
    """The day's sum counts the transfer itself; exactly the limit does not exceed it."""
    decision = asked(amount, [transfer(one, AT - timedelta(hours=1)) for one in earlier])
    assert rules_of(decision) == reasons
    assert bool(decision.required) == bool(reasons)
    assert decision.day_sum == amount + sum(earlier)


@pytest.mark.parametrize(
    ("earlier_at", "counts"),
    [
        (datetime(2026, 11, 21, 0, 0, 0, tzinfo=VIETNAM), True),
        (datetime(2026, 11, 20, 23, 59, 59, tzinfo=VIETNAM), False),
        (datetime(2026, 11, 20, 17, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 20, 16, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 21, 23, 59, 59, tzinfo=VIETNAM), False),
    ],
)
def test_the_day_is_vietnams(earlier_at, counts):
    at = datetime(2026, 11, 21, 19, tzinfo=VIETNAM)
    decision = asked(2 * MILLION, [transfer(19 * MILLION, earlier_at)], at)
    assert bool(decision.required) is counts


def test_another_device_alone_is_enough_under_circular_50_only():
    assert rules_of(asked(1, new_device=True)) == ["payment.device"]
    assert not asked(1).required
    old = asked(1, at=datetime(2024, 8, 1, tzinfo=UTC), new_device=True)
    assert (old.required, old.known) == ((), True)


@pytest.mark.parametrize(
    ("day", "article"),
    [
        (datetime(2024, 7, 1, tzinfo=VIETNAM), "2345/QD-NHNN"),
        (datetime(2024, 12, 31, 23, 59, tzinfo=VIETNAM), "2345/QD-NHNN"),
        (datetime(2025, 1, 1, tzinfo=VIETNAM), "50/2024/TT-NHNN"),
    ],
)
def test_the_rule_of_the_day(day, article):
    assert asked(11 * MILLION, at=day).because[0].article == article


def test_before_the_rules_nothing_is_known_and_nothing_proceeds():
    decision = asked(1, at=datetime(2024, 6, 30, tzinfo=VIETNAM))
    assert (decision.known, decision.may_proceed, decision.required) == (False, False, ())


@pytest.mark.parametrize(
    ("factors", "reference", "missing"),
    [
        ([], "none", ("factor.inherence", "match.reference")),
        ([Factor.of("face", AT)], "none", ("match.reference",)),
        ([Factor.of("face", AT)], "chip", ()),
        ([Factor.of("face", AT - timedelta(seconds=180))], "identity_account", ()),
        ([Factor.of("face", AT - timedelta(seconds=181))], "chip", ("factor.inherence",)),
        ([Factor.of("face", AT + timedelta(seconds=1))], "chip", ("factor.inherence",)),
        ([Factor.of("password", AT)], "bank_store", ("factor.inherence",)),
    ],
)
def test_l015_what_was_shown(factors, reference, missing):
    decision = asked(11 * MILLION, factors=factors, reference=reference)
    assert decision.missing == missing
    assert decision.may_proceed is (not missing)


def test_an_old_match_counts_under_2345():
    day = datetime(2024, 8, 1, tzinfo=UTC)
    old = Factor.of("face", day - timedelta(hours=1))
    assert asked(11 * MILLION, at=day, factors=[old], reference="chip").may_proceed


@pytest.mark.parametrize("amount", [0, -1, 1.5, "1", True, MAX_AMOUNT + 1])
def test_amounts_that_are_none(amount):
    with pytest.raises(ValueError, match="amount"):
        transfer(amount)


def test_naive_times_are_a_bug():
    with pytest.raises(ValueError, match="aware"):
        Transfer(amount=1, at=datetime(2026, 1, 1))  # noqa: DTZ001
