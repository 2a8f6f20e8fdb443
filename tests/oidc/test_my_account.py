"""My account: what a person sees and changes, and what nobody else can (contracts §6, §8)."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from eid.keys import canonical_json
from eid.levels.account import Account
from eid.levels.factors.otp import totp_code
from tests.oidc.conftest import CALLBACK, PASSWORD
from tests.store.authenticator import Authenticator

OTHER = "another long password"


@pytest.fixture
def guest(home):
    return home.browser()


def enter(home, browser, place="/account", who="thu", **card):
    """Log in with the password, and with the card where that is not enough."""
    answer = browser.get(place)
    here = answer.path
    answer = home.password(browser, here, who, **card)
    if answer.path == here:
        answer = home.card(browser, here, who)
    entered = browser.get(answer.path)
    assert entered.path == place, entered.text
    return browser.get(place)


def post(browser, path, **form):
    """Press a button of a page of these."""
    csrf = browser.get("/account").field("csrf")
    return browser.post(path, {"csrf": csrf} | form)


def step_up(home, browser, path, who="thu"):
    """Open a page that asks for the other factor too; the page itself."""
    here = browser.get(path).path
    assert here.startswith("/interaction/")
    assert 'id="login"' not in browser.get(here).text  # the password was shown just now
    assert browser.get(home.card(browser, here, who).path).path == path
    return browser.get(path)


def test_the_account_opens_by_its_own_login_only(home, guest):
    assert guest.get("/account").path.startswith("/interaction/")
    home.code(guest)  # a session of single sign-on opens nothing here
    assert guest.get("/account").path.startswith("/interaction/")
    page = enter(home, guest)
    assert page.status == 200
    assert '<dd id="level">2</dd>' in page.text
    assert "account.entered" in home.events()
    home.wait(901)
    assert guest.get("/account").path.startswith("/interaction/")


def test_no_service_can_take_the_account_s_place(home, guest):
    """The own client is no client for anybody else (rows O-003, O-010)."""
    for client_id in ("@account", "@level", "@sign-up"):
        asked = home.authorize(
            guest, client_id=client_id, redirect_uri="https://id.example/account"
        )
        assert (asked.status, asked.code) == (400, "invalid_client")
    here = guest.get("/account").path
    home.password(guest, here)
    assert guest.get(f"{here}/consent").path == f"{here}/enter"
    csrf = guest.get(f"{here}/cancel").field("csrf")
    assert guest.post(f"{here}/consent", {"csrf": csrf}).path == f"{here}/enter"
    assert "code.issued" not in home.events()


def test_a_login_of_a_service_enters_no_account(home, guest):
    here = home.begin(guest)
    home.password(guest, here)
    assert guest.get(f"{here}/enter").code == "interaction.impossible_step"


def test_another_browser_cannot_finish_it(home, guest):
    here = guest.get("/account").path
    home.password(guest, here)
    assert home.browser().get(f"{here}/enter").code == "interaction.other_browser"


def test_the_cookie_is_new_at_entry_and_step_up(home, guest):
    """Row O-042: what was known before a right was gained opens nothing after it."""
    enter(home, guest)
    first = guest.cookies["__Host-eid-account"]
    step_up(home, guest, "/account/password")
    assert guest.cookies["__Host-eid-account"] != first
    thief = home.browser()
    thief.cookies["__Host-eid-account"] = first
    assert thief.get("/account").path.startswith("/interaction/")


def test_a_step_up_takes_only_the_same_person(home, guest):
    enter(home, guest)
    here = guest.get("/account/password").path
    other = home.card(guest, here, "mau")
    assert (other.status, other.code) == (403, "holder_mismatch")
    home.wait(601)  # the password is too old for it now
    here = guest.get("/account/password").path
    assert 'id="login"' in guest.get(here).text
    other = home.password(guest, here, "mau")
    assert (other.status, other.code) == (403, "holder_mismatch")


def test_an_app_is_added_and_then_counts(home, guest):
    enter(home, guest)
    step_up(home, guest, "/account/methods/app")
    page = post(guest, "/account/methods/app")
    secret = re.search(r'<code id="secret">([^<]*)', page.text)[1].replace(" ", "")
    assert 'src="data:image/png;base64,' in page.text
    assert "img-src 'self' data:" in page.headers["content-security-policy"]
    assert "not confirmed" in guest.get("/account/methods?lang=en").text
    wrong = post(guest, "/account/methods/app/confirm", code="00000x")
    assert (wrong.status, wrong.code) == (403, "factor.refused")
    assert secret not in wrong.text
    right = post(guest, "/account/methods/app/confirm", code=totp_code(secret, home.now))
    assert right.path == "/account/methods"
    assert "not confirmed" not in guest.get("/account/methods").text
    assert [one.counts for one in home.store.factors.enrolled(home.thu)] == [True]


def test_a_channel_is_added_by_its_first_code(home, guest):
    enter(home, guest)
    step_up(home, guest, "/account/methods/channel")
    bad = post(guest, "/account/methods/channel", kind="email", address="no address")
    assert (bad.status, bad.code) == (400, "channel.address")
    unreachable = post(guest, "/account/methods/channel", kind="sms", address="+84901234567")
    assert (unreachable.status, unreachable.code) == (503, "channel.sender")
    sent = post(guest, "/account/methods/channel", kind="email", address=" thu@mail.example ")
    assert "t…@mail.example" in sent.text
    confirmed = post(guest, "/account/methods/channel/confirm", code=home.sent()[-1])
    assert confirmed.path == "/account/methods"
    assert [one.label for one in home.store.factors.enrolled(home.thu)] == ["t…@mail.example"]


def test_a_passkey_is_added_on_its_page_only(home, guest):
    enter(home, guest)
    page = step_up(home, guest, "/account/methods/passkey")
    assert "script-src https://id.example/passkey.js" in page.headers["content-security-policy"]
    options = json.loads(unescape(re.search(r'data-options="([^"]*)"', page.text)[1]))
    assert options["publicKey"]["rp"]["id"] == "id.example"
    assert home.people["thu"].profile.personal_number not in page.text
    device = Authenticator()
    form = {
        "csrf": page.field("csrf"),
        "handle": page.field("handle"),
        "response": json.dumps(device.create(options, "https://id.example")),
    }
    broken = guest.post("/account/methods/passkey", form | {"response": "[]"})
    assert (broken.status, broken.code) == (403, "passkey")
    assert guest.post("/account/methods/passkey", form).path == "/account/methods"
    assert guest.post("/account/methods/passkey", form).code == "passkey"
    here = home.begin(guest, prompt="login")
    assert home.show_passkey(guest, here, device).path == f"{here}/consent"


def test_a_password_alone_changes_nothing_that_two_factors_protect(home, guest):
    """Whoever has guessed the password adds no factor, and removes none (row L-002)."""
    home.totp()
    enter(home, guest)
    [factor] = home.store.factors.enrolled(home.thu)
    for path in (
        "/account/methods/app",
        "/account/methods/channel",
        "/account/methods/passkey",
        f"/account/methods/{factor.id}/remove",
        "/account/password",
        "/account/data",
        "/account/close",
    ):
        assert guest.get(path).path.startswith("/interaction/"), path
        assert post(guest, path, sure="1", password=OTHER, again=OTHER).path.startswith(
            "/interaction/"
        ), path
    assert len(home.store.factors.enrolled(home.thu)) == 1
    assert home.store.accounts.by_id(home.thu).state == "active"


def test_removing_says_what_it_means_and_asks_once_more(home, guest):
    home.totp()
    enter(home, guest)
    step_up(home, guest, "/account/password")
    [factor] = home.store.factors.enrolled(home.thu)
    remove = f"/account/methods/{factor.id}/remove"
    assert 'id="lowers"' not in guest.get(remove).text  # the card is still there
    assert post(guest, remove, lost="1").path == "/account/methods"
    assert "factor.lost" in home.events()
    assert post(guest, remove).code == "factor.unknown"
    assert home.store.accounts.by_id(home.thu).level == 2


def test_the_last_second_factor_goes_only_with_a_yes_of_its_own(home, guest):
    """Never silently lower than before (contracts §6)."""
    plain = Account(id="account-ba", username="ba", created_at=home.now)
    home.people["ba"] = home.store.accounts.create(plain, password=PASSWORD)
    secret = home.totp("ba")
    here = guest.get("/account/password").path
    home.password(guest, here, "ba")
    guest.get(f"{here}/enter")
    here = guest.get("/account/password").path
    guest.get(home.show_totp(guest, here, secret).path)
    [factor] = home.store.factors.enrolled("account-ba")
    remove = f"/account/methods/{factor.id}/remove"
    assert 'id="lowers"' in guest.get(remove).text
    refused = post(guest, remove)
    assert refused.status == 409
    assert len(home.store.factors.enrolled("account-ba")) == 1
    assert post(guest, remove, sure="1").path == "/account/methods"
    assert home.store.factors.enrolled("account-ba") == ()


@pytest.mark.parametrize("what", ["remove", "pin"])
def test_what_a_lost_factor_opened_ends_with_it(home, guest, what):
    """Whoever has it may be logged in by it: sessions, these pages, and refresh tokens end."""
    home.totp()
    home.store.factors.enrol_pin(home.people["thu"], "739164", at=home.now)
    elsewhere, thief, half_way = home.browser(), home.browser(), home.browser()
    code = home.code(elsewhere, client_id="keeper", scope="openid offline_access")
    tokens = home.redeem(code, auth="keeper").json()
    enter(home, thief)
    begun = home.begin(half_way)
    home.password(half_way, begun)
    enter(home, guest)
    step_up(home, guest, "/account/password")
    before = guest.cookies["__Host-eid-account"]
    if what == "pin":
        done = post(guest, "/account/methods/pin", pin="916473", again="916473")
    else:
        factors = home.store.factors.enrolled(home.thu)
        [totp] = [one for one in factors if one.method == "totp"]
        remove = f"/account/methods/{totp.id}/remove"
        assert 'id="ends"' in guest.get(remove).text
        done = post(guest, remove, lost="1")
    assert done.path == "/account/methods"
    assert guest.get("/account/password").status == 200  # this visit goes on
    assert guest.cookies["__Host-eid-account"] != before
    assert thief.get("/account").path.startswith("/interaction/")
    assert half_way.get(f"{begun}/consent").code == "interaction.over"
    assert "login" in home.authorize(elsewhere).text
    assert home.userinfo(str(tokens["access_token"])).status == 401
    assert home.refresh(str(tokens["refresh_token"])).json()["error"] == "invalid_grant"


def test_a_visit_that_began_with_the_removed_factor_ends(home, guest):
    """And one that began with more is worth what is left."""
    device = home.passkey(verifies_user=True)
    here = guest.get("/account/methods").path
    assert guest.get(home.show_passkey(guest, here, device).path).path == "/account/methods"
    [factor] = home.store.factors.enrolled(home.thu)
    remove = f"/account/methods/{factor.id}/remove"
    assert guest.get(remove).status == 200  # it checked its user: two kinds
    assert post(guest, remove, sure="1").path == "/account/methods"
    assert guest.get("/account/methods").path.startswith("/interaction/")

    secret = home.totp()
    enter(home, guest)
    here = guest.get("/account/password").path
    guest.get(home.show_totp(guest, here, secret).path)
    [factor] = home.store.factors.enrolled(home.thu)
    assert post(guest, f"/account/methods/{factor.id}/remove").path == "/account/methods"
    assert guest.get("/account/methods").status == 200
    assert guest.get("/account/password").path.startswith("/interaction/")


def test_one_person_s_factor_is_not_another_s_to_remove(home, guest):
    home.totp("mau")
    [factor] = home.store.factors.enrolled(home.people["mau"].id)
    enter(home, guest)
    step_up(home, guest, "/account/password")
    remove = f"/account/methods/{factor.id}/remove"
    assert guest.get(remove).code == "factor.unknown"
    assert post(guest, remove, sure="1").code == "factor.unknown"


def test_a_new_password_ends_every_other_session(home, guest):
    elsewhere, thief, half_way = home.browser(), home.browser(), home.browser()
    home.code(elsewhere)
    enter(home, thief)
    begun = home.begin(half_way)
    assert home.password(half_way, begun).path == f"{begun}/consent"
    csrf = half_way.get(f"{begun}/consent").field("csrf")
    enter(home, guest)
    step_up(home, guest, "/account/password")
    change = "/account/password"
    assert post(guest, change, password=OTHER, again="x").code == "password.different"
    assert post(guest, change, password="short", again="short").code == "password.length"
    assert post(guest, change, password=OTHER, again=OTHER).path == "/account"
    assert guest.get("/account").status == 200
    assert thief.get("/account").path.startswith("/interaction/")
    agreed = half_way.post(f"{begun}/consent", {"csrf": csrf})
    assert agreed.code == "interaction.over"  # the old password was good for it, and is no more
    assert "login" in home.authorize(elsewhere).text
    here = home.begin(home.browser())
    assert {"account.password_changed", "session.ended"} <= set(home.events())
    fresh = home.browser()
    here = home.begin(fresh)
    assert home.password(fresh, here).code == "login.refused"
    assert home.password(fresh, here, password=OTHER).path == f"{here}/consent"


def test_sessions_are_shown_and_ended(home, guest):
    other = home.browser()
    home.code(other)
    home.code(guest)
    page = enter(home, guest, "/account/sessions")
    assert page.text.count('name="session"') == 3
    assert "&lt;b&gt;" in page.text  # a service's name is text
    mine = home.browser()
    home.code(mine, client_id="portal")
    ids = re.findall(r'name="session" value="([0-9a-f]{24})"', page.text)
    assert post(guest, "/account/sessions/end", session=ids[0]).path == "/account/sessions"
    assert (
        len(
            set(
                re.findall(
                    r'name="session" value="([0-9a-f]{24})"', guest.get("/account/sessions").text
                )
            )
        )
        == 2
    )
    post(guest, "/account/sessions/end", session="0" * 24)
    post(guest, "/account/sessions/end", session="all")
    assert 'name="session"' not in guest.get("/account/sessions").text
    assert guest.get("/account").status == 200


def test_ending_all_ends_these_pages_elsewhere(home, guest):
    thief, stranger = home.browser(), home.browser()
    enter(home, thief)
    enter(home, stranger, who="mau")
    enter(home, guest)
    post(guest, "/account/sessions/end", session="0" * 24)
    assert thief.get("/account").status == 200
    post(guest, "/account/sessions/end", session="all")
    assert thief.get("/account").path.startswith("/interaction/")
    assert stranger.get("/account").status == 200
    assert guest.get("/account").status == 200


def test_a_withdrawn_consent_ends_tokens_sessions_and_what_was_remembered(home, guest):
    """Row D-001; the receipt stays."""
    other = home.redeem(home.code(guest)).json()
    here = home.begin(guest, client_id="keeper", scope="openid profile offline_access")
    csrf = guest.get(f"{here}/consent").field("csrf")
    code = guest.post(f"{here}/consent", {"csrf": csrf, "remember": "1"}).query["code"]
    first = home.redeem(code, auth="keeper").json()
    silent = home.authorize(guest, client_id="keeper", scope="openid profile", prompt="none")
    second = home.redeem(silent.query["code"], auth="keeper").json()
    page = enter(home, guest, "/account/consents")
    assert page.text.count("/account/consents/withdraw") == 2
    assert post(guest, "/account/consents/withdraw", client="narrow").code == "consent.unknown"
    done = post(guest, "/account/consents/withdraw", client="keeper")
    assert done.path == "/account/consents"
    for tokens in (first, second):
        assert home.userinfo(str(tokens["access_token"])).status == 401
        assert home.refresh(str(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert home.userinfo(str(other["access_token"])).status == 200
    again = home.authorize(guest, client_id="keeper", scope="openid profile", prompt="none")
    assert again.query["error"] == "consent_required"
    [line] = [one for one in home.store.consents.of_account(home.thu) if one.client == "keeper"]
    assert line.withdrawn_at == home.now
    assert "consent.withdrawn" in home.events()
    assert home.store.consents.live(home.thu, "portal", at=home.now)


def test_the_ledger_holds_what_was_agreed_to(home, guest):
    code = home.code(guest)
    assert code
    [given] = home.store.consents.of_account(home.thu)
    assert given.what[0] == "sub"
    assert "name" in given.what
    assert (given.client, given.act, given.channel) == ("portal", "pressed_agree", "web")
    assert re.fullmatch(r"vi-[0-9a-f]{12}", given.text_version)
    assert home.events().count("consent.given") == 1


def test_the_ledger_holds_lasting_access_and_shows_it(home, guest):
    service = home.browser()
    here = home.begin(service, client_id="keeper", scope="openid profile offline_access")
    home.password(service, here)
    home.agree(service, here)
    [given] = home.store.consents.of_account(home.thu)
    assert "offline_access" in given.what
    shown = enter(home, guest, "/account/consents").text
    assert "sau khi bạn đăng xuất" in shown


def test_who_looked_is_shown_with_its_place(home, guest):
    home.store.accounts.look_at(home.thu, by="officer-7", reason="case 12", at=home.now)
    home.code(guest)
    page = enter(home, guest, "/account/log")
    for words in ("officer-7", "case 12", "Cán bộ xem dữ liệu của bạn", "<code>"):
        assert words in page.text
    assert "Your log" not in page.text
    other = home.browser()
    assert "officer-7" not in enter(home, other, "/account/log", "mau").text


def test_the_export_is_one_s_own_and_on_record(home, guest):
    enter(home, guest)
    step_up(home, guest, "/account/data")
    told = post(guest, "/account/data")
    assert told.headers["content-type"] == "application/json; charset=utf-8"
    assert told.headers["cache-control"] == "no-store"
    data = json.loads(told.text)
    assert data["account"]["username"] == "thu"
    assert home.people["mau"].profile.personal_number not in told.text
    assert canonical_json(data["profile"])
    assert "account.looked_at" in home.events()


def test_closing_ends_everything(home, guest):
    tokens = home.redeem(home.code(guest, client_id="keeper"), auth="keeper").json()
    enter(home, guest)
    step_up(home, guest, "/account/close")
    assert post(guest, "/account/close").status == 409
    assert home.store.accounts.by_id(home.thu).state == "active"
    assert 'id="closed"' in post(guest, "/account/close", sure="1").text
    assert home.store.accounts.by_id(home.thu).state == "closed"
    assert home.userinfo(str(tokens["access_token"])).status == 401
    assert "__Host-eid-account" not in guest.cookies
    here = guest.get("/account").path
    assert home.password(guest, here).status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/account/leave",
        "/account/methods/app",
        "/account/methods/channel",
        "/account/methods/passkey",
        "/account/password",
        "/account/sessions/end",
        "/account/consents/withdraw",
        "/account/data",
        "/account/close",
    ],
)
def test_a_hostile_page_presses_no_button(home, guest, path):
    """CSRF on every form (row O-042): no token, another's token, another origin."""
    enter(home, guest)
    step_up(home, guest, "/account/password")
    csrf = guest.get("/account").field("csrf")
    other = home.browser()
    enter(home, other, who="mau")
    theirs = other.get("/account").field("csrf")
    form = {"sure": "1", "password": OTHER, "again": OTHER, "session": "all"}
    for token in ("", "x" * 43, theirs):
        assert guest.post(path, form | {"csrf": token}).code == "interaction.cross_site"
    foreign = {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"}
    assert guest.post(path, form | {"csrf": csrf}, **foreign).code == "interaction.cross_site"
    old = {"Origin": "https://evil.example", "Sec_Fetch_Site": ""}
    assert guest.post(path, form | {"csrf": csrf}, **old).code == "interaction.cross_site"
    assert guest.get("/account").status == 200


def test_every_page_forbids_frames_and_other_origins(home, guest):
    """Clickjacking (row O-043) and assets of others (row O-045)."""
    enter(home, guest)
    step_up(home, guest, "/account/password")
    for path in (
        "/account",
        "/account/methods",
        "/account/methods/app",
        "/account/methods/channel",
        "/account/methods/passkey",
        "/account/password",
        "/account/sessions",
        "/account/consents",
        "/account/log",
        "/account/data",
        "/account/close",
    ):
        page = guest.get(path)
        policy = page.headers["content-security-policy"]
        assert page.status == 200, path
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert policy.endswith("form-action 'self'")
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-frame-options"] == "DENY"
        assert not re.search(
            r'(src|href|action)="(?!https://id\.example/|data:image/png|")', page.text
        )
        assert " style=" not in page.text
        assert page.text.count("<h1") == 1


def test_giving_up_leads_to_a_page_and_not_round_and_round(home, guest):
    here = guest.get("/account").path
    csrf = guest.get(f"{here}/cancel").field("csrf")
    answer = guest.post(f"{here}/cancel", {"csrf": csrf})
    assert answer.path.startswith("/account?error=access_denied")
    assert 'id="login-link"' in guest.get(answer.path).text


def test_leaving_ends_the_visit(home, guest):
    enter(home, guest)
    cookie = guest.cookies["__Host-eid-account"]
    assert 'id="logged-out"' in post(guest, "/account/leave").text
    guest.cookies["__Host-eid-account"] = cookie
    assert guest.get("/account").path.startswith("/interaction/")


def test_a_locked_account_s_pages_close_at_once(home, guest):
    enter(home, guest)
    home.store.accounts.happen(home.thu, "locked", by="test", reason="test", at=home.now)
    assert guest.get("/account").path.startswith("/interaction/")


def test_without_these_pages_there_are_no_such_paths(world, browser):
    assert CALLBACK
    assert browser.get("/account").status == 404
    assert browser.get("/sign-up").status == 404


def test_a_pin_is_set_and_set_anew(home, guest):
    enter(home, guest)
    step_up(home, guest, "/account/methods/pin")
    birth = home.people["thu"].profile.birth_date.replace("-", "")
    for pin, again, code in (
        ("739164", "739165", "pin.different"),
        ("123456", "123456", "pin.guessed"),
        (birth, birth, "pin.guessed"),
        ("73916x", "73916x", "pin.form"),
    ):
        refused = post(guest, "/account/methods/pin", pin=pin, again=again)
        assert (refused.status, refused.code) == (400, code)
    for pin in ("739164", "916473"):
        done = post(guest, "/account/methods/pin", pin=pin, again=pin)
        assert done.path == "/account/methods"
    [factor] = home.store.factors.enrolled(home.thu)
    assert (factor.method, factor.counts) == ("pin", True)
    assert "Mã PIN" in guest.get("/account/methods").text
