from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from eid.testing import der


def test_sets_are_ordered() -> None:
    assert der.set_of(der.integer(2), der.integer(1)).hex() == "3106020101020102"


@pytest.mark.parametrize(
    ("value", "expected"), [(0, "020100"), (127, "02017f"), (128, "02020080"), (-1, "0201ff")]
)
def test_integers(value: int, expected: str) -> None:
    assert der.integer(value).hex() == expected


def test_times_change_form_in_2050() -> None:
    assert der.time(datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)) == b"\x17\x0d491231235959Z"
    assert der.time(datetime(2050, 1, 1, tzinfo=UTC)) == b"\x18\x0f20500101000000Z"


def test_times_are_written_in_utc() -> None:
    hanoi = timezone(timedelta(hours=7))
    assert der.general_time(datetime(2026, 1, 1, 6, tzinfo=hanoi)) == b"20251231230000Z"


def test_the_small_ones() -> None:
    assert der.null().hex() == "0500"
    assert der.boolean(value=True).hex() == "0101ff"
    assert der.boolean(value=False).hex() == "010100"
    assert der.octets(b"a").hex() == "040161"
    assert der.bits(b"\x80", unused=7).hex() == "03020780"
    assert der.printable("a").hex() == "130161"
    assert der.utf8("đ").hex() == "0c02c491"
    assert der.explicit(3, der.null()).hex() == "a3020500"
    assert der.implicit(1, b"x").hex() == "810178"
