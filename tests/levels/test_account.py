from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from eid.errors import AccountError
from eid.levels.account import (
    LIFE_CYCLE,
    LOCK_GROUNDS,
    Account,
    Event,
    State,
    move,
    profile_from_card,
)

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
NEW = Account(id="a1", username="thu", created_at=AT)
EVENTS = get_args(Event)


def walk(*events, account=NEW):
    for event in events:
        account = move(account, event, at=AT, holder_match="officer", source="chip_local")
    return account


@pytest.mark.parametrize(
    ("events", "state", "level"),
    [
        ((), "registered", 0),
        (("proofed_remotely",), "active", 1),
        (("proofed_at_counter",), "active", 2),
        (("proofed_remotely", "proofed_at_counter"), "active", 2),
        (("proofed_at_counter", "locked"), "locked", 2),
        (("proofed_at_counter", "locked", "unlocked"), "active", 2),
        (("locked", "unlocked"), "registered", 0),
        (("proofed_at_counter", "document_expired"), "expired", 0),
        (("proofed_at_counter", "document_expired", "proofed_remotely"), "active", 1),
        (("proofed_at_counter", "document_expired", "locked", "unlocked"), "registered", 0),
        (("proofed_at_counter", "closed"), "closed", 0),
        (("proofed_at_counter", "card_lost"), "expired", 0),
        (("proofed_at_counter", "number_replaced"), "active", 2),
        (("proofed_at_counter", "number_cancelled"), "expired", 0),
        (("number_replaced",), "registered", 0),
        (("number_cancelled", "proofed_remotely"), "active", 1),
        (("proofed_at_counter", "card_lost", "number_replaced"), "expired", 0),
        (("proofed_at_counter", "card_lost", "number_cancelled"), "expired", 0),
        (("proofed_at_counter", "locked", "card_lost", "unlocked"), "registered", 0),
        (("proofed_at_counter", "locked", "number_cancelled"), "locked", 0),
        (("proofed_at_counter", "locked", "document_expired"), "locked", 0),
        (("proofed_at_counter", "locked", "number_replaced", "unlocked"), "active", 2),
        (("proofed_at_counter", "locked", "locked", "closed"), "closed", 0),
    ],
)
def test_paths(events, state, level):
    account = walk(*events)
    assert (account.state, account.level) == (state, level)


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize("event", EVENTS)
def test_every_move_outside_the_table_is_refused(state, event):
    account = replace(NEW, state=state)
    if (state, event) in LIFE_CYCLE:
        assert walk(event, account=account).state in get_args(State)
    else:
        with pytest.raises(AccountError) as caught:
            walk(event, account=account)
        assert caught.value.code == "account.impossible_move"
        assert caught.value.facts == {"state": state, "event": event}


def test_the_table_knows_its_exits():
    assert not [event for (state, event) in LIFE_CYCLE if state == "closed"]
    assert ("active", "proofed_remotely") not in LIFE_CYCLE  # never lowers level 2 to 1


def test_l002_level_2_needs_a_holder_match():
    with pytest.raises(AccountError) as caught:
        move(NEW, "proofed_at_counter", at=AT)
    assert caught.value.code == "account.holder_match_missing"


@pytest.mark.parametrize("ground", list(LOCK_GROUNDS))
def test_every_ground_of_a_lock_has_an_article_and_an_end(ground):
    locked = move(walk("proofed_at_counter"), "locked", at=AT, ground=ground)
    assert (locked.state, locked.lock_ground, locked.level) == ("locked", ground, 2)
    assert LOCK_GROUNDS[ground].article
    if LOCK_GROUNDS[ground].ends == "never":
        with pytest.raises(AccountError) as caught:
            move(locked, "unlocked", at=AT)
        assert caught.value.code == "account.locked_for_good"
    else:
        assert move(locked, "unlocked", at=AT).lock_ground is None


def test_of_two_locks_the_weightier_ground_stays():
    once = move(walk("proofed_at_counter"), "locked", at=AT, ground="authority_request")
    assert move(once, "locked", at=AT, ground="own_request").lock_ground == "authority_request"
    assert move(once, "locked", at=AT, ground="death").lock_ground == "death"
    assert move(once, "card_lost", at=AT).lock_ground == "authority_request"
    assert move(once, "closed", at=AT).lock_ground is None


def test_proofing_is_remembered_and_forgotten_with_the_level():
    proofed = walk("proofed_at_counter")
    assert (proofed.holder_match, proofed.source, proofed.proofed_at) == (
        "officer",
        "chip_local",
        AT,
    )
    assert walk("locked", account=proofed).holder_match == "officer"
    assert walk("document_expired", account=proofed).holder_match == "none"
    assert move(NEW, "proofed_remotely", at=AT).source == "manual"


def test_personal_data_are_not_shown(card):
    account = replace(NEW, profile=profile_from_card(card()))
    for text in (repr(account), repr(account.profile), str(account)):
        assert "001190000001" not in text
        assert "TRẦN" not in text


@pytest.mark.parametrize(
    ("printed", "iso"),
    [
        ("20/03/2022", "2022-03-20"),
        ("31/02/2022", ""),
        ("2022", ""),
        ("a/b/c", ""),
        (None, ""),
        ("", ""),
    ],
)
def test_profile_from_card(card, dg13, printed, iso):
    profile = profile_from_card(card(dg13=dg13(issue_date=printed)))
    assert profile.issue_date == iso
    assert profile.expiry == "2030-05-17"
    assert (profile.name, profile.address) == ("TRẦN THỊ THỬ", "1 Phố Thử, Hà Nội")


def test_profile_without_dg13_and_expiry(card, dg13):
    profile = profile_from_card(card(dg13=None, expires=None))
    assert (profile.address, profile.issue_date, profile.expiry) == ("", "", "")
    assert profile_from_card(card(dg13=dg13(residence=None))).address == ""


class LifeCycle(RuleBasedStateMachine):
    """Any order of events keeps the level and the state in step."""

    def __init__(self):
        super().__init__()
        self.account = NEW

    @rule(
        event=st.sampled_from(EVENTS),
        match=st.sampled_from(["none", "officer", "face"]),
        ground=st.sampled_from(list(LOCK_GROUNDS)),
    )
    def happen(self, event, match, ground):
        before = self.account
        try:
            self.account = move(before, event, at=AT, holder_match=match, ground=ground)
        except AccountError:
            assert self.account is before
            return
        rose = self.account.level > before.level
        assert not rose or event in {"proofed_remotely", "proofed_at_counter"}
        if before.state == "locked":
            assert self.account.state in {"locked", "closed"} or event == "unlocked"
        if before.lock_ground == "death":
            assert self.account.state in {"locked", "closed"}

    @invariant()
    def in_step(self):
        account = self.account
        if account.state in {"registered", "expired", "closed"}:
            assert account.level == 0
        if account.state == "active":
            assert account.level in {1, 2}
        if account.level == 2:
            assert account.holder_match in {"officer", "face"}
        if account.level == 0:
            assert account.holder_match == "none"
        assert (account.lock_ground is not None) == (account.state == "locked")


TestLifeCycle = LifeCycle.TestCase
