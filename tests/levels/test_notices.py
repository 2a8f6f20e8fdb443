from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eid.levels.notices import OCCASIONS, notice

AT = datetime(2026, 12, 31, 18, 5, tzinfo=UTC)


@pytest.mark.parametrize("occasion", OCCASIONS)
def test_both_languages_say_what_and_when_and_lead_nowhere(occasion):
    told = notice(occasion, "Example Ltd", at=AT)
    here, there = told.splitlines()
    assert "01:05 ngày 01/01/2027" in here  # Vietnam's day
    assert "2027-01-01 01:05" in there
    assert here.startswith("Example Ltd: ")
    assert there.startswith("Example Ltd: ")
    assert "http" not in told
    assert len(here) < 200


def test_each_occasion_has_its_own_words():
    assert len({notice(one, "x", at=AT) for one in OCCASIONS}) == len(OCCASIONS)
