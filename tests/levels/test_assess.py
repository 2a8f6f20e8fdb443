from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import HolderMismatch
from eid.levels.account import Account, profile_from_card
from eid.levels.assess import age_on, assess
from eid.levels.assurance import Factor
from eid.levels.rules import Rules

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULES = Rules.load()
KINDS = ("factor.knowledge", "factor.possession", "factor.inherence")


@pytest.fixture
def person(card):
    return Account(
        id="a1",
        username="thu",
        created_at=AT,
        state="active",
        level=2,
        holder_match="officer",
        source="chip_local",
        profile=profile_from_card(card()),
    )


def judge(**changes):
    given = {
        "card": None,
        "factors": (),
        "account": None,
        "consent": True,
        "rules": RULES,
        "at": AT,
    }
    return assess(**{**given, **changes})


def factor(method, age=0):
    return Factor.of(method, AT - timedelta(seconds=age))


def test_card_alone_and_card_with_password(card, person):
    alone = judge(card=card(), account=person)
    assert (alone.level, alone.auth_level, alone.amr) == (2, 1, ("sc",))
    assert alone.missing == ("factor.knowledge", "factor.inherence")
    both = judge(card=card(), account=person, factors=[factor("password")])
    assert (both.level, both.auth_level, both.amr) == (2, 2, ("pwd", "sc", "mfa"))
    assert both.source == "chip_local"
    assert both.holder_match == "officer"
    ids = [rule.id for rule in both.because]
    assert ids == ["account.level_2", "auth.level_2", "consent"]


def test_a_card_judged_earlier_in_the_login_comes_back_as_a_factor(person):
    later = judge(account=person, factors=[factor("card"), factor("password")])
    assert (later.auth_level, later.source) == (2, "chip_local")


def test_l001_a_chip_never_raises_an_account(card):
    new = Account(id="a1", username="thu", created_at=AT, profile=profile_from_card(card()))
    result = judge(card=card(), account=new, factors=[factor("password")])
    assert (result.level, result.auth_level, result.holder_match) == (0, 2, "none")
    assert "account.level_1" in result.missing
    nobody = judge(card=card(), factors=[factor("password")])
    assert (nobody.level, nobody.source) == (0, "chip_local")


def test_l001_unproven_card_is_no_factor(card, person):
    result = judge(
        card=card(possession_proven=False), account=person, factors=[factor("password")]
    )
    assert result.auth_level == 1
    assert result.missing == ("card.possession", "factor.possession", "factor.inherence")


def test_l017_another_persons_card(card, person):
    stranger = card()
    stranger.holder.personal_number = "001190000002"
    with pytest.raises(HolderMismatch) as caught:
        judge(card=stranger, account=person)
    assert caught.value.code == "holder_mismatch"
    assert "0011" not in str(caught.value)


def test_two_unknown_numbers_are_not_the_same_person(card, person):
    unnumbered = card()
    unnumbered.holder.personal_number = ""
    account = replace(person, profile=replace(person.profile, personal_number=""))
    with pytest.raises(HolderMismatch):
        judge(card=unnumbered, account=account)


def test_card_of_an_account_without_a_person_is_not_counted(card, person):
    result = judge(
        card=card(), account=replace(person, profile=None), factors=[factor("password")]
    )
    assert result.auth_level == 1
    assert result.missing[0] == "card.account"


@pytest.mark.parametrize(
    ("method", "age", "counts"),
    [
        ("password", 900, True),
        ("password", 901, False),
        ("password", -60, True),
        ("password", -61, False),
        ("face", 180, True),
        ("face", 181, False),
    ],
)
def test_l012_factors_age(person, method, age, counts):
    assert judge(account=person, factors=[factor(method, age)]).auth_level == int(counts)


@pytest.mark.parametrize(
    ("state", "level", "auth"),
    [
        ("active", 2, 1),
        ("registered", 0, 1),
        ("expired", 0, 1),
        ("locked", 0, 0),
        ("closed", 0, 0),
    ],
)
def test_states(person, state, level, auth):
    result = judge(account=replace(person, state=state), factors=[factor("password")])
    assert (result.level, result.auth_level) == (level, auth)
    assert result.amr == (("pwd",) if auth else ())


def test_missing_level_and_consent(person):
    first = judge(account=replace(person, level=1), consent=False, factors=[factor("face")])
    assert first.missing == ("consent", "account.level_2", "factor.knowledge", "factor.possession")
    assert not first.consent


def test_qr_only_never_exceeds_one(person):
    result = judge(
        account=replace(person, source="qr_only"),
        factors=[factor("password"), factor("totp"), factor("face")],
    )
    assert (result.level, result.auth_level) == (1, 1)
    assert "source.qr_only" in [rule.id for rule in result.because]


@pytest.mark.parametrize(
    ("birth", "level"),
    [("2020-11-21", 2), ("2020-11-22", 1), ("1990-01-01", 2), ("1990", 2), ("", 2)],
)
def test_l005_never_level_2_under_six(person, birth, level):
    account = replace(person, profile=replace(person.profile, birth_date=birth))
    assert judge(account=account).level == level


def test_age_turns_by_the_calendar_of_vietnam(person):
    account = replace(person, profile=replace(person.profile, birth_date="2020-11-22"))
    assert judge(account=account, at=datetime(2026, 11, 21, 16, 59, tzinfo=UTC)).level == 1
    assert judge(account=account, at=datetime(2026, 11, 21, 17, 0, tzinfo=UTC)).level == 2


def test_age_of_leap_day_children():
    assert age_on("2020-02-29", datetime(2026, 2, 28, tzinfo=UTC).date()) == 5
    assert age_on("2020-02-29", datetime(2026, 3, 1, tzinfo=UTC).date()) == 6


def test_no_rules_in_force_grant_nothing(person):
    before = datetime(1999, 1, 1, tzinfo=UTC)
    result = judge(account=person, factors=[Factor.of("password", before)], at=before)
    assert (result.auth_level, result.because) == (0, ())


def test_amr_names_a_passkey_that_verified_its_user():
    passkey = Factor.of("passkey", AT, user_verified=True)
    assert judge(factors=[passkey]).amr == ("hwk", "mfa")
    assert judge(factors=[passkey]).source == "manual"


@pytest.mark.parametrize(
    ("expiry", "at", "level"),
    [
        ("2026-11-21", AT, 2),
        ("2026-11-20", AT, 0),
        ("2026-11-21", datetime(2026, 11, 21, 16, 59, tzinfo=UTC), 2),
        ("2026-11-21", datetime(2026, 11, 21, 17, tzinfo=UTC), 0),  # midnight in Vietnam
        ("", AT, 2),
    ],
)
def test_l003_no_level_after_the_last_day_of_the_card(person, expiry, at, level):
    account = replace(person, profile=replace(person.profile, expiry=expiry))
    given = assess(card=None, factors=[], account=account, consent=True, rules=RULES, at=at)
    assert given.level == level
    assert ("document.valid" in given.missing) == (level == 0)
    assert ("document.expiry" in {rule.id for rule in given.because}) == (level == 0)
