from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import AccountError, EidError, HolderMismatch, InsufficientEvidence
from eid.levels.account import Account, profile_from_card
from eid.levels.assurance import Factor
from eid.levels.proofing import check_eligible, differences, eligibility, raise_remotely
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


@pytest.mark.parametrize("method", ["code", "passkey"])
def test_level_1_remotely(card, method):
    raised = raise_remotely(NEW, card(), channel=channel(method), rules=RULES, at=AT)
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
