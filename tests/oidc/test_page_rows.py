"""Rows of the attack catalogue that concern pages, each by its name."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import replace
from html import unescape

import pytest
from falcon import testing

from eid.errors import Unavailable
from eid.oidc.pages.language import moment
from eid.oidc.web import create_app
from eid.store.audit import Audit
from tests.oidc.conftest import NOW

NASTY = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture
def guest(home):
    return home.browser()


def enter(home, browser, who="thu"):
    here = browser.get("/account").path
    return browser.get(home.password(browser, here, who).path)


def test_row_o_044_no_answer_to_a_form_repeats_it(home, guest):
    """303 after every form, never 307 or 308: a password is not carried on."""
    home.totp()
    here = home.begin(
        guest,
        claims=json.dumps(
            {"id_token": {"acr": {"essential": True, "values": ["urn:eid:auth:2"]}}}
        ),
    )
    answers = [home.password(guest, here)]
    csrf = guest.get(f"{here}/totp").field("csrf")
    answers.append(guest.post(f"{here}/cancel", {"csrf": csrf}))
    enter(home, guest)
    csrf = guest.get("/account").field("csrf")
    answers += [
        guest.post("/account/sessions/end", {"csrf": csrf, "session": "all"}),
        guest.post("/account/password", {"csrf": csrf}),
        guest.post("/sign-up", {"x": "1"}),
    ]
    assert {one.status for one in answers} == {303}


def test_row_o_045_nothing_is_loaded_from_elsewhere_and_no_address_leaks(home, guest):
    here = home.begin(guest)
    for path in (here, f"{here}/passkey", "/sign-up", "/recover"):
        page = guest.get(path)
        loaded = re.findall(r'<(?:link|script|img)[^>]*(?:href|src)="([^"]*)"', page.text)
        assert loaded
        assert all(one.startswith("https://id.example/") for one in loaded)
        assert page.headers["referrer-policy"] == "same-origin"
    card = guest.get(f"{here}/card")
    assert card.headers["referrer-policy"] == "origin"  # the path stays at home all the same


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_row_o_046_what_others_write_is_shown_as_text(home, guest, lang):
    """login_hint, ui_locales, the language, a service's name, a user name, a reason of the record."""
    here = home.begin(guest, login_hint=NASTY, ui_locales=NASTY, state=NASTY)
    texts = [
        guest.get(f"{here}?lang={lang}").text,
        guest.get(f"{here}?lang=%22%3E%3Cscript%3E").text,
    ]
    assert unescape(re.search(r'name="username" value="([^"]*)"', texts[0])[1]) == NASTY[:128]
    refused = home.password(guest, here, NASTY)
    texts.append(refused.text)
    home.store.accounts.look_at(home.thu, by=NASTY, reason=NASTY, at=home.now)
    home.code(guest)  # of a service whose name has markup in it
    enter(home, guest)
    pages = ("/account/sessions", "/account/consents", "/account/log")
    texts += [guest.get(f"{path}?lang={lang}").text for path in pages]
    texts.append(guest.get(f"/account?error={NASTY}").text)
    for text in texts:
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "<b>" not in text


def test_row_o_042_a_planted_cookie_becomes_nobody_s(home, guest):
    """Session fixation: what an attacker knows before the login opens nothing after it."""
    planted = "A" * 43
    guest.cookies["__Host-eid-account"] = planted
    guest.cookies["__Host-eid-session"] = planted
    home.code(guest)
    enter(home, guest)
    assert planted not in guest.cookies.values()
    thief = home.browser()
    thief.cookies |= {"__Host-eid-account": planted, "__Host-eid-session": planted}
    assert thief.get("/account").path.startswith("/interaction/")
    assert "login" in home.authorize(thief).text


def test_row_o_042_login_csrf_puts_nobody_into_another_s_account(home, guest):
    """An attacker's half-finished login cannot be finished in the person's browser."""
    attacker = home.browser()
    here = attacker.get("/account").path
    home.password(attacker, here, "mau")
    assert guest.get(f"{here}/enter").code == "interaction.other_browser"
    assert "__Host-eid-account" not in guest.cookies


def test_row_o_058_two_citizens_at_one_browser(home, guest):
    """The second is never taken for the first: not at a service, not in My account."""
    first = home.claims(home.redeem(home.code(guest)).json()["id_token"])
    here = home.begin(guest, prompt="login")
    home.card(guest, here, "mau")
    code = home.agree(guest, here).query["code"]
    second = home.claims(home.redeem(code).json()["id_token"])
    assert first["sub"] != second["sub"]
    assert first["sid"] != second["sid"]
    enter(home, guest, "thu")
    guest.cookies.pop("__Host-eid-account")
    enter(home, guest, "mau")
    assert '<dd id="username">mau</dd>' in guest.get("/account").text


def test_row_o_058_a_step_up_belongs_to_who_is_in(home, guest):
    enter(home, guest, "thu")
    here = guest.get("/account/data").path
    assert home.card(guest, here, "mau").code == "holder_mismatch"
    assert '<dd id="username">thu</dd>' in guest.get("/account").text


def test_row_o_059_what_is_told_is_what_was_shown(home, guest):
    """Field by field: the page's list, the ledger's line, and userinfo are one."""
    scope = "openid profile address eid:number"
    here = home.begin(guest, scope=scope)
    home.password(guest, here)
    page = guest.get(f"{here}/consent").text
    shown = set(re.findall(r'data-claim="([^"]*)"', page))
    tokens = home.redeem(home.agree(guest, here).query["code"]).json()
    told = set(home.userinfo(str(tokens["access_token"])).json()) - {"sub"}
    [given] = home.store.consents.of_account(home.thu)
    assert told <= shown
    assert set(given.what) == shown | {"sub"}


def test_row_o_059_a_yes_is_not_replayed_and_not_stretched(home, guest):
    here = home.begin(guest, client_id="keeper", scope="openid profile")
    home.password(guest, here)
    form = {"csrf": guest.get(f"{here}/consent").field("csrf"), "remember": "1"}
    assert "code" in guest.post(f"{here}/consent", form).query
    assert guest.post(f"{here}/consent", form).code == "interaction.over"
    more = home.authorize(guest, client_id="keeper", scope="openid profile address", prompt="none")
    assert more.query["error"] == "consent_required"


def test_row_o_070_a_restart_loses_no_login(home, guest):
    """Nothing is kept in the process: another one goes on with each page."""
    secret = home.totp()
    claims = json.dumps({"id_token": {"acr": {"essential": True, "values": ["urn:eid:auth:2"]}}})
    here = home.begin(guest, claims=claims)
    home.password(guest, here)
    enter(home, guest)
    after = replace(home, client=testing.TestClient(create_app(home.provider)))
    guest.client = after.client
    assert guest.get("/account").status == 200
    assert after.show_totp(guest, here, secret).path == f"{here}/consent"
    assert "code" in after.agree(guest, here).query


def test_row_o_053_an_address_that_guesses_is_slowed_over_all_methods(home, guest):
    """Codes count for the address as passwords do: nobody gets a hundred tries per method."""
    home.totp()
    here = home.begin(
        guest,
        claims=json.dumps(
            {"id_token": {"acr": {"essential": True, "values": ["urn:eid:auth:2"]}}}
        ),
    )
    home.password(guest, here)
    csrf = guest.get(f"{here}/totp").field("csrf")
    codes = [guest.post(f"{here}/totp", {"csrf": csrf, "code": "x"}).code for _ in range(8)]
    assert codes[:4] == ["factor.refused"] * 4
    assert codes[-1] == "login.throttled"
    home.wait(16 * 60)
    assert guest.get(here).code == "interaction.over"


def test_row_f_011_dates_are_those_of_vietnam_wherever_the_machine_stands():
    before = os.environ.get("TZ")
    try:
        shown = set()
        for zone in ("UTC", "Asia/Ho_Chi_Minh", "America/New_York"):
            os.environ["TZ"] = zone
            time.tzset()
            shown.add((moment("vi", NOW), moment("en", NOW)))
    finally:
        os.environ.pop("TZ", None) if before is None else os.environ.update(TZ=before)
        time.tzset()
    assert len(shown) == 1


def test_row_l_009_a_lying_kiosk_enrols_nobody(home):
    """Evidence without the browser that asked, and another challenge's, signs nobody up."""
    home.store.subjects.erase("account-mau", by="test", reason="test", at=home.now)
    person, kiosk = home.browser(), home.browser()
    mine = person.post("/sign-up", {"x": "1"}).path
    theirs = kiosk.post("/sign-up", {"x": "1"}).path
    handle = home.read(home.card_request(kiosk, theirs), "mau")
    assert person.get(f"{mine}/card/return?handle={handle}").status in {403, 409}
    assert person.get(f"{theirs}/card/return?handle={handle}").code == "interaction.other_browser"
    asked = home.card_request(kiosk, theirs)
    replayed = home.evidence("mau", bytes(8))
    handle = home.deliver(asked, replayed).json()["handle"]
    assert kiosk.get(f"{theirs}/card/return?handle={handle}").status == 403
    assert kiosk.get(f"{theirs}/name").code == "interaction.impossible_step"


def test_row_o_066_nothing_is_done_that_cannot_be_put_on_record(home, guest, monkeypatch):
    """No row without its row of the record: 503, Retry-After, and everything as before."""
    home.totp()
    home.code(guest)
    enter(home, guest)
    guest.get(home.card(guest, guest.get("/account/close").path).path)
    [factor] = home.store.factors.enrolled(home.thu)
    csrf = guest.get("/account").field("csrf")

    def fails(self, connection, events):
        raise Unavailable("The record cannot be written.", code="database")

    changed = {"csrf": csrf, "password": "another long one", "again": "another long one"}
    forms = {
        "/account/password": changed,
        "/account/methods/app": {"csrf": csrf},
        "/account/methods/pin": {"csrf": csrf, "pin": "739164", "again": "739164"},
        f"/account/methods/{factor.id}/remove": {"csrf": csrf, "sure": "1"},
        "/account/consents/withdraw": {"csrf": csrf, "client": "portal"},
        "/account/data": {"csrf": csrf},
        "/account/close": {"csrf": csrf, "sure": "1"},
    }
    with monkeypatch.context() as broken:
        broken.setattr(Audit, "append", fails)
        for path, form in forms.items():
            answer = guest.post(path, form)
            assert (answer.status, answer.code) == (503, "database"), path
            assert "retry-after" in answer.headers
    assert home.store.accounts.by_id(home.thu).state == "active"
    assert home.store.factors.enrolled(home.thu) == (factor,)
    assert home.store.consents.live(home.thu, "portal", at=home.now)
    fresh = home.browser()
    here = home.begin(fresh)
    assert home.password(fresh, here).path == f"{here}/consent"
    assert guest.get("/account").status == 200
