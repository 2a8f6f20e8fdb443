from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.levels.assurance import METHODS, Factor
from eid.levels.past import PastAssertion, reassess
from eid.levels.rules import Rules

RULES = Rules.load()
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def past(at=AT, **changes):
    told = {
        "account_level": 2,
        "level": 2,
        "auth_level": 2,
        "source": "chip_local",
        "consent": True,
        "factors": (Factor.of("password", at), Factor.of("card", at - timedelta(seconds=5))),
        "holder_match": "officer",
    }
    return PastAssertion(at=at, **{**told, **changes})


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({}, ()),
        ({"level": 1, "auth_level": 1}, ()),
        ({"auth_level": 3}, ("auth_level",)),
        ({"account_level": 1}, ("level",)),
        ({"account_level": 0}, ("level",)),
        ({"consent": False}, ("consent",)),
        ({"source": "qr_only"}, ("level", "auth_level")),
        ({"factors": ()}, ("auth_level",)),
        ({"age": 5}, ("level",)),
        ({"age": 6}, ()),
        ({"factors": (Factor.of("card", AT - timedelta(hours=1)),)}, ("auth_level",)),
        ({"factors": (Factor.of("passkey", AT, user_verified=True),)}, ()),
    ],
)
def test_judged_again(changes, differs):
    again = past(**changes)
    if changes.get("source") == "qr_only":
        again = past(**changes, factors=(Factor.of("password", AT), Factor.of("totp", AT)))
    assert reassess(again, RULES).differs == differs
    assert reassess(PastAssertion.from_detail(again.to_detail()), RULES).differs == differs


def test_under_the_rules_of_its_day():
    day = datetime(2023, 5, 1, tzinfo=UTC)
    then = reassess(past(day), RULES)
    assert then.differs == ("auth_level",)
    assert then.assurance.because[0].regulation == "Decree 59/2022/ND-CP"
    assert reassess(past(day, consent=False, auth_level=0), RULES).differs == ()


@pytest.mark.parametrize(
    "change",
    [
        {"level": "3"},
        {"level": "-1"},
        {"level": "02"},
        {"level": "two"},
        {"level": 2},
        {"auth_level": "5"},
        {"account_level": ""},
        {"source": "rumour"},
        {"consent": "maybe"},
        {"holder_match": "dog"},
        {"factors": "password"},
        {"factors": "telepathy:0"},
        {"factors": "password:-1"},
        {"factors": " ".join(["password:0"] * 17)},
        {"age": "151"},
        {"at": "9" * 13},
        {"surprise": "1"},
    ],
)
def test_l014_malformed_records(change):
    with pytest.raises(FormatError) as caught:
        PastAssertion.from_detail({**past().to_detail(), **change})
    assert caught.value.code == "assertion"


def test_missing_members():
    for name in ("at", "level", "auth_level", "source", "consent", "account_level"):
        detail = past().to_detail()
        del detail[name]
        with pytest.raises(FormatError):
            PastAssertion.from_detail(detail)


factors = st.builds(
    lambda method, seconds, uv: Factor.of(
        method, AT - timedelta(seconds=seconds), user_verified=uv
    ),
    st.sampled_from(sorted(METHODS)),
    st.integers(0, 10**6 - 1),
    st.booleans(),
)


@given(
    st.builds(
        past,
        account_level=st.integers(0, 2),
        level=st.integers(0, 2),
        auth_level=st.integers(0, 4),
        consent=st.booleans(),
        age=st.none() | st.integers(0, 150),
        session=st.booleans(),
        factors=st.lists(factors, max_size=16).map(tuple),
    )
)
def test_round_trip(value):
    assert PastAssertion.from_detail(value.to_detail()) == value
    assert PastAssertion.from_text(value.to_text()) == value


@pytest.mark.parametrize(
    "text",
    ["", " ", "at=1", "at=1 at=2", "x" * 2000, past().to_text() + " ", past().to_text() + " x=1"],
)
def test_l014_malformed_lines(text):
    with pytest.raises(FormatError) as caught:
        PastAssertion.from_text(text)
    assert caught.value.code == "assertion"


@pytest.mark.parametrize(
    ("auth_level", "session", "differs"),
    [(1, True, ()), (1, False, ("auth_level",)), (2, True, ("auth_level",))],
)
def test_a_session_was_worth_level_1_and_no_more(auth_level, session, differs):
    silent = past(auth_level=auth_level, factors=(), session=session)
    assert reassess(silent, RULES).differs == differs
