"""Until when something must be done: hours, and working days by the calendar of Vietnam.

>>> from datetime import UTC, datetime
>>> friday = datetime(2026, 11, 20, 9, tzinfo=UTC)
>>> due("privacy.request", friday, rules=Rules.load()).isoformat()
'2026-11-24T17:00:00+00:00'
>>> due("privacy.breach", friday, rules=Rules.load()).isoformat()
'2026-11-23T09:00:00+00:00'
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta

from eid.levels.rules import VIETNAM, Rules

_SATURDAY = 5


def due(
    rule_id: str, at: datetime, *, rules: Rules, holidays: Collection[date] = ()
) -> datetime | None:
    """The moment by which a rule wants it done, for something that came up at ``at``.

    ``hours`` run from the moment. ``working_days`` are Monday to Friday without ``holidays``
    (the calendar of public holidays is the operator's; without it a date is never too late), the
    day of the event not counted, until the end of the last one. None where no rule of that day
    sets a time.
    """
    current = rules.at(at)
    hours = current.number(rule_id, "hours")
    if hours is not None:
        return at + timedelta(hours=hours)
    days = current.number(rule_id, "working_days")
    if days is None:
        return None
    day = at.astimezone(VIETNAM).date()
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < _SATURDAY and day not in holidays
    end = datetime.combine(day + timedelta(days=1), time(), VIETNAM)
    return end.astimezone(UTC)


def keep_until(rule_id: str, at: datetime, *, rules: Rules) -> datetime | None:
    """Until when what happened at ``at`` is kept by a rule in ``years``; None where no rule is."""
    years = rules.at(at).number(rule_id, "years")
    if years is None:
        return None
    local = at.astimezone(VIETNAM)
    leap = (local.month, local.day) == (2, 29)
    moved = local.replace(year=local.year + years, day=28 if leap else local.day)
    return (moved + timedelta(days=1 if leap else 0)).astimezone(UTC)
