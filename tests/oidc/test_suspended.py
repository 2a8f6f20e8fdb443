"""What a thief enrolled does not outlive its owner's recovery (contracts §6)."""

from __future__ import annotations

import hashlib
import html
import json
import re
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from eid.admin.counter import officer_login
from eid.errors import AccountError, RequestRefused
from eid.keys import parse_json_object
from eid.levels.account import Account
from eid.levels.factors.otp import totp_code
from tests.oidc.conftest import ISSUER, NOW, PASSWORD
from tests.oidc.test_my_account import enter, post

NEW = "another long password"
PIN = "739164"


@dataclass
class Holder:
    personal_number: str


@dataclass
class Card:
    """What recovery asks of a VerifiedCard; only ``verify`` makes a real one."""

    holder: Holder
    possession_proven: bool = True
    verified_at: datetime = field(default=NOW)


@pytest.fixture
def guest(home):
    return home.browser()


@pytest.fixture
def handle(home):
    """The code that two officers gave the person, who brought the card."""
    officers = []
    for name in ("canbo1", "canbo2"):
        roles = frozenset({"officer"})
        account = Account(id=f"account-{name}", username=name, created_at=home.now, roles=roles)
        home.store.accounts.create(account, password=PASSWORD)
        officers.append(
            officer_login(home.store.accounts, name, PASSWORD, address="192.0.2.9", at=home.now)
        )
    card = Card(Holder(home.people["thu"].profile.personal_number), verified_at=home.now)
    asked = home.desk.ask(officers[0], home.thu, card=card, at=home.now)
    return home.desk.approve(officers[1], asked, at=home.now).handle


@pytest.fixture
def planted(home):
    """What somebody with the old password and a moment at the machine could enrol."""
    made = {"totp": home.totp(), "code": home.channel(), "passkey": home.passkey()}
    home.store.factors.enrol_pin(home.people["thu"], PIN, at=home.now)
    return made


def recover(home, browser, handle):
    return browser.post("/recover", {"handle": handle, "password": NEW, "again": NEW})


def log_in(home, browser, place="/account/methods"):
    """To My account with the new password and the card, as after a recovery."""
    here = browser.get(place).path
    answer = home.password(browser, here, "thu", password=NEW)
    if answer.path == here:
        answer = home.card(browser, here, "thu")
    assert browser.get(answer.path).path == place
    here = browser.get("/account/password").path
    assert browser.get(home.card(browser, here, "thu").path).path == "/account/password"
    return browser.get(place)


def again_links(page):
    return dict(
        re.findall(
            r'<li data-method="(\w+)">(?:(?!</li>).)*?(/account/methods/[\w-]+/again)"',
            page.text,
            re.DOTALL,
        )
    )


def test_every_factor_of_before_is_suspended_and_named(home, guest, handle, planted):
    done = recover(home, guest, handle)
    assert 'id="recovered"' in done.text
    assert sorted(re.findall(r'data-method="(\w+)"', done.text)) == ["code", "passkey", "totp"]
    assert "t…@mail.example" in done.text
    assert home.store.factors.enrolled(home.thu) == ()
    kinds = home.events()
    assert kinds.count("factor.suspended") == 3
    assert kinds.count("factor.removed") == 1  # the PIN
    here = home.begin(guest)
    answer = home.password(guest, here, "thu", password=NEW)
    assert answer.path == f"{here}/consent"
    for method in ("totp", "pin", "code", "passkey"):
        assert guest.get(f"{here}/{method}").code == "interaction.impossible_step"


def test_none_of_them_proves_anything(home, guest, handle, planted):
    recover(home, guest, handle)
    factors, at = home.store.factors, home.now
    with pytest.raises(AccountError):
        factors.check_totp(home.thu, totp_code(planted["totp"], at), address="x", at=at)
    with pytest.raises(AccountError):
        factors.check_pin(home.thu, PIN, address="x", at=at)
    sent = len(home.sent())
    factors.send_code(
        home.thu, planted["code"], home.provider.own.sender("email"), service="x", at=at
    )
    assert len(home.sent()) == sent
    here = home.begin(guest)
    answered = home.show_passkey(guest, here, planted["passkey"])  # as the first factor
    assert (answered.status, answered.code) == (403, "passkey")


def test_what_is_shown_counts_again(home, guest, handle, planted):
    recover(home, guest, handle)
    page = log_in(home, guest)
    links = again_links(page)
    assert set(links) == {"totp", "code", "passkey"}
    wrong = post(guest, links["totp"], code="000000")
    assert (wrong.status, wrong.code) == (403, "factor.refused")
    assert home.store.factors.enrolled(home.thu) == ()
    right = post(guest, links["totp"], code=totp_code(planted["totp"], home.now))
    assert right.path == "/account/methods"
    sent = post(guest, links["code"], send="1")
    assert 'id="sent"' in sent.text
    assert post(guest, links["code"], code=home.sent()[-1]).path == "/account/methods"
    page = guest.get(links["passkey"])
    options = re.search(r'data-options="([^"]*)"', page.text)[1]
    options = parse_json_object(html.unescape(options).encode())
    response = json.dumps(planted["passkey"].get(options, ISSUER))
    shown = {"csrf": page.field("csrf"), "handle": page.field("handle"), "response": response}
    assert guest.post(links["passkey"], shown).path == "/account/methods"
    assert {one.method for one in home.store.factors.enrolled(home.thu)} == set(links)
    assert home.store.factors.suspended(home.thu) == ()
    assert home.events().count("factor.reinstated") == 3
    assert 'id="suspended"' not in guest.get("/account/methods").text


def test_a_suspended_factor_is_removed_and_its_secret_with_it(home, guest, handle, planted):
    recover(home, guest, handle)
    link = again_links(log_in(home, guest))["totp"]
    assert post(guest, link.replace("/again", "/remove"), lost="1").path == "/account/methods"
    assert guest.get(link).code == "factor.unknown"
    assert {one.method for one in home.store.factors.suspended(home.thu)} == {"code", "passkey"}


def test_only_its_owner_and_only_after_a_step_up(home, guest, handle, planted):
    recover(home, guest, handle)
    [totp] = [one for one in home.store.factors.suspended(home.thu) if one.method == "totp"]
    link = f"/account/methods/{totp.id}/again"
    assert guest.get(link).path.startswith("/interaction/")
    stranger = home.browser()
    enter(home, stranger, who="mau")
    here = stranger.get("/account/password").path
    stranger.get(home.card(stranger, here, "mau").path)
    assert stranger.get(link).code == "factor.unknown"
    code = totp_code(planted["totp"], home.now)
    assert post(stranger, link, code=code).code == "factor.unknown"
    assert home.store.factors.enrolled(home.thu) == ()


def test_a_recovery_that_fails_changes_nothing_and_can_be_done_again(home, guest, handle, planted):
    account = home.desk.account_of(handle, at=home.now)
    home.store.accounts.update(account, at=home.now)  # somebody was first
    before = home.store.factors.enrolled(home.thu)
    with pytest.raises(AccountError) as caught:
        home.store.accounts.recover(
            account,
            NEW,
            handle=hashlib.sha256(handle.encode()).digest(),
            ending="x",
            by="x",
            at=home.now,
        )
    assert caught.value.code == "account.changed"
    assert home.store.factors.enrolled(home.thu) == before
    home.store.accounts.check_password("thu", PASSWORD, address="x", at=home.now)
    assert 'id="recovered"' in recover(home, guest, handle).text
    with pytest.raises(RequestRefused):
        home.desk.account_of(handle, at=home.now)


@pytest.mark.parametrize("way", ["recovery", "password"])
def test_o036_refresh_tokens_of_before_are_worth_nothing(home, guest, handle, way):
    """Also those that were to outlive their session, and those whose session is over."""
    kept = []
    for browser in (home.browser(), home.browser()):
        here = home.begin(
            browser, client_id="keeper", scope="openid profile offline_access", prompt="consent"
        )
        home.password(browser, here)
        csrf = browser.get(f"{here}/consent").field("csrf")
        code = browser.post(f"{here}/consent", {"csrf": csrf}).query["code"]
        kept.append(home.redeem(code, auth="keeper").json())
    enter(home, guest)
    post(guest, "/account/sessions/end", session="all")  # offline tokens outlive it
    assert home.userinfo(str(kept[0]["access_token"])).status == 200
    here = home.begin(guest, client_id="keeper", scope="openid profile offline_access")
    home.password(guest, here)
    csrf = guest.get(f"{here}/consent").field("csrf")
    code = guest.post(f"{here}/consent", {"csrf": csrf}).query["code"]
    live = home.redeem(code, auth="keeper").json()
    if way == "recovery":
        recover(home, home.browser(), handle)
    else:
        here = guest.get("/account/password").path
        guest.get(home.card(guest, here, "thu").path)
        assert post(guest, "/account/password", password=NEW, again=NEW).path == "/account"
    assert home.userinfo(str(live["access_token"])).status == 401
    for tokens in (*kept, live):
        refused = home.refresh(str(tokens["refresh_token"]))
        assert refused.json()["error"] == "invalid_grant"
