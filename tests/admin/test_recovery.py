from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from eid.admin.counter import officer_login
from eid.admin.recovery import RecoveryCase, RecoveryDesk
from eid.errors import (
    AccountError,
    EidError,
    FormatError,
    HolderMismatch,
    InsufficientEvidence,
    RequestRefused,
)
from eid.levels.account import Account, Profile
from eid.store import new_account_id, open_store

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
OLD, NEW = "correct horse battery", "another horse battery"


@dataclass
class Holder:
    personal_number: str = "001190000001"


@dataclass
class Card:
    """What recovery asks of a VerifiedCard; only ``verify`` makes a real one."""

    possession_proven: bool = True
    verified_at: datetime = NOW
    holder: Holder = field(default_factory=Holder)


@pytest.fixture
def store(tmp_path):
    url = f"sqlite:///{tmp_path / 'eid.db'}"
    opened = open_store(url, tmp_path, insecure_fast_hash=True, insecure_fast_commit=True)
    yield opened
    opened.close()


def add(store, username, **changes):
    account = Account(id=new_account_id(), username=username, created_at=NOW, **changes)
    return store.accounts.create(account, password=OLD)


@pytest.fixture
def person(store):
    profile = Profile(name="X", birth_date="1990-05-17", personal_number="001190000001")
    return add(store, "thu", state="active", level=2, holder_match="officer", profile=profile)


@pytest.fixture
def officers(store):
    for name in ("an", "binh"):
        add(store, name, roles=frozenset({"officer"}))
    return [
        officer_login(store.accounts, name, OLD, address="10.0.0.1", at=NOW)
        for name in ("an", "binh")
    ]


@pytest.fixture
def desk(store):
    return RecoveryDesk(register=store.accounts, cases=store.accounts.cases, grants=store.grants)


def log_in(store, password):
    return store.accounts.check_password("thu", password, address="192.0.2.1", at=NOW)


def test_with_the_card_the_level_stays(store, desk, officers, person):
    case = desk.ask(officers[0], person.id, card=Card(), at=NOW)
    assert case.outcome == "level_kept"
    approval = desk.approve(officers[1], case, at=NOW)
    assert desk.complete(approval.handle, NEW, at=NOW).level == 2
    assert log_in(store, NEW).level == 2
    with pytest.raises(AccountError):
        log_in(store, OLD)
    with pytest.raises(RequestRefused):
        desk.complete(approval.handle, NEW, at=NOW)
    kinds = [row.event.kind for row in store.audit.of_account(person.id)]
    for kind in ("case.opened", "case.decided", "account.recovered"):
        assert kinds.count(kind) == 1


def test_without_it_the_loss_is_said_before_and_on_record(store, desk, officers, person):
    case = desk.ask(officers[0], person.id, card=None, at=NOW)
    assert case.outcome == "level_lost"
    approval = desk.approve(officers[1], case, at=NOW)
    assert store.accounts.by_id(person.id).level == 2
    left = desk.complete(approval.handle, NEW, at=NOW)
    assert (left.state, left.level, left.holder_match) == ("expired", 0, "none")
    (row,) = [
        row.event
        for row in store.audit.of_account(person.id)
        if row.event.kind == "account.recovered_without_card"
    ]
    assert (row.detail["level_before"], row.detail["level"]) == ("2", "0")


def test_a_level_that_came_after_the_asking_is_not_given_away(store, desk, officers):
    fresh = add(store, "moi")
    case = desk.ask(officers[0], fresh.id, card=None, at=NOW)
    assert case.outcome == "level_kept"
    profile = Profile(name="X", birth_date="1990-05-17", personal_number="001190000001")
    proofed = replace(fresh, state="active", level=2, holder_match="officer", profile=profile)
    store.accounts.update(proofed, at=NOW)
    approval = desk.approve(officers[1], case, at=NOW)
    with pytest.raises(RequestRefused):
        desk.complete(approval.handle, NEW, at=NOW)
    store.accounts.check_password("moi", OLD, address="192.0.2.1", at=NOW)


def test_the_card_that_was_brought_later_counts(store, desk, officers):
    fresh = add(store, "moi")
    desk.ask(officers[0], fresh.id, card=None, at=NOW)
    profile = Profile(name="X", birth_date="1990-05-17", personal_number="001190000001")
    proofed = replace(fresh, state="active", level=2, holder_match="officer", profile=profile)
    store.accounts.update(proofed, at=NOW)
    case = desk.ask(officers[1], fresh.id, card=Card(), at=NOW)
    with pytest.raises(AccountError):
        desk.approve(officers[1], case, at=NOW)
    approval = desk.approve(officers[0], case, at=NOW)
    assert desk.complete(approval.handle, NEW, at=NOW).level == 2


def test_four_eyes(store, desk, officers, person):
    case = desk.ask(officers[0], person.id, card=Card(), at=NOW)
    with pytest.raises(AccountError) as caught:
        desk.approve(officers[0], case, at=NOW)
    assert caught.value.code == "recovery.four_eyes"
    own = store.accounts.by_username("binh")
    case = desk.ask(officers[0], own.id, card=None, at=NOW)
    with pytest.raises(AccountError) as caught:
        desk.approve(officers[1], case, at=NOW)
    assert caught.value.code == "recovery.four_eyes"
    with pytest.raises(AccountError) as caught:
        desk.ask(officers[1], own.id, card=None, at=NOW)
    assert caught.value.code == "recovery.own_account"


def test_another_outcome_than_asked_for_is_refused(desk, officers, person):
    case = desk.ask(officers[0], person.id, card=None, at=NOW)
    better = RecoveryCase(
        id=case.id, account_id=person.id, outcome="level_kept", expires_at=case.expires_at
    )
    with pytest.raises(RequestRefused):
        desk.approve(officers[1], better, at=NOW)


@pytest.mark.parametrize(
    ("card", "error"),
    [
        (Card(holder=Holder("001190000002")), HolderMismatch),
        (Card(possession_proven=False), InsufficientEvidence),
        (Card(verified_at=NOW - timedelta(hours=1)), InsufficientEvidence),
    ],
)
def test_cards_that_prove_nothing(desk, officers, person, card, error):
    with pytest.raises(error):
        desk.ask(officers[0], person.id, card=card, at=NOW)


def test_a_card_for_an_account_without_a_person(store, desk, officers):
    bare = add(store, "mau")
    with pytest.raises(HolderMismatch):
        desk.ask(officers[0], bare.id, card=Card(), at=NOW)
    assert desk.ask(officers[0], bare.id, card=None, at=NOW).outcome == "level_kept"


@pytest.mark.parametrize("event", ["locked", "closed"])
def test_locked_and_closed_accounts_are_not_recovered(store, desk, officers, person, event):
    case = desk.ask(officers[0], person.id, card=Card(), at=NOW)
    approval = desk.approve(officers[1], case, at=NOW)
    store.accounts.happen(person.id, event, by="an", reason="x", at=NOW)
    with pytest.raises(AccountError) as caught:
        desk.ask(officers[0], person.id, card=Card(), at=NOW)
    assert caught.value.code == "recovery.impossible"
    with pytest.raises(AccountError):
        desk.complete(approval.handle, NEW, at=NOW)


def test_everything_has_an_end(desk, officers, person):
    case = desk.ask(officers[0], person.id, card=Card(), at=NOW)
    for officer, at in (
        (officers[1], NOW + timedelta(hours=9)),  # the session
        (officers[0], NOW + timedelta(days=2)),
    ):
        with pytest.raises(EidError) as caught:
            desk.approve(officer, case, at=at)
        assert caught.value.code == "login.expired"
    approval = desk.approve(officers[1], case, at=NOW)
    with pytest.raises(RequestRefused):
        desk.approve(officers[1], case, at=NOW)
    with pytest.raises(RequestRefused):
        desk.complete(approval.handle, NEW, at=NOW + timedelta(minutes=31))
    with pytest.raises(RequestRefused):
        desk.complete("no such handle", NEW, at=NOW)


def test_a_weak_password_changes_nothing(store, desk, officers, person):
    case = desk.ask(officers[0], person.id, card=Card(), at=NOW)
    approval = desk.approve(officers[1], case, at=NOW)
    with pytest.raises(FormatError):
        desk.complete(approval.handle, "matkhau123", at=NOW)
    assert log_in(store, OLD).id == person.id


def test_asked_twice_it_is_one_case(store, desk, officers, person):
    first = desk.ask(officers[0], person.id, card=Card(), at=NOW)
    assert desk.ask(officers[0], person.id, card=Card(), at=NOW).id == first.id
    assert len(store.accounts.cases.pending()) == 1


def test_o068_one_handle_one_recovery(store, desk, officers, person):
    case = desk.ask(officers[0], person.id, card=Card(), at=NOW)
    approval = desk.approve(officers[1], case, at=NOW)
    won = []

    def complete(number):
        try:
            desk.complete(approval.handle, f"{NEW} {number}", at=NOW)
        except RequestRefused:
            return
        won.append(number)

    threads = [threading.Thread(target=complete, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert log_in(store, f"{NEW} {won[0]}").id == person.id
