"""Moves of stored accounts: on record, never lost, whoever else writes."""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import event

from eid.errors import AccountError, FormatError
from eid.levels.account import move
from eid.store import open_store

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def account(store, person):
    return store.accounts.create(person(state="active", level=2, holder_match="officer"))


def happen(store, account, event, **options):
    return store.accounts.happen(
        account.id, event, by="canbo", reason="đúng quy trình", at=AT, **options
    )


def test_locked_and_unlocked_on_record(store, account):
    locked = happen(store, account, "locked", ground="card_withdrawn")
    assert store.accounts.by_id(account.id) == locked
    assert (locked.state, locked.lock_ground, locked.level) == ("locked", "card_withdrawn", 2)
    assert happen(store, account, "unlocked").state == "active"
    rows = [row.event for row in store.audit.of_account(account.id)]
    assert [row.kind for row in rows] == ["account.unlocked", "account.locked"]
    assert rows[1].detail == {
        "by": "canbo",
        "reason": "đúng quy trình",
        "ground": "card_withdrawn",
        "level": "2",
        "level_before": "2",
    }


def test_impossible_moves_change_nothing(store, account):
    with pytest.raises(AccountError) as caught:
        happen(store, account, "unlocked")
    assert caught.value.code == "account.impossible_move"
    assert store.accounts.by_id(account.id) == account
    assert store.audit.of_account(account.id) == ()
    with pytest.raises(AccountError) as caught:
        store.accounts.happen("nobody", "locked", by="canbo", reason="x", at=AT)
    assert caught.value.code == "account.unknown"


def test_a_cancelled_number_is_nobodys(store, account):
    left = store.accounts.happen(account.id, "number_cancelled", by="canbo", reason="x", at=AT)
    assert store.accounts.by_number("001190000001") is None
    assert (left.level, left.profile.personal_number, left.profile.name) == (
        0, "", account.profile.name,
    )  # fmt: skip
    assert store.accounts.by_id(account.id) == left
    (was,) = store.accounts.numbers.holders("001190000001")
    assert (was.account, was.until) == (account.id, AT)


def test_a_replaced_number_leads_to_the_same_person(store, account, person):
    after = store.accounts.replace_number(
        account.id, "001190000077", by="canbo", reason="sửa năm sinh", at=AT
    )
    assert (after.level, after.state) == (account.level, account.state)
    assert store.accounts.by_number("001190000077") == after
    assert store.accounts.by_number("001190000001") is None
    (old,) = store.accounts.numbers.holders("001190000001")
    assert (old.account, old.until) == (account.id, AT)
    assert [one.until for one in store.accounts.numbers.of_account(account.id)].count(None) == 1
    newest = store.audit.of_account(account.id)[0].event
    assert newest.kind == "account.number_replaced"
    assert "001190" not in str(newest.detail)
    store.accounts.create(person("khac", "001190000088"))
    with pytest.raises(AccountError) as caught:
        store.accounts.replace_number(account.id, "001190000088", by="canbo", reason="x", at=AT)
    assert caught.value.code == "account.number_taken"
    assert store.accounts.cases.by_id(caught.value.facts["case"]).other == account.id
    assert store.accounts.by_id(account.id) == after


@pytest.mark.parametrize(
    "number", ["", "00119000007", "0011900000770", "00119000007x", "\u0660" * 12]
)
def test_malformed_numbers_change_nothing(sqlite_store, person, number):
    account = sqlite_store.accounts.create(person(state="active", level=1))
    with pytest.raises(FormatError) as caught:
        sqlite_store.accounts.replace_number(account.id, number, by="c", reason="x", at=AT)
    assert caught.value.code == "account.number"
    assert sqlite_store.accounts.by_id(account.id) == account


def test_without_a_person_there_is_no_number_to_replace(sqlite_store, person):
    account = sqlite_store.accounts.create(person(number=None))
    for account_id, code in ((account.id, "account.no_person"), ("nobody", "account.unknown")):
        with pytest.raises(AccountError) as caught:
            sqlite_store.accounts.replace_number(
                account_id, "001190000077", by="c", reason="x", at=AT
            )
        assert caught.value.code == code


def test_representative_and_ground_are_stored(store, person):
    ward = store.accounts.create(person(representative="parent"))
    assert store.accounts.by_id(ward.id).representative == "parent"


def test_every_look_is_on_record(store, account):
    seen = store.accounts.look_at(account.id, by="canbo", reason="hồ sơ 12", at=AT)
    assert seen == account
    (row,) = store.audit.of_account(account.id)
    assert (row.event.kind, row.event.detail["by"]) == ("account.looked_at", "canbo")
    assert store.accounts.look_at("nobody", by="canbo", reason="x", at=AT) is None


def _work(url, folder, account_id, number):
    """Odd processes lock, even ones change the level: the lock must outlive them all."""
    store = open_store(url, folder, insecure_fast_hash=True)
    for _ in range(5):
        if number % 2:
            store.accounts.happen(account_id, "locked", by=f"p{number}", reason="race", at=AT)
            continue
        with suppress(AccountError):
            account = store.accounts.by_id(account_id)
            moved = move(account, "proofed_at_counter", at=AT, holder_match="officer")
            store.accounts.update(moved, at=AT)
    store.close()


def test_eight_processes_never_lose_a_lock(store, url, tmp_path, person):
    account = store.accounts.create(person())
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=_work, args=(url, tmp_path, account.id, n)) for n in range(8)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert store.accounts.by_id(account.id).state == "locked"
    locks = [
        row for row in store.audit.of_account(account.id) if row.event.kind == "account.locked"
    ]
    assert len(locks) == 20
    store.audit.verify()


def test_people_are_found_by_an_index_only(store, person):
    """However many there are: the plan of the look-up by keyed hash names no whole table."""
    store.accounts.create(person())
    statements = []

    def keep(_connection, _cursor, statement, parameters, _context, _many):
        statements.append((statement, parameters))

    engine = store.database._engines().base
    event.listen(engine, "before_cursor_execute", keep)
    assert store.accounts.by_number("001190000001") is not None
    event.remove(engine, "before_cursor_execute", keep)
    (statement, parameters) = statements[-1]
    with store.database.write() as connection:
        if connection.dialect.name == "sqlite":
            explained = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plan = " ".join(str(row[3]) for row in explained)
            assert "identifiers_live" in plan
            assert "SCAN" not in plan
        else:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            explained = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            plan = " ".join(str(row[0]) for row in explained)
            assert "identifiers_live" in plan or "identifiers_pkey" in plan
            assert "Seq Scan" not in plan
