from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import AccountError, EidError, HolderMismatch, InsufficientEvidence
from eid.levels.account import Account, move, profile_from_card
from eid.levels.assurance import Factor
from eid.levels.proofing import (
    Presence,
    check_eligible,
    check_representative,
    differences,
    eligibility,
    raise_in_presence,
    raise_remotely,
)
from eid.levels.rules import Rules

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULES = Rules.load()
NEW = Account(id="a1", username="thu", created_at=AT)


def code(error):
    return error.value.code


@pytest.mark.parametrize(
    ("birth", "level", "alone"),
    [
        ("2012-11-21", 2, True),  # 14 today
        ("2012-11-22", 2, False),
        ("2020-11-21", 2, False),  # 6 today
        ("2020-11-22", 1, False),
        ("", 1, False),
        ("1940-02-30", 1, False),
    ],
)
def test_l005_ages(birth, level, alone):
    allowed = eligibility(birth, rules=RULES, at=AT)
    assert (allowed.highest_level, allowed.alone) == (level, alone)


@pytest.mark.parametrize(
    ("changes", "level", "representative", "refusal"),
    [
        ({}, 2, None, None),
        ({"birth_date": "2015-01-01"}, 2, None, "account.representative_missing"),
        ({"birth_date": "2015-01-01"}, 2, "parent", None),
        ({"birth_date": "2024-01-01"}, 2, "parent", "account.age"),
        ({"birth_date": "2024-01-01"}, 1, "parent", None),
        ({"issuing_state": "D"}, 1, None, "account.document_kind"),
        ({"personal_number": "12345678901"}, 1, None, "account.document_kind"),
        ({"personal_number": "١٢٣٤٥٦٧٨٩٠١٢"}, 1, None, "account.document_kind"),
    ],
)
def test_l005_who_may_have_which_level(card, changes, level, representative, refusal):
    profile = replace(profile_from_card(card()), **changes)
    options = {"representative": representative, "rules": RULES, "at": AT}
    if refusal is None:
        check_eligible(profile, level, **options)
        return
    with pytest.raises(AccountError) as caught:
        check_eligible(profile, level, **options)
    assert code(caught) == refusal


def channel(method="code", age=0):
    return Factor.of(method, AT - timedelta(seconds=age))


def test_level_1_remotely(card):
    raised = raise_remotely(NEW, card(), channel=channel(), rules=RULES, at=AT)
    assert (raised.state, raised.level, raised.source) == ("active", 1, "chip_local")
    assert raised.holder_match == "none"
    assert raised.profile.personal_number == "001190000001"


@pytest.mark.parametrize(
    ("card_changes", "given", "missing"),
    [
        ({"possession_proven": False}, channel(), ("card.possession",)),
        ({"verified_at": AT - timedelta(hours=1)}, channel(), ("card.possession",)),
        ({}, None, ("channel",)),
        ({}, channel("password"), ("channel",)),
        ({}, channel("face"), ("channel",)),
        ({}, channel("passkey"), ("channel",)),
        ({}, channel("totp"), ("channel",)),
        ({}, channel(age=901), ("channel",)),
        ({}, channel(age=-61), ("channel",)),
    ],
)
def test_l001_l002_neither_chip_nor_channel_alone(card, card_changes, given, missing):
    with pytest.raises(InsufficientEvidence) as caught:
        raise_remotely(NEW, card(**card_changes), channel=given, rules=RULES, at=AT)
    assert caught.value.missing == missing


def test_two_people_never_share_an_account(card):
    mine = raise_remotely(NEW, card(), channel=channel(), rules=RULES, at=AT)
    lost = replace(mine, state="expired", level=0)
    other = card()
    other.holder.personal_number = "001190000002"
    with pytest.raises(HolderMismatch):
        raise_remotely(lost, other, channel=channel(), rules=RULES, at=AT)
    again = raise_remotely(lost, card(), channel=channel(), rules=RULES, at=AT)
    assert (again.state, again.level) == ("active", 1)


def test_l003_after_a_cancelled_number_only_the_counter_says_whose_card_it_is(card):
    mine = raise_remotely(NEW, card(), channel=channel(), rules=RULES, at=AT)
    cancelled = move(mine, "number_cancelled", at=AT)
    with pytest.raises(AccountError) as caught:
        raise_remotely(cancelled, card(), channel=channel(), rules=RULES, at=AT)
    assert code(caught) == "account.number_cancelled"
    given = {"presence": Presence(officer="o1"), "rules": RULES, "at": AT}
    assert raise_in_presence(cancelled, card(), **given).level == 2


def test_after_a_cancelled_number_another_person_does_not_become_the_first(card):
    mine = raise_remotely(NEW, card(), channel=channel(), rules=RULES, at=AT)
    cancelled = move(mine, "number_cancelled", at=AT)
    given = {"presence": Presence(officer="o1"), "rules": RULES, "at": AT}
    renamed, other = card(), card()
    renamed.holder.personal_number = other.holder.personal_number = "001190000002"
    renamed.holder.name = other.holder.name = "Trần Thị Mẫu"
    assert raise_in_presence(cancelled, renamed, **given).level == 2
    other.holder.birth_date = "1991-04-05"
    with pytest.raises(HolderMismatch):
        raise_in_presence(cancelled, other, **given)


def test_level_2_is_never_lowered_by_a_remote_proof(card):
    second = replace(NEW, state="active", level=2, holder_match="officer")
    with pytest.raises(EidError) as caught:
        raise_remotely(second, card(), channel=channel(), rules=RULES, at=AT)
    assert code(caught) == "account.impossible_move"


def test_l006_the_chip_wins_and_the_difference_is_shown(card):
    chip = profile_from_card(card())
    typed = replace(chip, name="TRAN THI THU", birth_date="1990-05-18", address="")
    assert differences(typed, chip) == ("name", "birth_date")
    assert differences(chip, chip) == ()


@dataclass
class Check:
    name: str
    status: str = "passed"


ANSWERED = (Check("aa.signature"), Check("aa.freshness"))


@pytest.mark.parametrize(
    ("checks", "age", "raises"),
    [
        (ANSWERED, 0, True),
        ((Check("chip_auth"),), 0, True),
        ((Check("aa.signature"),), 0, False),
        ((Check("aa.signature"), Check("aa.freshness", "absent")), 0, False),
        ((Check("chip_auth", "unknown"),), 0, False),
        ((), 0, False),
        (ANSWERED, 121, False),
    ],
)
def test_l001_a_remote_confirmation_stands_in_for_an_anchor_not_for_the_chip(
    card, checks, age, raises
):
    read = card(
        possession_proven=False,
        source="chip_remote_verifier",
        checks=checks,
        verified_at=AT - timedelta(seconds=age),
    )
    if raises:
        raised = raise_remotely(NEW, read, channel=channel(), rules=RULES, at=AT)
        assert (raised.level, raised.source) == (1, "chip_remote_verifier")
        return
    with pytest.raises(InsufficientEvidence) as caught:
        raise_remotely(NEW, read, channel=channel(), rules=RULES, at=AT)
    assert caught.value.missing == ("card.possession",)


def face(age=0, method="face"):
    return Factor.of(method, AT - timedelta(seconds=age))


@pytest.mark.parametrize(
    ("presence", "match"),
    [
        (Presence(officer="o1"), "officer"),
        (Presence(officer="o1", second="o2", two=True), "officer"),
        (Presence(face=face(180)), "face"),
        (Presence(officer="o1", face=face()), "officer"),
    ],
)
def test_level_2_in_presence(card, presence, match):
    raised = raise_in_presence(NEW, card(), presence=presence, rules=RULES, at=AT)
    assert (raised.state, raised.level, raised.holder_match) == ("active", 2, match)
    assert raised.profile.personal_number == "001190000001"
    late = card(verified_at=AT - timedelta(minutes=15))  # a second officer may take his time
    assert raise_in_presence(NEW, late, presence=presence, rules=RULES, at=AT).level == 2


@pytest.mark.parametrize(
    ("presence", "refusal"),
    [
        (Presence(), "account.holder_match_missing"),
        (Presence(face=face(181)), "account.holder_match_missing"),
        (Presence(face=face(-61)), "account.holder_match_missing"),
        (Presence(face=face(method="passkey")), "account.holder_match_missing"),
        (Presence(officer="a1"), "counter.own_account"),
        (Presence(officer="o1", second="a1"), "counter.own_account"),
        (Presence(officer="o1", two=True), "counter.second_officer"),
        (Presence(officer="o1", second="o1", two=True), "counter.second_officer"),
        (Presence(face=face(), two=True), "counter.second_officer"),
    ],
)
def test_l002_nobody_comes_to_level_2_without_other_eyes(card, presence, refusal):
    with pytest.raises(AccountError) as caught:
        raise_in_presence(NEW, card(), presence=presence, rules=RULES, at=AT)
    assert code(caught) == refusal


@pytest.mark.parametrize(
    "changes",
    [
        {"possession_proven": False},
        {"verified_at": AT - timedelta(seconds=901)},
        {"verified_at": AT + timedelta(seconds=61)},
    ],
)
def test_l001_in_presence_too_the_chip_must_have_answered(card, changes):
    with pytest.raises(InsufficientEvidence) as caught:
        raise_in_presence(
            NEW, card(**changes), presence=Presence(officer="o1"), rules=RULES, at=AT
        )
    assert caught.value.missing == ("card.possession",)


def test_l005_in_presence_the_rules_of_age_hold(card):
    young = card()
    young.holder.birth_date = "2019-01-01"
    given = {"presence": Presence(officer="o1"), "rules": RULES, "at": AT}
    with pytest.raises(AccountError) as caught:
        raise_in_presence(NEW, young, **given)
    assert code(caught) == "account.representative_missing"
    ward = raise_in_presence(NEW, young, representative="parent", **given)
    assert (ward.level, ward.representative) == (2, "parent")
    other, stranger = replace(ward, state="expired", level=0), card()
    stranger.holder.personal_number = "001190000002"
    with pytest.raises(HolderMismatch):
        raise_in_presence(other, stranger, **given)


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({}, True),
        ({"level": 1}, False),
        ({"state": "locked"}, False),
        ({"id": "ward"}, False),
        ({"representative": "somebody"}, False),
        ({"profile": None}, False),
        ({"birth": "2008-11-21"}, True),  # 18 today
        ({"birth": "2008-11-22"}, False),
        ({"birth": ""}, False),
    ],
)
def test_l005_who_may_act_for_a_ward(card, changes, good):
    changes = dict(changes)
    profile = profile_from_card(card())
    if "birth" in changes:
        profile = replace(profile, birth_date=changes.pop("birth"))
    account = Account(
        id="parent", username="p", created_at=AT, state="active", level=2, profile=profile
    )
    account = replace(account, **changes)
    if good:
        check_representative(account, "ward", level=2, rules=RULES, at=AT)
        return
    with pytest.raises(AccountError) as caught:
        check_representative(account, "ward", level=2, rules=RULES, at=AT)
    assert code(caught) == "account.representative"
    with pytest.raises(AccountError):
        check_representative(None, "ward", level=2, rules=RULES, at=AT)
