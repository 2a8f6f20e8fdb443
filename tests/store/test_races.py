"""Eight processes at once, on both databases: never more than one winner (row O-068)."""

import json
import multiprocessing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from eid.admin.counter import officer_login
from eid.admin.recovery import RecoveryDesk
from eid.errors import EidError
from eid.levels.account import Account, move
from eid.levels.factors.code import Channel, FileSender
from eid.oidc.ports import Attempt, AuditEvent, Grant
from eid.store import new_account_id, open_store
from eid.store.throttle import PER_ACCOUNT

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
PROCESSES = 8


def _run(work, url, folder, number, given, barrier, queue):
    store = open_store(url, folder, insecure_fast_hash=True, insecure_fast_commit=True)
    barrier.wait(60)
    end = "database"
    for _ in range(20):  # a database that is too busy did nothing: once more
        try:
            work(store, number, *given)
            end = "won"
        except EidError as error:
            end = error.code
        if end != "database":
            break
    queue.put(end)
    store.close()


@pytest.fixture
def race(store, url, tmp_path):
    """Run one piece of work in eight processes that start together; what each came to."""

    def run(work, *given):
        context = multiprocessing.get_context("fork")
        barrier, queue = context.Barrier(PROCESSES), context.Queue()
        processes = [
            context.Process(target=_run, args=(work, url, tmp_path, n, given, barrier, queue))
            for n in range(PROCESSES)
        ]
        for process in processes:
            process.start()
        ends = [queue.get(timeout=120) for _ in processes]
        for process in processes:
            process.join(60)
            assert process.exitcode == 0
        store.audit.verify()
        return ends

    return run


def kinds(store, account_id):
    return [row.event.kind for row in store.audit.of_account(account_id)]


def _code(store, _number, account_id, code):
    store.factors.check_code(account_id, code, address="192.0.2.1", at=AT)


def test_one_code_to_a_channel(store, race, person, tmp_path):
    account = store.accounts.create(person())
    channel = Channel(kind="email", address="thu@example.vn")
    factor = store.factors.enrol_channel(account.id, channel, at=AT)
    sent = tmp_path / "sent"
    store.factors.send_code(account.id, factor, FileSender(path=sent), service="Thử", at=AT)
    words = json.loads(sent.read_text("utf-8"))["text"].replace(",", " ").split()
    ends = race(_code, account.id, next(word for word in words if word.isdigit()))
    assert ends.count("won") == 1
    assert set(ends) <= {"won", "factor.refused", "login.throttled"}
    assert kinds(store, account.id).count("factor.used") == 1


def _password(store, number, password):
    attempt = Attempt(username="thu", password=password, address="192.0.2.1")
    accepted = AuditEvent(kind="login.password", at=AT)
    grant = Grant(
        kind="interaction",
        key=b"k" * 32,
        payload={"by": number},
        expires_at=AT + timedelta(minutes=10),
        family="sessions",
    )
    step = SimpleNamespace(grant=grant, version=1, events=[accepted])
    refused = AuditEvent(kind="login.password_refused", at=AT)
    taken = store.accounts.log_in(
        attempt, at=AT, follow=lambda _account: step, refused=lambda _code: refused
    )
    if taken is None:
        raise EidError("Another was faster.", code="not taken")


@pytest.fixture
def under_way(store, person):
    """A person whose login is under way in one tab."""
    expires = AT + timedelta(minutes=10)
    store.grants.put(Grant(kind="interaction", key=b"k" * 32, payload={}, expires_at=expires))
    return store.accounts.create(person(), password=PASSWORD)


def test_one_step_by_one_right_password_and_nobody_is_throttled(store, race, under_way):
    ends = race(_password, PASSWORD)
    assert sorted(ends) == ["not taken"] * (PROCESSES - 1) + ["won"]
    assert kinds(store, under_way.id).count("login.password_checked") == PROCESSES


def test_o053_wrong_passwords_at_once_are_judged_as_often_as_one_by_one(store, race, under_way):
    ends = race(_password, "wrong horse battery")
    assert ends.count("login.refused") == PER_ACCOUNT.failures
    assert ends.count("login.throttled") == PROCESSES - PER_ACCOUNT.failures


def _raise(store, number, account):
    raised = move(account, "proofed_at_counter", at=AT, holder_match="officer")
    store.accounts.update(replace(raised, roles=frozenset({f"by-{number}"})), at=AT)


def test_one_change_of_a_level(store, race, person):
    account = store.accounts.create(person())
    ends = race(_raise, account)
    assert sorted(ends) == ["account.changed"] * (PROCESSES - 1) + ["won"]
    after = store.accounts.by_id(account.id)
    assert (after.level, after.version, len(after.roles)) == (2, account.version + 1, 1)


def _desk(store):
    return RecoveryDesk(register=store.accounts, cases=store.accounts.cases, grants=store.grants)


def _officer(store, name):
    return officer_login(store.accounts, name, PASSWORD, address="10.0.0.1", at=AT)


@pytest.fixture
def recovery(store, person):
    """A person at level 2 whose recovery the first of two officers asked for."""
    for name in ("an", "binh"):
        officer = Account(id=new_account_id(), username=name, created_at=AT)
        store.accounts.create(replace(officer, roles=frozenset({"officer"})), password=PASSWORD)
    account = store.accounts.create(
        person(state="active", level=2, holder_match="officer"), password=PASSWORD
    )
    case = _desk(store).ask(_officer(store, "an"), account.id, card=None, at=AT)
    return account, case, _officer(store, "binh")


def _approve(store, _number, officer, case):
    _desk(store).approve(officer, case, at=AT)


def test_one_approval_of_a_recovery(store, race, recovery):
    account, case, officer = recovery
    ends = race(_approve, officer, case)
    assert ends.count("won") == 1
    assert set(ends) == {"won", "recovery"}
    assert kinds(store, account.id).count("case.decided") == 1


def _complete(store, number, handle):
    _desk(store).complete(handle, f"another horse battery {number}", at=AT)


def test_one_recovery_by_one_handle(store, race, recovery):
    account, case, officer = recovery
    handle = _desk(store).approve(officer, case, at=AT).handle
    ends = race(_complete, handle)
    assert sorted(ends) == ["recovery"] * (PROCESSES - 1) + ["won"]
    after = store.accounts.by_id(account.id)
    assert (after.state, after.level) == ("expired", 0)
    assert kinds(store, account.id).count("account.recovered") == 1
    passwords = [f"another horse battery {number}" for number in range(PROCESSES)]
    assert sum(_opens(store, password) for password in passwords) == 1


def _opens(store, password):
    store.accounts.purge(before=datetime(2099, 1, 1, tzinfo=UTC))
    try:
        store.accounts.check_password("thu", password, address="192.0.2.1", at=AT)
    except EidError:
        return False
    return True


def _lock_or_raise(store, number, account_id):
    event = "locked" if number == 3 else "recovered_without_card"
    store.accounts.happen(account_id, event, by=f"p{number}", reason="race", at=AT)


def test_a_lock_beside_recoveries_is_never_lost(store, race, person):
    account = store.accounts.create(person(state="active", level=2, holder_match="officer"))
    race(_lock_or_raise, account.id)
    after = store.accounts.by_id(account.id)
    assert (after.state, after.level, after.lock_ground) == ("locked", 0, "own_request")
    assert kinds(store, account.id).count("account.locked") == 1
