"""The first page as the answer to ``/authorize`` itself, and the requests that are led on instead."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest

from tests.oidc.conftest import CALLBACK, ISSUER


def test_the_first_page_is_the_answer(world, browser):
    page = world.authorize(browser)
    here = page.begun
    assert page.status == 200
    assert page.text.count("<form") == 1
    assert (page.text.count('type="text"'), page.text.count('type="password"')) == (1, 1)
    assert page.text.count('type="submit"') == 1
    (cookie,) = page.cookies
    assert cookie.startswith("__Host-")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"
    actions = page.headers["content-security-policy"].partition("form-action ")[2].split()
    assert actions == ["'self'", ISSUER, "http://127.0.0.1:8350", "https://portal.example"]
    form = {"csrf": page.field("csrf"), "username": "thu", "password": "a long enough password"}
    assert browser.post(f"{here}/password", form).path == f"{here}/consent"
    assert world.agree(browser, here).location.startswith(CALLBACK + "?code=")


def test_everything_on_it_leads_into_the_login_and_nothing_repeats_the_request(world, browser):
    page = world.authorize(browser, state="st4te-of-it", nonce="n0nce-of-it")
    here = ISSUER + page.begun
    addresses = re.findall(r'(?:href|action)="([^"]*)"', page.text)
    ours = {f"{ISSUER}/style.css", f"{ISSUER}/sign-up", f"{ISSUER}/recover"}
    assert {one for one in addresses if not one.startswith(here)} <= ours
    for text in ("of-it", "/authorize", world.challenge, CALLBACK):
        assert text not in page.text


@pytest.mark.parametrize(("lang", "words"), [("en", "Log in"), ("vi", "Đăng nhập")])
def test_its_language_links_stay_in_the_login(world, browser, lang, words):
    page = world.authorize(browser)
    links = re.findall(rf'href="{ISSUER}([^"]*lang=(?:en|vi))"', page.text)
    assert {link.partition("?")[0] for link in links} == {page.begun}
    shown = browser.get(f"{page.begun}?lang={lang}")
    assert words in shown.text
    assert shown.field("csrf") == page.field("csrf")


def test_to_load_it_again_begins_anew_and_harms_nothing(world, browser):
    first, second = world.authorize(browser), world.authorize(browser)
    assert first.begun != second.begun
    for page in (first, second):
        here = page.begun
        world.password(browser, here)
        assert "code" in world.agree(browser, here).query


def test_a_long_request_has_its_page_at_once_too(world, browser):
    page = world.authorize(browser, state="s" * 1000)
    assert page.status == 200
    assert world.password(browser, page.begun).path == f"{page.begun}/consent"


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_the_answer_goes_by_the_way_that_was_asked_for(world, browser, mode):
    here = world.authorize(browser, response_mode=mode).begun
    world.password(browser, here)
    assert world.agree(browser, here).status == {"query": 303, "form_post": 200}[mode]


def test_a_request_that_names_somebody_is_led_on(world, browser):
    """The page's address stays in the browser's history: no name and no ID token belongs there."""
    token = world.redeem(world.code()).json()["id_token"]
    for named in (
        {"login_hint": "thu@example.vn"},
        {"id_token_hint": str(token)},
        {"claims": '{"id_token":{"sub":{"value":"some-subject"}}}'},
        {"claims": '{"userinfo":{"personal_number":{"\\u0076alue":"001099000001"}}}'},
        {"claims": '{"userinfo":{"unknown":{"values":["Thu"]}}}'},
    ):
        answer = world.authorize(browser, **named)
        assert answer.status == 303
        assert browser.get(answer.path).status == 200


def test_a_request_that_names_claims_and_levels_has_its_page_at_once(world, browser):
    levels = '{"acr":{"essential":true,"values":["urn:eid:auth:1"]},"name":{"essential":true}}'
    assert world.authorize(browser, claims=f'{{"id_token":{levels}}}').status == 200


def test_a_request_that_is_good_once_is_led_on(world, browser):
    uri = str(world.push().json()["request_uri"])
    query = urlencode({"client_id": "fapi", "request_uri": uri})
    assert browser.get(browser.get(f"/authorize?{query}").path).status == 200
    signed = world.request_object("keyed")
    assert world.authorize(browser, client_id="keyed", request=signed).path


def test_a_form_and_a_session_are_led_on(world, browser):
    posted = browser.send("POST", "/authorize", body=urlencode(world.parameters()))
    assert posted.path == posted.begun
    world.code(browser)
    wider = world.authorize(browser, scope="openid profile eid:number")
    assert wider.path == f"{wider.begun}/consent"
    assert world.authorize(prompt="none").query["error"] == "login_required"
