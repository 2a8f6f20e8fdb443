"""Two-digit years, unknown days, worded dates."""

from __future__ import annotations

from datetime import date

import pytest

from eid.chip.checks.dates import birth_date, expiry_date, is_plausible, worded_date

TODAY = date(2026, 6, 1)


@pytest.mark.parametrize(
    ("zone", "year"), [("260601", 2026), ("260602", 1926), ("990101", 1999), ("000229", 2000)]
)
def test_birth_windows(zone, year):
    assert birth_date(zone, at=TODAY).year == year


def test_the_century_may_be_known():
    """A centenarian, by the fourth digit of the personal number."""
    assert birth_date("200101", at=TODAY, century=1900).year == 1920
    assert birth_date("200101", at=TODAY, century=2000).year == 2020


@pytest.mark.parametrize("zone", ["90<<<<", "9003<<", "<<<<<<", "901301", "900230", "9003021", ""])
def test_incomplete_births(zone):
    assert birth_date(zone, at=TODAY) is None


def test_expiries():
    assert expiry_date("991231") == date(2099, 12, 31)
    assert expiry_date("000101") == date(2000, 1, 1)
    for zone in ("<<<<<<", "301301", "3001", "30010²", "3001011"):
        assert expiry_date(zone) is None


@pytest.mark.parametrize(
    "zone", ["900302", "9003<<", "90<<<<", "<<<<<<", "000229", "010229", "8902<<"]
)
def test_plausible(zone):
    assert is_plausible(zone)


@pytest.mark.parametrize(
    "zone", ["901302", "90<<02", "<<0302", "900332", "9003", "9003021", "90A302"]
)
def test_implausible(zone):
    assert not is_plausible(zone)


def test_worded_dates():
    assert worded_date("02/03/1990") == worded_date(" 2/3/1990 ") == date(1990, 3, 2)
    for text in (
        None,
        "",
        "Không thời hạn",
        "31/02/2020",
        "1990-03-02",
        "02/03/90",
        "02/03/19900",
    ):
        assert worded_date(text) is None
