"""Codes from an app, codes to a channel and passkeys in the running login (contracts §6)."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from falcon import testing

from eid.keys import encode_base64url
from eid.levels.factors.otp import totp_code
from eid.oidc.web import create_app
from tests.store.authenticator import Authenticator


def essential(level):
    return json.dumps({"id_token": {"acr": {"essential": True, "values": [f"urn:eid:{level}"]}}})


def links(text):
    return set(re.findall(r'id="(\w+)-link"', text)) - {"cancel", "back", "recover"}


def finish(home, browser, here):
    body = home.redeem(home.agree(browser, here).query["code"]).json()
    return home.claims(body["id_token"])


def test_the_first_page_has_one_password_form_and_the_rest_are_links(home, browser_of):
    page = browser_of.get(home.begin(browser_of)).text
    assert page.count('type="password"') == 1
    assert page.count('type="text"') == 1
    assert page.count("<form") == 1
    assert page.count('type="submit"') == 1
    assert links(page) == {"card", "passkey"}


@pytest.fixture
def browser_of(home):
    return home.browser()


def test_password_and_app_code_reach_level_2(home, browser_of):
    secret = home.totp()
    here = home.begin(browser_of, claims=essential("auth:2"))
    page = browser_of.get(home.password(browser_of, here).path)
    assert links(page.text) == {"card", "totp"}
    assert home.show_totp(browser_of, here, secret).path == f"{here}/consent"
    claims = finish(home, browser_of, here)
    assert (claims["eid_auth_level"], claims["acr"]) == (2, "urn:eid:auth:2")
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert {"login.password", "login.totp", "factor.used"} <= set(home.events())


def test_an_app_code_is_good_once_over_logins(home, browser_of):
    secret = home.totp()
    first = home.begin(browser_of, claims=essential("auth:2"))
    home.password(browser_of, first)
    home.show_totp(browser_of, first, secret)
    second = home.begin(browser_of, claims=essential("auth:2"))
    home.password(browser_of, second)
    again = home.show_totp(browser_of, second, secret)
    assert (again.status, again.code) == (403, "factor.refused")
    assert "login.totp_refused" in home.events()


def test_guessing_codes_is_throttled_and_says_nothing_else(home, browser_of):
    home.totp()
    here = home.begin(browser_of, claims=essential("auth:2"))
    home.password(browser_of, here)
    csrf = browser_of.get(f"{here}/totp").field("csrf")
    wrong = {"csrf": csrf, "code": "00000x"}
    codes = [browser_of.post(f"{here}/totp", wrong) for _ in range(7)]
    assert {one.code for one in codes} <= {"factor.refused", "login.throttled"}
    assert codes[-1].status == 429
    assert "retry-after" in codes[-1].headers


def test_a_code_to_a_channel_is_sent_only_by_its_button(home, browser_of):
    home.channel()
    before = len(home.sent())
    here = home.begin(browser_of, claims=essential("auth:2"))
    home.password(browser_of, here)
    page = browser_of.get(f"{here}/code")
    assert len(home.sent()) == before
    assert "t…@mail.example" in page.text
    assert "thu@mail.example" not in page.text
    form = {"csrf": page.field("csrf"), "channel": page.field("channel")}
    assert browser_of.post(f"{here}/code/send", form | {"channel": "nothing"}).status == 303
    assert len(home.sent()) == before
    assert browser_of.post(f"{here}/code/send", form).path == f"{here}/code?sent=1"
    assert 'id="sent"' in browser_of.get(f"{here}/code?sent=1").text
    code = home.sent()[-1]
    spaced = {"csrf": form["csrf"], "code": f" {code[:4]} {code[4:]} "}
    assert browser_of.post(f"{here}/code", {"csrf": form["csrf"], "code": ""}).status == 403
    assert browser_of.post(f"{here}/code", spaced).path == f"{here}/consent"
    assert finish(home, browser_of, here)["amr"] == ["pwd", "otp", "mfa"]


@pytest.mark.parametrize(("verifies", "level"), [(True, 2), (False, 1)])
def test_a_passkey_is_a_first_factor_and_with_its_user_checked_level_2_never_3(
    home, browser_of, verifies, level
):
    device = home.passkey(verifies_user=verifies)
    here = home.begin(browser_of)
    assert home.show_passkey(browser_of, here, device).path == f"{here}/consent"
    claims = finish(home, browser_of, here)
    assert claims["eid_auth_level"] == level
    assert claims["sub"] == home.provider.accounts.subject(home.thu, "Example Ltd")
    assert ("mfa" in claims["amr"]) is verifies


def test_a_passkey_without_its_user_steps_up_with_the_password(home, browser_of):
    device = home.passkey()
    here = home.begin(browser_of, claims=essential("level:2"))
    page = browser_of.get(home.show_passkey(browser_of, here, device).path)
    assert 'id="login"' in page.text
    assert links(page.text) == set()  # a card would be the same kind again
    assert home.password(browser_of, here).path == f"{here}/consent"
    assert finish(home, browser_of, here)["eid_auth_level"] == 2


def test_passkeys_of_others_and_of_nobody(home, browser_of):
    device = home.passkey("mau")
    here = home.begin(browser_of, claims=essential("auth:2"))
    home.password(browser_of, here)
    assert browser_of.get(f"{here}/passkey").code == "interaction.impossible_step"
    thu = home.passkey()
    refused = home.show_passkey(browser_of, here, device)
    assert (refused.status, refused.code) == (403, "passkey")
    stranger = Authenticator()
    stranger.user = thu.user
    fresh = home.begin(browser_of)
    for user in (thu.user, encode_base64url(b"nobody"), None, encode_base64url(b"\xff" * 8)):
        stranger.user = user
        refused = home.show_passkey(browser_of, fresh, stranger)
        assert (refused.status, refused.code) == (403, "passkey"), user
    assert home.events().count("login.passkey_refused") == 5


def test_an_answer_belongs_to_the_login_whose_page_asked(home, browser_of):
    """A second tab, and another browser's page, cannot use it (rows O-042, O-058)."""
    device = home.passkey()
    one, other = home.begin(browser_of), home.begin(browser_of)
    page = browser_of.get(f"{one}/passkey")
    options = json.loads(re.search(r'data-options="([^"]*)"', page.text)[1].replace("&#34;", '"'))
    response = json.dumps(device.get(options, "https://id.example"))
    csrf = browser_of.get(f"{other}/passkey").field("csrf")
    form = {"csrf": csrf, "handle": page.field("handle"), "response": response}
    assert browser_of.post(f"{other}/passkey", form).code == "passkey"
    own = form | {"csrf": page.field("csrf")}
    assert browser_of.post(f"{one}/passkey", own).code == "passkey"  # its handle is used up


@pytest.mark.parametrize("method", ["totp", "code", "passkey"])
def test_a_hostile_page_posts_no_factor(home, browser_of, method):
    """Cross-site forms (row O-042): no token, or another origin's."""
    home.totp(), home.channel(), home.passkey()
    here = home.begin(browser_of, claims=essential("auth:2"))
    home.password(browser_of, here)
    csrf = browser_of.get(f"{here}/{method}").field("csrf")
    forged = browser_of.post(f"{here}/{method}", {"csrf": "x" * 43, "code": "1"})
    assert forged.code == "interaction.cross_site"
    foreign = {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"}
    sent = browser_of.post(f"{here}/{method}", {"csrf": csrf, "code": "1"}, **foreign)
    assert sent.code == "interaction.cross_site"
    assert home.browser().get(f"{here}/{method}").code == "interaction.other_browser"


def test_methods_that_are_not_offered_or_enrolled_are_not_there(home, browser_of):
    here = home.begin(browser_of, claims=essential("auth:2"))
    home.password(browser_of, here)
    for method in ("totp", "code", "passkey"):
        assert browser_of.get(f"{here}/{method}").code == "interaction.impossible_step"
    settings = replace(home.provider.settings, methods=frozenset())
    plain = replace(
        home, client=testing.TestClient(create_app(replace(home.provider, settings=settings)))
    )
    someone = plain.browser()
    here = plain.begin(someone)
    assert links(someone.get(here).text) == set()
    assert someone.get(f"{here}/card").code == "interaction.impossible_step"
    assert someone.get(f"{here}/passkey").code == "interaction.impossible_step"


def test_an_unconfirmed_app_is_not_offered(home, browser_of):
    home.store.factors.enrol_totp(home.thu, at=home.now)
    here = home.begin(browser_of, claims=essential("auth:2"))
    home.password(browser_of, here)
    assert browser_of.get(f"{here}/totp").code == "interaction.impossible_step"


def test_before_somebody_is_known_no_page_tells_what_he_has(home, browser_of):
    """No enumeration (row O-053): the pages of known and unknown names are the same."""
    home.totp(), home.channel(), home.passkey()
    here = home.begin(browser_of)
    first = browser_of.get(here).text
    assert browser_of.get(f"{here}/totp").code == "interaction.impossible_step"
    assert browser_of.get(f"{here}/code").code == "interaction.impossible_step"
    texts = set()
    for who in ("thu", "nobody-at-all"):
        text = home.password(browser_of, here, who, password="wrong wrong wrong").text
        text = re.sub(r'<code id="correlation-id">[^<]*', "", text).replace(who, "")
        texts.add(text)
    assert len(texts) == 1
    options = re.search(r'data-options="([^"]*)"', browser_of.get(f"{here}/passkey").text)[1]
    assert "allowCredentials" not in options
    assert links(first) == links(texts.pop())


def test_a_voluntary_level_offers_more_at_the_consent(home, browser_of):
    secret = home.totp()
    here = home.begin(browser_of, acr_values="urn:eid:auth:2")
    assert home.password(browser_of, here).path == f"{here}/consent"
    assert links(browser_of.get(f"{here}/consent").text) == {"card", "totp"}
    assert home.show_totp(browser_of, here, secret).path == f"{here}/consent"
    assert finish(home, browser_of, here)["acr"] == "urn:eid:auth:2"


def test_a_locked_account_is_told_only_after_its_passkey(home, browser_of):
    device = home.passkey()
    home.store.accounts.happen(home.thu, "locked", by="test", reason="test", at=home.now)
    here = home.begin(browser_of)
    assert home.show_passkey(browser_of, here, device).code == "account.locked"


def test_the_back_button_and_a_page_of_before_mix_nothing(home, browser_of):
    """The form of an earlier page is void once the login gained a right (row O-042)."""
    secret = home.totp()
    here = home.begin(browser_of, claims=essential("auth:2"))
    old = browser_of.get(here).field("csrf")
    home.password(browser_of, here)
    stale = {"csrf": old, "code": totp_code(secret, home.now)}
    assert browser_of.post(f"{here}/totp", stale).code == "interaction.cross_site"
    home.wait(31)
    home.show_totp(browser_of, here, secret)
    assert browser_of.get(f"{here}/totp").code == "interaction.impossible_step"
    assert browser_of.get(here).path == f"{here}/consent"


def test_a_card_and_a_pin_reach_level_2(home, browser_of):
    """What a kiosk with a keypad asks for."""
    home.store.factors.enrol_pin(home.people["thu"], "739164", at=home.now)
    here = home.begin(browser_of, claims=essential("level:2"))
    assert home.card(browser_of, here).path == here
    page = browser_of.get(here)
    assert links(page.text) == {"pin"}
    csrf = browser_of.get(f"{here}/pin").field("csrf")
    wrong = browser_of.post(f"{here}/pin", {"csrf": csrf, "pin": "739165"})
    assert (wrong.status, wrong.code) == (403, "factor.refused")
    assert "739165" not in wrong.text
    assert browser_of.post(f"{here}/pin", {"csrf": csrf, "pin": "739164"}).path.endswith(
        "/consent"
    )
    claims = finish(home, browser_of, here)
    assert (claims["eid_auth_level"], claims["amr"]) == (2, ["sc", "pin", "mfa"])


def test_a_password_and_a_pin_are_one_kind(home, browser_of):
    home.store.factors.enrol_pin(home.people["thu"], "739164", at=home.now)
    here = home.begin(browser_of, claims=essential("auth:2"))
    home.password(browser_of, here)
    assert browser_of.get(f"{here}/pin").code == "interaction.impossible_step"
