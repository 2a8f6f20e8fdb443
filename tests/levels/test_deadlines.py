from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from eid.levels.deadlines import due, keep_until
from eid.levels.rules import VIETNAM, Rules

RULES = Rules.load()


def local(*parts):
    return datetime(*parts, tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (local(2026, 11, 16, 9), local(2026, 11, 19)),  # Monday: Tuesday, Wednesday
        (local(2026, 11, 19, 23, 59), local(2026, 11, 24)),  # Thursday: Friday, Monday
        (local(2026, 11, 20, 9), local(2026, 11, 25)),  # Friday: Monday, Tuesday
        (local(2026, 11, 21, 9), local(2026, 11, 25)),  # Saturday
        (local(2026, 11, 22, 9), local(2026, 11, 25)),  # Sunday
        (datetime(2026, 11, 18, 17, tzinfo=UTC), local(2026, 11, 24)),  # Thursday in Vietnam
    ],
)
def test_two_working_days(at, expected):
    assert due("privacy.request", at, rules=RULES) == expected


def test_holidays_are_the_operators():
    at = local(2026, 8, 31, 9)
    assert due("lock", at, rules=RULES) == local(2026, 9, 3)
    holidays = {date(2026, 9, 1), date(2026, 9, 2)}
    assert due("lock", at, rules=RULES, holidays=holidays) == local(2026, 9, 5)


def test_hours_run_over_weekends():
    at = local(2026, 11, 20, 9)
    assert due("privacy.breach", at, rules=RULES) == local(2026, 11, 23, 9)


def test_no_rule_no_deadline():
    assert due("privacy.breach", local(2025, 12, 31, 23), rules=RULES) is None
    assert due("consent", local(2026, 11, 20), rules=RULES) is None
    assert keep_until("consent", local(2026, 11, 20), rules=RULES) is None


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (local(2026, 11, 21, 8), local(2031, 11, 21, 8)),
        (local(2028, 2, 29, 8), local(2033, 3, 1, 8)),
        (local(2023, 5, 1), local(2028, 5, 1)),
    ],
)
def test_five_years(at, expected):
    assert keep_until("retention.usage", at, rules=RULES) == expected
