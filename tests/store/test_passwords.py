"""One attempt at a password on both databases: what may come between its look and its end.

Whatever happens while a password is being hashed, the attempt is judged by what holds when it is
settled; its record, its count and the step that follows are written together or not at all.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from eid.errors import AccountError, OAuthError, Unavailable
from eid.levels.account import move
from eid.oidc.ports import Attempt, AuditEvent, Grant
from eid.store import passwords
from eid.store.prepared import Prepared
from eid.store.schema import audit_rows, throttles
from eid.store.throttle import PER_ACCOUNT

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
OTHER = "another horse battery"
KEY = b"k" * 32


def grant(version=1, family=None):
    expires = AT + timedelta(minutes=10)
    payload = {"step": version}
    return Grant(
        kind="interaction",
        key=KEY,
        payload=payload,
        expires_at=expires,
        family=family,
        version=version,
    )


@dataclass(frozen=True)
class Step:
    grant: Grant
    version: int
    events: tuple[AuditEvent, ...]


def follow(account):
    accepted = AuditEvent(kind="login.password", at=AT, account=account.id)
    return Step(grant(2, "sessions"), 1, (accepted,))


def refused(code):
    return AuditEvent(kind="login.password_refused", at=AT, detail={"code": code})


@pytest.fixture
def account(store, person):
    """A person whose login is under way."""
    store.grants.put(grant())
    return store.accounts.create(person(), password=PASSWORD)


def log_in(store, password=PASSWORD, *, follow=follow, username="thu", address="192.0.2.1"):
    attempt = Attempt(username=username, password=password, address=address)
    return store.accounts.log_in(attempt, at=AT, follow=follow, refused=refused)


def code_of(store, password=PASSWORD, **given):
    with pytest.raises(AccountError) as caught:
        log_in(store, password, **given)
    return caught.value.code


def kinds(store):
    with store.database.read() as connection:
        kind = audit_rows.c.kind
        rows = connection.execute(select(kind).order_by(audit_rows.c.seq)).scalars()
        return [kind for kind in rows if kind.startswith("login.")]


def failures(store):
    with store.database.read() as connection:
        return sorted(connection.execute(select(throttles.c.failures)).scalars())


def step_of(store):
    return store.grants.get("interaction", KEY, at=AT).payload["step"]


@pytest.fixture
def meanwhile(monkeypatch):
    """Run something each time that a password has just been compared, before that is settled."""
    real = passwords.check_password

    def arrange(work, times=1):
        left = [work] * times

        def compared(stored, password):
            right = real(stored, password)
            if left:
                left.pop()()
            return right

        monkeypatch.setattr(passwords, "check_password", compared)

    return arrange


def test_a_right_password_takes_the_step_in_the_transaction_of_its_record(store, account):
    taken = log_in(store)
    assert taken == follow(account)
    assert (step_of(store), kinds(store)) == (2, ["login.password_checked", "login.password"])
    assert store.grants.family("interaction", "sessions", at=AT)
    assert failures(store) == [0, 0]


def test_a_wrong_password_is_counted_and_recorded_twice_over(store, account):
    assert code_of(store, "wrong horse") == "login.refused"
    assert code_of(store, username="nobody") == "login.refused"
    assert (step_of(store), kinds(store)) == (1, ["login.refused", "login.password_refused"] * 2)
    assert failures(store) == [1, 1, 2]
    assert log_in(store)
    assert failures(store) == [1, 2], "the name's slips are forgotten, the address's are not"


def test_o053_the_right_password_is_refused_when_guesses_were_faster(store, account, meanwhile):
    """All begin together and are compared together; only those that are counted are judged."""

    def guesses():
        for _ in range(PER_ACCOUNT.failures):
            assert code_of(store, "wrong horse") == "login.refused"

    meanwhile(guesses)
    assert code_of(store) == "login.throttled"
    assert step_of(store) == 1
    assert "login.password_checked" not in kinds(store)
    assert kinds(store)[-1] == "login.password_refused"
    assert failures(store) == [PER_ACCOUNT.failures] * 2, "and is not counted"


def test_o053_nothing_is_hashed_while_a_name_or_an_address_is_blocked(store, account, meanwhile):
    for _ in range(PER_ACCOUNT.failures):
        code_of(store, "wrong horse")
    hashed = []
    meanwhile(lambda: hashed.append(1))
    assert code_of(store, address="192.0.2.2") == "login.throttled"
    assert code_of(store, "wrong horse", address="192.0.2.2") == "login.throttled"
    assert hashed == []


def test_right_passwords_that_come_together_are_not_in_each_others_way(store, account, meanwhile):
    def others():
        for _ in range(PER_ACCOUNT.failures + 1):
            store.accounts.check_password("thu", PASSWORD, address="192.0.2.1", at=AT)

    meanwhile(others)
    assert log_in(store)


def test_a_password_that_was_replaced_meanwhile_opens_nothing(store, account, meanwhile):
    meanwhile(lambda: store.accounts.set_password(account.id, OTHER, at=AT))
    assert code_of(store) == "login.refused"
    assert (step_of(store), failures(store)) == (1, [1, 1])
    assert kinds(store) == ["login.refused", "login.password_refused"]
    assert log_in(store, OTHER)


def test_a_new_password_waits_for_the_login_with_the_old_one_and_ends_it(
    store, account, monkeypatch
):
    """The other order: what a new password ends is there to be ended."""

    def change():
        store.accounts.set_password(account.id, OTHER, at=AT)
        store.grants.revoke_family("sessions", at=AT)

    changing = threading.Thread(target=change)
    write = store.grants.write

    def slow(*args, **given):
        changing.start()
        changing.join(0.3)
        assert changing.is_alive()
        return write(*args, **given)

    monkeypatch.setattr(store.grants, "write", slow)
    assert log_in(store)
    changing.join(30)
    assert store.grants.get("interaction", KEY, at=AT) is None
    assert code_of(store) == "login.refused"


def test_an_account_that_was_locked_meanwhile_is_locked(store, account, meanwhile):
    meanwhile(lambda: store.accounts.update(move(account, "locked", at=AT), at=AT))
    assert code_of(store) == "account.locked"
    assert step_of(store) == 1
    assert kinds(store) == ["login.password_checked", "login.password_refused"]


def test_the_step_is_made_of_the_account_as_it_is(store, account, meanwhile):
    def raised():
        higher = move(account, "proofed_at_counter", at=AT, holder_match="officer")
        store.accounts.update(higher, at=AT)

    seen = []

    def remembered(found):
        seen.append(found.level)
        return follow(found)

    meanwhile(raised)
    assert log_in(store, follow=remembered)
    assert seen == [0, 2]
    assert kinds(store) == ["login.password_checked", "login.password"]


def test_an_account_that_never_stands_still_logs_in_later(store, account, meanwhile):
    meanwhile(lambda: store.accounts.set_password(account.id, PASSWORD, at=AT), times=9)
    with pytest.raises(Unavailable):
        log_in(store)
    assert (step_of(store), kinds(store), failures(store)) == (1, [], [])


def test_a_login_that_was_never_stored_is_stored_once(store, person):
    account = store.accounts.create(person(), password=PASSWORD)

    def first(found):
        return Step(grant(1, "sessions"), 0, follow(found).events)

    assert log_in(store, follow=first) == first(account)
    assert store.grants.family("interaction", "sessions", at=AT) == (grant(1, "sessions"),)
    assert log_in(store, follow=first) is None
    assert kinds(store) == ["login.password_checked", "login.password", "login.password_checked"]


def test_another_tab_was_faster(store, account, meanwhile):
    meanwhile(lambda: store.grants.replace(grant(7), version=1, at=AT))
    assert log_in(store) is None
    assert (step_of(store), kinds(store)) == (7, ["login.password_checked"])


def test_what_stands_against_the_step_is_told_after_the_attempt_is_on_record(store, account):
    def unmet(_account):
        raise OAuthError("unmet_authentication_requirements", "Not here.")

    code_of(store, "wrong horse")
    with pytest.raises(OAuthError):
        log_in(store, follow=unmet)
    assert (step_of(store), kinds(store)[2:]) == (1, ["login.password_checked"])
    assert failures(store) == [1]


def test_a_step_is_asked_for_only_after_the_right_password(store, account):
    asked = []
    for given in ({"password": "wrong horse"}, {"username": "nobody"}, {"username": "<>"}):
        code_of(store, follow=asked.append, **given)
    store.accounts.update(move(account, "locked", at=AT), at=AT)
    assert code_of(store, follow=asked.append) == "account.locked"
    assert asked == []


@pytest.fixture
def statements(monkeypatch):
    """The statements that were run, in order."""
    seen = []
    run, run_many = Prepared.run, Prepared.run_many

    def one(self, place, values):
        seen.append(self)
        return run(self, place, values)

    def many(self, place, rows):
        seen.extend([self] * len(rows))
        return run_many(self, place, rows)

    monkeypatch.setattr(Prepared, "run", one)
    monkeypatch.setattr(Prepared, "run_many", many)
    return seen


def test_unknown_names_and_wrong_passwords_run_the_same_statements(
    store, account, person, statements
):
    store.accounts.create(person("bare", ""))
    work = []
    for username in ("thu", "thu", "bare", "nobody", "<>"):
        statements.clear()
        assert code_of(store, "wrong horse", username=username) == "login.refused"
        work.append(list(statements))
    assert work[1:] == [work[1]] * 4
