"""A clock that jumps, back or forth: nothing is used twice, nobody is locked out, nothing is lost."""

from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import AccountError
from eid.levels.account import Account
from eid.levels.factors.otp import totp_code
from eid.levels.rules import Rules
from eid.oidc.ports import AuditEvent, Grant
from eid.store import new_account_id, open_store

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PASSWORD = "correct horse battery"


@pytest.fixture
def store(tmp_path):
    url = f"sqlite:///{tmp_path / 'eid.db'}"
    opened = open_store(url, tmp_path, insecure_fast_hash=True, insecure_fast_commit=True)
    yield opened
    opened.close()


@pytest.fixture
def account(store):
    given = Account(id=new_account_id(), username="thu", created_at=AT)
    return store.accounts.create(given, password=PASSWORD)


def log_in(store, password, at):
    return store.accounts.check_password("thu", password, address="192.0.2.1", at=at)


def test_a_code_of_the_future_is_not_good_again_when_the_clock_comes_back(store, account):
    _, secret = store.factors.enrol_totp(account.id, at=AT)
    ahead = AT + DAY
    store.factors.check_totp(account.id, totp_code(secret, ahead), address="a", at=ahead)
    for at in (AT, ahead):
        with pytest.raises(AccountError) as caught:
            store.factors.check_totp(account.id, totp_code(secret, at), address="a", at=at)
        assert caught.value.code == "factor.refused"
    later = ahead + timedelta(minutes=1)
    assert store.factors.check_totp(account.id, totp_code(secret, later), address="a", at=later)


def test_a_used_grant_stays_used_at_any_time(store):
    key = bytes(32)
    store.grants.put(Grant(kind="code", key=key, payload={}, expires_at=AT + DAY))
    assert store.grants.consume("code", key, at=AT + timedelta(hours=1)) is not None
    for at in (AT - 365 * DAY, AT, AT + DAY):
        assert store.grants.consume("code", key, at=at) is None


@pytest.mark.parametrize("jump", [-365 * DAY, -DAY, timedelta(hours=-1)])
def test_a_block_of_the_future_ends_soon_enough(store, account, jump):
    """Wrong guesses while the clock was ahead do not block for as long as it was ahead."""
    for _ in range(5):
        with pytest.raises(AccountError):
            log_in(store, "wrong guess", AT - jump)
    assert log_in(store, PASSWORD, AT).id == account.id
    for _ in range(5):
        with pytest.raises(AccountError):
            log_in(store, "wrong guess", AT)
    with pytest.raises(AccountError) as caught:
        log_in(store, PASSWORD, AT)
    assert caught.value.code == "login.throttled"  # and it is slow again from then on


def test_a_clock_set_back_a_little_keeps_a_block(store, account):
    for _ in range(5):
        with pytest.raises(AccountError):
            log_in(store, "wrong guess", AT)
    for back in (0, 60, 600):
        with pytest.raises(AccountError) as caught:
            log_in(store, PASSWORD, AT - timedelta(seconds=back))
        assert caught.value.code == "login.throttled"


def test_the_record_verifies_whatever_its_times_are(store):
    for days in (0, 900, -900, 1, 0):
        store.audit.record([AuditEvent(kind="tick", at=AT + days * DAY)])
    assert store.audit.verify().rows == {"node-1": 5}


def test_retention_on_a_day_far_ahead_keeps_the_record_whole(store, account):
    store.retain(rules=Rules.load(), at=AT + 3650 * DAY)
    store.audit.verify()
    assert store.accounts.by_id(account.id) == account
    assert log_in(store, PASSWORD, AT).id == account.id
