"""Kiosks and visits in both databases: atomic, once, and one chain whatever happens at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eid.errors import Unavailable
from eid.keys import SigningKey
from eid.levels.visit import START, Batch, Head, VisitRecord
from eid.oidc.kiosk_ports import EnrolledKiosk, TakenVisit
from eid.oidc.ports import AuditEvent

AT = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
KIOSK = EnrolledKiosk(
    id="k" * 22, name="Sảnh A", jwk=SigningKey.generate("kiosk").public_jwk(), enrolled_at=AT,
    head=START,
)  # fmt: skip
BATCH = Batch(
    id="b" * 22, kiosk=KIOSK.id, random=bytes(range(32)), most=9, issued_at=AT,
    expires_at=AT + timedelta(hours=36),
)  # fmt: skip


def visit(name: str, head: Head) -> TakenVisit:
    record = VisitRecord(
        id=name * 22, kiosk=KIOSK.id, at=AT, established="nobody", freshness="none",
        mode="assisted", purpose="p", salt=bytes(16), counter=head.counter + 1,
        previous=head.link, reason="emergency", clerk="c",
    )  # fmt: skip
    return TakenVisit(
        record=record, evidence=b"evidence", verdict="declared", code="", place="next",
        received_at=AT + timedelta(microseconds=head.counter),
    )  # fmt: skip


@pytest.fixture
def kiosks(store: Any) -> Any:
    store.kiosks.add(KIOSK, events=[AuditEvent(kind="kiosk.enrolled", at=AT)])
    return store.kiosks


def test_a_kiosk_comes_back_as_it_was(kiosks: Any, store: Any) -> None:
    assert kiosks.by_id(KIOSK.id) == KIOSK
    assert kiosks.by_id("n" * 22) is None
    assert kiosks.list() == (KIOSK,)
    assert store.audit.count("kiosk.enrolled") == 1
    with pytest.raises(Unavailable) as caught:
        kiosks.add(KIOSK, events=[AuditEvent(kind="kiosk.enrolled", at=AT)])
    assert caught.value.code == "kiosk.exists"
    assert store.audit.count("kiosk.enrolled") == 1
    kiosks.seen(KIOSK.id, {"waiting": 3}, at=AT)
    assert kiosks.by_id(KIOSK.id) == replace(KIOSK, seen_at=AT, health={"waiting": 3})


def test_a_batch_comes_back_as_it_was(kiosks: Any) -> None:
    kiosks.put_batch(BATCH)
    assert kiosks.batch(BATCH.id) == BATCH
    assert kiosks.batch("x") is None


def test_a_visit_is_taken_once_and_moves_the_head(kiosks: Any, store: Any) -> None:
    one = visit("v", START)
    after = START.after(one.record)
    event = AuditEvent(kind="visit.received", at=AT)
    assert kiosks.take(one, before=START, after=after, events=[event])
    assert not kiosks.take(one, before=START, after=after, events=[event])
    assert not kiosks.take(one, before=after, after=after, events=[event])
    assert not kiosks.take(visit("w", START), before=START, after=after, events=[event])
    assert kiosks.by_id(KIOSK.id).head == after
    assert kiosks.visit("v" * 22) == one
    assert kiosks.visit("w" * 22) is None
    assert store.audit.count("visit.received") == 1


def test_of_many_at_one_place_one_is_taken(kiosks: Any) -> None:
    candidates = [visit(letter, START) for letter in "abcdefgh"]

    def take(one: TakenVisit) -> bool:
        return bool(kiosks.take(one, before=START, after=START.after(one.record)))

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, candidates))
    assert taken.count(True) == 1
    assert len(kiosks.visits(since=AT)) == 1


def test_visits_come_in_the_order_they_came(kiosks: Any) -> None:
    head = START
    for letter in "zyx":
        one = visit(letter, head)
        assert kiosks.take(one, before=head, after=head.after(one.record))
        head = head.after(one.record)
    assert [one.record.id[0] for one in kiosks.visits(since=AT)] == ["z", "y", "x"]
    assert len(kiosks.visits(since=AT, most=2)) == 2
    assert kiosks.visits(since=AT + timedelta(days=1)) == ()


def test_revoking_is_for_good_and_on_record(kiosks: Any, store: Any) -> None:
    event = AuditEvent(kind="kiosk.revoked", at=AT)
    assert kiosks.revoke(KIOSK.id, at=AT, events=[event])
    assert not kiosks.revoke(KIOSK.id, at=AT, events=[event])
    assert not kiosks.revoke("n" * 22, at=AT, events=[event])
    assert kiosks.by_id(KIOSK.id).revoked_at == AT
    assert store.audit.count("kiosk.revoked") == 1
    one = visit("v", START)
    assert not kiosks.take(one, before=START, after=START.after(one.record))
    assert kiosks.visit(one.record.id) is None


def test_what_has_had_its_time_goes(kiosks: Any) -> None:
    kiosks.put_batch(BATCH)
    one = visit("v", START)
    kiosks.take(one, before=START, after=START.after(one.record))
    assert kiosks.let_go(before=AT - timedelta(days=1), at=AT) == 0
    later = AT + timedelta(days=200)
    assert kiosks.let_go(before=later, at=later) == 1
    assert kiosks.visit("v" * 22) is None
    assert kiosks.batch(BATCH.id) is None
