from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import AccountError
from eid.levels.rules import VIETNAM

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday


def test_a_second_enrolment_opens_one_case(store, person):
    first = store.accounts.create(person())
    claimant = store.accounts.create(person("other", ""))
    claim = replace(claimant, profile=first.profile)
    for _ in range(2):
        with pytest.raises(AccountError) as caught:
            store.accounts.update(claim, at=AT)
        assert caught.value.code == "account.number_taken"
    (case,) = store.accounts.cases.pending()
    assert caught.value.facts == {"case": case.id}
    assert (case.kind, case.account, case.other) == ("second_enrolment", first.id, claimant.id)
    assert case.due_at == datetime(2026, 11, 25, tzinfo=VIETNAM)
    assert not case.is_overdue(case.due_at)
    assert case.is_overdue(case.due_at + timedelta(seconds=1))
    decided = store.accounts.cases.decide(case.id, "holder_kept", by="officer", at=AT)
    assert (decided.decision, decided.decided_by) == ("holder_kept", "officer")
    assert not decided.is_overdue(datetime(2030, 1, 1, tzinfo=UTC))
    assert store.accounts.cases.pending() == ()
    assert store.accounts.by_number("001190000001").id == first.id
    kinds = [row.event.kind for row in store.audit.of_account(first.id)]
    assert sorted(kinds) == ["case.decided", "case.opened"]
    with pytest.raises(AccountError):
        store.accounts.update(claim, at=AT)
    assert len(store.accounts.cases.pending()) == 1  # decided, so a new claim is a new case


@pytest.mark.parametrize(
    ("kind", "due"),
    [
        ("breach", AT + timedelta(hours=72)),
        ("subject_request", datetime(2026, 11, 25, tzinfo=VIETNAM)),
        ("lock_request", datetime(2026, 11, 25, tzinfo=VIETNAM)),
        ("unlock_request", datetime(2026, 11, 25, tzinfo=VIETNAM)),
        ("recovery", AT + timedelta(hours=24)),
    ],
)
def test_each_kind_has_the_laws_time(sqlite_store, kind, due):
    store = sqlite_store
    case = store.accounts.cases.open(kind, account=None, other=None, by="officer", at=AT)
    assert case.due_at == due
    assert store.accounts.cases.by_id(case.id) == case


def test_first_due_first(store):
    cases = store.accounts.cases
    for kind in ("breach", "lock_request", "recovery"):
        cases.open(kind, account=None, other=None, by="officer", at=AT)
    assert [case.kind for case in cases.pending()] == ["recovery", "breach", "lock_request"]


def test_unknown_and_decided_cases(store):
    cases = store.accounts.cases
    with pytest.raises(AccountError) as caught:
        cases.decide("nothing", "x", by="officer", at=AT)
    assert caught.value.code == "case.unknown"
    assert cases.by_id("nothing") is None
    case = cases.open("breach", account=None, other=None, by="officer", at=AT)
    cases.decide(case.id, "notified", by="officer", at=AT)
    with pytest.raises(AccountError) as caught:
        cases.decide(case.id, "nothing to notify", by="other", at=AT)
    assert caught.value.code == "case.decided"
    assert cases.by_id(case.id).decision == "notified"


def test_a_case_is_decided_once_by_all_threads(store):
    cases = store.accounts.cases
    case = cases.open("recovery", account=None, other=None, by="officer", at=AT)
    won = []

    def decide(name):
        try:
            cases.decide(case.id, "approved", by=name, at=AT)
        except AccountError:
            return
        won.append(name)

    threads = [threading.Thread(target=decide, args=(f"o{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert cases.by_id(case.id).decided_by == won[0]
