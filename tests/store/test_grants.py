import hashlib
import multiprocessing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from eid.errors import FormatError, Unavailable
from eid.oidc.ports import AuditEvent, Grant, Spent
from eid.store import open_store
from eid.store.schema import audit_rows, grants as table

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = hashlib.sha256(b"handle").digest()


def grant(**changes):
    given = {
        "kind": "code",
        "key": KEY,
        "payload": {"account": "a1", "nonce": "ñ", "list": [1, None, True]},
        "expires_at": AT + timedelta(seconds=60),
        "family": "f1",
    }
    return Grant(**{**given, **changes})


def happened(kind):
    return AuditEvent(kind=kind, at=AT)


def kinds(store):
    with store.database.read() as connection:
        return list(connection.execute(select(audit_rows.c.kind).order_by("seq")).scalars())


def test_put_get_consume_once(store):
    store.grants.put(grant(), events=[happened("code.issued")])
    assert store.grants.get("code", KEY, at=AT) == grant()
    assert store.grants.was_used("code", KEY) is None
    used = store.grants.consume("code", KEY, at=AT, events=[happened("code.used")])
    assert used == replace(grant(), used_at=AT)
    assert store.grants.consume("code", KEY, at=AT, events=[happened("code.used")]) is None
    assert store.grants.get("code", KEY, at=AT) is None
    assert store.grants.was_used("code", KEY) == used
    assert kinds(store) == ["code.issued", "code.used"]


def test_other_kind_or_key_is_another_grant(store):
    store.grants.put(grant())
    for kind, key in (("access", KEY), ("code", bytes(32)), ("code", b""), ("", KEY)):
        assert store.grants.get(kind, key, at=AT) is None
        assert store.grants.consume(kind, key, at=AT) is None
    store.grants.put(grant(kind="access"))
    assert store.grants.consume("code", KEY, at=AT)
    assert store.grants.get("access", KEY, at=AT)


def test_a_used_handle_keeps_no_evidence(store):
    """Its row says that it was used, no more: what the card said is gone with its use."""
    handle = grant(kind="handle", payload={"evidence": "sealed" * 20_000})
    store.grants.put(handle)
    used = store.grants.consume("handle", KEY, at=AT)
    assert used is not None
    assert used.payload == handle.payload
    replayed = store.grants.was_used("handle", KEY)
    assert replayed is not None
    assert replayed.payload == {}
    with store.database.read() as connection:
        stored = connection.execute(select(table.c.payload)).scalar_one()
    assert len(stored) < 100


def test_expiry_is_exclusive(store):
    store.grants.put(grant())
    late = AT + timedelta(seconds=60)
    assert store.grants.get("code", KEY, at=late) is None
    assert store.grants.consume("code", KEY, at=late) is None
    assert store.grants.consume("code", KEY, at=late - timedelta(seconds=1))


def test_a_handle_is_never_taken_over(store):
    store.grants.put(grant())
    with pytest.raises(Unavailable) as caught:
        store.grants.put(grant(payload={"account": "evil"}), events=[happened("code.issued")])
    assert caught.value.code == "grant.exists"
    assert caught.value.__cause__ is None
    assert store.grants.get("code", KEY, at=AT).payload["account"] == "a1"
    assert kinds(store) == []


def test_exchange_stores_what_is_issued_or_nothing(store):
    store.grants.put(grant())
    token = grant(kind="access", key=bytes(32))
    assert store.grants.consume("code", KEY, at=AT, issue=[token])
    assert store.grants.get("access", bytes(32), at=AT) == token
    store.grants.put(grant(key=b"k" * 32))
    with pytest.raises(Unavailable) as caught:
        store.grants.consume("code", b"k" * 32, at=AT, issue=[token], events=[happened("x")])
    assert caught.value.code == "grant.exists"
    assert store.grants.consume("code", b"k" * 32, at=AT)
    assert store.grants.consume("code", b"k" * 32, at=AT, issue=[grant(key=b"n" * 32)]) is None
    assert store.grants.get("code", b"n" * 32, at=AT) is None
    assert kinds(store) == []


def test_a_look_tells_a_spent_grant_from_none(store):
    late = AT + timedelta(seconds=60)
    assert store.grants.look("code", KEY, at=AT) is None
    store.grants.put(grant())
    assert store.grants.look("code", KEY, at=AT) == grant()
    assert isinstance(store.grants.look("code", KEY, at=late), Spent)
    store.grants.consume("code", KEY, at=AT)
    assert isinstance(store.grants.look("code", KEY, at=AT), Spent)
    other = grant(key=bytes(32), family="f2")
    store.grants.put(other)
    store.grants.revoke_family("f2", at=AT)
    assert isinstance(store.grants.look("code", bytes(32), at=AT), Spent)
    store.grants.purge(before=late + timedelta(seconds=1))
    assert store.grants.look("code", KEY, at=AT) is None


def test_of_two_claims_one_is_stored_with_its_events(store):
    assert store.grants.claim(grant(), events=[happened("first")])
    assert not store.grants.claim(grant(payload={}), events=[happened("second")])
    assert store.grants.get("code", KEY, at=AT) == grant()
    assert kinds(store) == ["first"]


def test_a_grant_can_be_stored_as_used(store):
    used = grant(used_at=AT)
    assert store.grants.claim(used)
    assert store.grants.get("code", KEY, at=AT) is None
    assert store.grants.was_used("code", KEY) == used
    assert store.grants.consume("code", KEY, at=AT) is None


def test_replace_is_compare_and_swap(store):
    store.grants.put(grant(kind="interaction"))
    later = grant(
        kind="interaction", payload={"step": "card"}, expires_at=AT + timedelta(seconds=90)
    )
    assert store.grants.replace(later, version=1, at=AT, events=[happened("step")])
    assert not store.grants.replace(later, version=1, at=AT, events=[happened("step")])
    stored = store.grants.get("interaction", KEY, at=AT + timedelta(seconds=80))
    assert (stored.version, stored.payload) == (2, {"step": "card"})
    assert store.grants.replace(stored, version=stored.version, at=AT)
    assert store.grants.consume("interaction", KEY, at=AT).version == 3
    assert not store.grants.replace(stored, version=3, at=AT)
    assert kinds(store) == ["step"]


def test_revoking_a_family(store):
    store.grants.put(grant())
    store.grants.put(grant(kind="access"))
    store.grants.put(grant(key=bytes(32), family="f2"))
    store.grants.consume("code", KEY, at=AT)
    assert store.grants.revoke_family("f1", at=AT, events=[happened("family.revoked")]) == 2
    assert store.grants.revoke_family("f1", at=AT) == 0
    assert store.grants.get("access", KEY, at=AT) is None
    assert store.grants.consume("access", KEY, at=AT) is None
    assert store.grants.was_used("code", KEY)
    assert store.grants.get("code", bytes(32), at=AT)
    assert kinds(store) == ["family.revoked"]


def test_record_and_purge(store):
    store.grants.record([happened("a"), happened("b")])
    store.grants.record([])
    assert kinds(store) == ["a", "b"]
    store.grants.put(grant())
    assert store.grants.purge(before=AT + timedelta(seconds=60)) == 0
    assert store.grants.purge(before=AT + timedelta(seconds=61)) == 1


@pytest.mark.parametrize("changes", [{"key": b"short"}, {"payload": {"x": "y" * 600_000}}])
def test_bounds(sqlite_store, changes):
    with pytest.raises(ValueError, match="SHA-256"):
        sqlite_store.grants.put(grant(**changes))


def test_payload_is_sealed_and_bound_to_its_row(store):
    store.grants.put(grant())
    store.grants.put(grant(key=bytes(32), payload={"account": "evil"}))
    with store.database.write() as connection:
        rows = connection.execute(select(table.c.key, table.c.payload)).all()
        payloads = {row.key: row.payload for row in rows}
        assert b"a1" not in payloads[KEY]
        swap = update(table).where(table.c.key == KEY).values(payload=payloads[bytes(32)])
        connection.execute(swap)
    with pytest.raises(FormatError):
        store.grants.get("code", KEY, at=AT)


def test_failed_events_undo_the_consumption(store):
    """The record and what it records commit together or not at all."""
    store.grants.put(grant())
    too_long = replace(happened("x"), detail={"a": "b" * 3000})
    with pytest.raises(ValueError, match="short"):
        store.grants.consume("code", KEY, at=AT, events=[too_long])
    assert store.grants.consume("code", KEY, at=AT)
    assert kinds(store) == []


def _race(url, folder, node, barrier, queue):
    store = open_store(url, folder, node=node, insecure_fast_hash=True)
    for number in range(10):
        key = hashlib.sha256(str(number).encode()).digest()
        barrier.wait()
        won = store.grants.consume("code", key, at=AT, events=[happened("code.used")])
        queue.put((number, won is not None))
    store.close()


def test_o001_o068_processes_race_for_one_winner(store, url, tmp_path):
    """Four processes on two nodes, ten rounds: one winner each, one row of the record each."""
    for number in range(10):
        store.grants.put(grant(key=hashlib.sha256(str(number).encode()).digest()))
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(4), context.Queue()
    processes = [
        context.Process(target=_race, args=(url, tmp_path, f"node-{i % 2}", barrier, queue))
        for i in range(4)
    ]
    for process in processes:
        process.start()
    results = [queue.get(timeout=60) for _ in range(40)]
    for process in processes:
        process.join(20)
        assert process.exitcode == 0
    winners = sorted(number for number, won in results if won)
    assert winners == list(range(10))
    assert kinds(store) == ["code.used"] * 10
    assert sum(store.audit.verify().rows.values()) == 10


def test_expired_grants_go_in_short_transactions(store, monkeypatch):
    """Pain of other stores: one statement over millions of rows that every login waits for."""
    monkeypatch.setattr("eid.store.grants.BATCH", 4)
    taken, transaction = [], store.database.transaction
    store.grants.put(*[grant(key=n.to_bytes(32)) for n in range(10)])
    monkeypatch.setattr(store.database, "transaction", lambda: taken.append(1) or transaction())
    assert store.grants.purge(before=AT + timedelta(days=400)) == 10
    assert len(taken) == 3


def test_ending_sees_what_was_issued_beside_meanwhile(store):
    store.grants.put(grant(kind="session"))
    new = grant(key=hashlib.sha256(b"beside").digest(), family="f2")
    assert store.grants.issue_beside("session", KEY, at=AT, issue=[new])
    assert not store.grants.end("session", KEY, "f1", at=AT, version=1)
    assert store.grants.get("session", KEY, at=AT) is not None
    assert store.grants.end("session", KEY, "f1", "f2", at=AT, version=2)
    assert store.grants.get("code", new.key, at=AT) is None
    assert not store.grants.issue_beside("session", KEY, at=AT, issue=[new])
