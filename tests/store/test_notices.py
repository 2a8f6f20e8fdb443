from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import update

from eid.errors import AccountError, Unavailable
from eid.levels.factors.code import Channel
from eid.levels.factors.otp import totp_code
from eid.oidc.ports import Grant
from eid.store.notices import FIRST_AGAIN_S, LIVES
from eid.store.schema import notices

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
NEW = "another long password"
MAIL = Channel(kind="email", address="thu@mail.example")


def later(seconds):
    return AT + timedelta(seconds=seconds)


class Post:
    """Takes notices, or fails as long as it is told to."""

    def __init__(self):
        self.told = []
        self.down = False

    def __call__(self, notice):
        if self.down:
            raise Unavailable("down", code="channel.sender")
        self.told.append((notice.occasion, notice.channel.address))


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def account(store, person):
    return store.accounts.create(person(), password="a first long password")


def channel(store, account, where=MAIL, *, confirm=True):
    codes = []
    factor_id = store.factors.enrol_channel(account.id, where, at=AT)

    def sender(_channel, text, *, at):
        codes.append(re.search(r"[0-9]{8}", text)[0])

    if confirm:
        store.factors.send_code(account.id, factor_id, sender, service="x", at=AT)
        store.factors.check_code(account.id, codes[0], address="192.0.2.1", at=AT)
    return factor_id


def kinds(store, account):
    return [row.event.kind for row in store.audit.of_account(account.id)]


def recover(store, account, handle=b"h" * 32):
    grant = Grant(kind="recovery_handle", key=handle, payload={}, expires_at=later(60))
    store.grants.put(grant)
    store.accounts.recover(account, NEW, handle=handle, ending="x", by="officers", at=AT)


def change_password(store, account):
    store.accounts.set_password(account.id, NEW, at=AT)


def add_pin(store, account):
    store.factors.enrol_pin(account, "739164", at=AT)


def add_app(store, account):
    _, secret = store.factors.enrol_totp(account.id, at=AT)
    assert store.notices.waiting() == 0  # it does not count yet
    store.factors.check_totp(account.id, totp_code(secret, AT), address="192.0.2.1", at=AT)


def use_app_again(store, account):
    add_app(store, account)
    store.notices.deliver(lambda _: None, at=AT)
    secret = store.factors._kept(account.id, "totp")[0].secret["secret"]
    at = later(30)
    code = totp_code(str(secret), at)
    store.factors.check_totp(account.id, code, address="192.0.2.1", at=at)


def remove_it(store, account):
    [factor] = store.factors.enrolled(account.id)
    store.factors.remove(account.id, factor.id, by=account.id, lost=False, at=AT)


def begin_recovery(store, account):
    for _ in range(2):  # asked for twice it is one case
        store.accounts.cases.recovery(account.id, by="officer", at=AT)


def close(store, account):
    store.accounts.happen(account.id, "closed", by=account.id, reason="x", at=AT)


@pytest.mark.parametrize(
    ("happen", "occasions"),
    [
        (change_password, ["password_changed"]),
        (add_pin, ["factor_added"]),
        (add_app, ["factor_added"]),
        (use_app_again, []),
        (remove_it, ["factor_removed"]),  # also to the address that goes
        (begin_recovery, ["recovery_begun"]),
        (recover, ["recovery_finished"]),  # also to the address that it suspends
        (close, ["account_closed"]),
    ],
)
def test_who_can_be_reached_is_told(store, account, post, happen, occasions):
    channel(store, account)
    assert store.notices.waiting() == 0
    happen(store, store.accounts.by_id(account.id))
    assert store.notices.deliver(post, at=later(1)) == len(occasions)
    assert post.told == [(one, MAIL.address) for one in occasions]
    assert store.notices.waiting() == 0
    assert store.notices.deliver(post, at=later(2)) == 0
    told = kinds(store, account).count("notice.sent")
    assert told == len(occasions) + (1 if happen is use_app_again else 0)


def test_a_new_address_is_told_to_the_others(store, account, post):
    channel(store, account)
    channel(store, account, Channel(kind="sms", address="+84901234567"))
    store.notices.deliver(post, at=AT)
    assert post.told == [("factor_added", MAIL.address)]


def test_an_unconfirmed_or_suspended_address_is_told_nothing(store, account, post):
    channel(store, account)
    recover(store, account)
    store.notices.deliver(post, at=AT)
    post.told.clear()
    channel(store, account, Channel(kind="email", address="x@mail.example"), confirm=False)
    change_password(store, account)
    assert store.notices.deliver(post, at=AT) == 0
    assert store.notices.waiting() == 0


def test_a_letter_at_a_counter_is_no_news(store, account, post):
    channel(store, account, Channel(kind="letter", address="1 Phố Thử"))
    change_password(store, account)
    assert store.notices.deliver(post, at=AT) == 0
    assert (post.told, store.notices.waiting()) == ([], 0)


def test_what_cannot_be_sent_undoes_nothing_and_is_tried_again(store, account, post):
    channel(store, account)
    change_password(store, account)
    post.down = True
    assert store.notices.deliver(post, at=AT) == 0
    store.accounts.check_password("thu", NEW, address="192.0.2.1", at=AT)
    assert kinds(store, account).count("notice.delayed") == 1
    post.down = False
    assert store.notices.deliver(post, at=later(FIRST_AGAIN_S - 1)) == 0
    assert store.notices.deliver(post, at=later(FIRST_AGAIN_S)) == 1
    assert post.told == [("password_changed", MAIL.address)]
    assert kinds(store, account).count("notice.sent") == 1


def test_after_a_day_it_is_given_up_on_record(store, account, post):
    channel(store, account)
    change_password(store, account)
    post.down, at, turns = True, AT, 0
    while store.notices.waiting():
        store.notices.deliver(post, at=at)
        at, turns = at + timedelta(minutes=1), turns + 1
        assert turns < 3000
    assert LIVES <= at - AT < LIVES + timedelta(hours=7)
    told = kinds(store, account)
    assert (told.count("notice.given_up"), told.count("notice.delayed")) == (1, 1)
    assert "notice.sent" not in told


def test_one_that_cannot_be_opened_holds_no_other_up_and_is_given_up(store, account, post):
    channel(store, account)
    change_password(store, account)
    with store.database.write() as connection:
        connection.execute(update(notices).values(sealed=b"of another key"))
    close(store, store.accounts.by_id(account.id))
    assert store.notices.deliver(post, at=AT) == 1
    assert post.told == [("account_closed", MAIL.address)]
    assert store.notices.waiting() == 1
    store.notices.deliver(post, at=AT + LIVES)
    assert store.notices.waiting() == 0
    assert kinds(store, account).count("notice.given_up") == 1


def test_who_sends_slowly_keeps_what_he_has_begun(store, account, monkeypatch):
    """Each from when it was taken on, not from when all were looked for."""
    channel(store, account)
    change_password(store, account)
    close(store, store.accounts.by_id(account.id))
    sent, elsewhere, passed = [], [], [0]

    def slowly(notice):
        sent.append(notice.occasion)
        passed[0] += FIRST_AGAIN_S - 1
        if len(sent) == 2:
            store.notices.deliver(elsewhere.append, at=later(passed[0]))

    clock = SimpleNamespace(monotonic=lambda: passed[0])
    monkeypatch.setattr("eid.store.notices.time", clock)
    assert store.notices.deliver(slowly, at=AT) == 2
    assert (sorted(sent), elsewhere) == (["account_closed", "password_changed"], [])


def test_a_change_that_is_rolled_back_is_told_to_nobody(store, account):
    channel(store, account)
    store.accounts.update(store.accounts.by_id(account.id), at=AT)
    with pytest.raises(AccountError):
        recover(store, account)  # read before somebody else's change
    with pytest.raises(AccountError):
        store.factors.remove(account.id, "unknown", by="x", lost=False, at=AT)
    assert store.notices.waiting() == 0


def test_the_erased_are_told_nothing(store, account, post):
    channel(store, account)
    change_password(store, account)
    store.subjects.erase(account.id, by="dpo", reason="asked", at=AT)
    assert store.notices.waiting() == 0
    assert store.notices.deliver(post, at=AT) == 0


def test_of_many_nodes_one_sends(store, account, post):
    channel(store, account)
    change_password(store, account)
    together = threading.Barrier(4)

    def node():
        together.wait()
        store.notices.deliver(post, at=AT)

    threads = [threading.Thread(target=node) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert post.told == [("password_changed", MAIL.address)]


def test_no_address_lies_in_the_database(sqlite_store, person, tmp_path):
    account = sqlite_store.accounts.create(person(), password="a first long password")
    channel(sqlite_store, account)
    change_password(sqlite_store, account)
    sqlite_store.database.forget_deleted()
    assert MAIL.address.encode() not in (tmp_path / "eid.db").read_bytes()
