"""Row O-053: guessing is slow, and nobody locks a person out of a browser he has used before."""

from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import AccountError
from eid.oidc.ports import Grant
from eid.store import passwords
from eid.store.devices import LIFETIME
from eid.store.throttle import PER_ACCOUNT

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
NEW = "another horse battery"


def log_in(store, password=PASSWORD, *, device="", address="192.0.2.1", at=AT, name="thu"):
    try:
        return store.accounts.check_password(
            name, password, address=address, at=at, device=device
        ).username
    except AccountError as error:
        return error.code


@pytest.fixture
def token(store, person):
    store.accounts.create(person(), password=PASSWORD)
    assert log_in(store) == "thu"
    return store.accounts.device_token("Thu", at=AT)


def test_o053_a_stranger_does_not_lock_a_person_out_of_his_own_browser(store, token):
    for index in range(PER_ACCOUNT.failures):
        assert log_in(store, "wrong guess", address=f"198.51.100.{index}") == "login.refused"
    assert log_in(store) == "login.throttled"
    assert log_in(store, device=token) == "thu"
    assert log_in(store) == "login.throttled"  # the known browser gives strangers nothing back


def test_o053_guesses_from_a_known_browser_are_slow_too(store, token):
    for _ in range(PER_ACCOUNT.failures):
        assert log_in(store, "wrong guess", device=token) == "login.refused"
    assert log_in(store, device=token) == "login.throttled"
    assert log_in(store) == "thu"  # and block nobody else
    assert log_in(store, device=token, at=AT + timedelta(seconds=31)) == "thu"


def recover(store, account):
    handle = b"h" * 32
    expires = AT + timedelta(minutes=30)
    store.grants.put(Grant(kind="recovery_handle", key=handle, payload={}, expires_at=expires))
    store.accounts.recover(account, NEW, handle=handle, ending="x", by="officers", at=AT)


def change(store, account):
    store.accounts.set_password(account.id, NEW, at=AT)


@pytest.mark.parametrize("renew", [recover, change])
def test_a_new_password_forgets_every_known_browser(store, token, renew, monkeypatch):
    """Whoever had the old one may have logged in there: his guesses count with everybody else's."""
    renew(store, store.accounts.by_username("thu"))
    later = AT + timedelta(seconds=1)
    fresh = store.accounts.device_token("thu", at=later)
    for _ in range(PER_ACCOUNT.failures):
        assert log_in(store, "wrong guess", device=token, at=later) == "login.refused"
    assert log_in(store, NEW, at=later) == "login.throttled"
    monkeypatch.setattr(passwords, "check_password", None)  # nothing is hashed for a blocked name
    assert log_in(store, NEW, device=token, at=later) == "login.throttled"
    monkeypatch.undo()
    assert log_in(store, NEW, device=fresh, at=later) == "thu"


def test_many_tokens_of_one_browser_are_each_bought_with_the_password(store, token):
    other = store.accounts.device_token("thu", at=AT)
    assert other != token
    assert PASSWORD not in other
    assert "thu" not in other


SPOILT = {
    "shorter": lambda token: token[:-1],
    "longer": lambda token: token + "A",
    "altered": lambda token: token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1],
    "another time": lambda token: "1" + token,
    "another form": lambda token: token.replace(".", "..", 1),
    "other digits": lambda token: "\u0663" + token[1:],
    "huge": lambda token: token * 1000,
    "nothing": lambda token: "",
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_token_that_is_none_counts_with_everybody(store, token, spoil):
    for _ in range(PER_ACCOUNT.failures):
        log_in(store, "wrong guess")
    assert log_in(store, device=spoil(token)) == "login.throttled"


def test_a_token_is_for_one_name_and_a_time(store, person, token):
    store.accounts.create(person("mau", "001190000002"), password=PASSWORD)
    late = AT + LIFETIME
    for at in (AT, late):
        for _ in range(PER_ACCOUNT.failures):
            log_in(store, "wrong guess", name="mau", at=at)
        assert log_in(store, name="mau", device=token, at=at) == "login.throttled"
    for _ in range(PER_ACCOUNT.failures):
        log_in(store, "wrong guess", at=late)
    assert log_in(store, device=token, at=late) == "login.throttled"
    early = AT - timedelta(seconds=1)
    for _ in range(PER_ACCOUNT.failures):
        log_in(store, "wrong guess", at=early)
    assert log_in(store, device=token, at=early) == "login.throttled"


def test_names_that_nobody_has_answer_alike(store, token):
    forged = store.accounts.device_token("nobody", at=AT)
    codes = [log_in(store, "wrong guess", name="nobody", device=forged) for _ in range(6)]
    assert codes == ["login.refused"] * 5 + ["login.throttled"]
