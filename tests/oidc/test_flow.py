"""Whole logins, on the port's contract in memory and on the real store."""

from __future__ import annotations

import json

import pytest

LEVEL_2 = json.dumps({"id_token": {"acr": {"essential": True, "value": "urn:eid:level:2"}}})
both_stores = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


@both_stores
def test_password_alone_is_authentication_level_1(world, browser):
    here = world.begin(browser)
    page = browser.get(here)
    assert page.status == 200
    assert page.text.count("<form") == 1
    assert (page.text.count('type="text"'), page.text.count('type="password"')) == (1, 1)
    assert page.text.count('type="submit"') == 1

    assert world.password(browser, here).path == f"{here}/consent"
    answer = world.agree(browser, here)
    assert answer.location.startswith("https://portal.example/callback?")
    assert answer.query.keys() == {"code", "state", "iss"}
    assert answer.query["iss"] == "https://id.example"
    assert answer.query["state"] == "st4te"

    tokens = world.redeem(answer.query["code"])
    assert tokens.status == 200
    assert tokens.headers["cache-control"] == "no-store"
    body = tokens.json()
    assert (body["token_type"], body["scope"]) == ("Bearer", "openid profile")
    claims = world.claims(body["id_token"])
    assert claims["nonce"] == "n0nce"
    assert claims["acr"] == "urn:eid:auth:1"
    assert claims["amr"] == ["pwd"]
    assert (claims["eid_level"], claims["eid_auth_level"]) == (2, 1)
    assert claims["eid_source"] == "chip_local"
    assert claims["auth_time"] == int(world.now.timestamp())

    told = world.userinfo(body["access_token"]).json()
    assert told["sub"] == claims["sub"]
    assert told["name"] == world.people["thu"].profile.name
    assert told["gender"] == "male"
    assert "personal_number" not in told


@both_stores
def test_card_then_password_reaches_the_essential_level(world, browser):
    here = world.begin(browser, claims=LEVEL_2, scope="openid eid:number")
    back = world.card(browser, here)
    assert back.path == here, "the card alone is authentication level 1"
    page = browser.get(here)
    assert "password" in page.text
    assert "card-link" not in page.text
    assert world.password(browser, here).path == f"{here}/consent"
    _check_level_2(world, world.agree(browser, here))


@both_stores
def test_password_then_card_reaches_it_too(world, browser):
    here = world.begin(browser, claims=LEVEL_2, scope="openid eid:number")
    assert world.password(browser, here).path == here
    page = browser.get(here)
    assert "card-link" in page.text
    assert "<form" not in page.text
    assert world.card(browser, here).path == f"{here}/consent"
    _check_level_2(world, world.agree(browser, here))
    kinds = world.events()
    for kind in ("login.password", "card.requested", "card.received", "login.card"):
        assert kind in kinds
    assert kinds[-3:] == ["token.issued", "userinfo.told"] or "token.issued" in kinds


def _check_level_2(world, answer):
    body = world.redeem(answer.query["code"]).json()
    claims = world.claims(body["id_token"])
    assert claims["acr"] == "urn:eid:level:2"
    assert (claims["eid_level"], claims["eid_auth_level"]) == (2, 2)
    assert set(claims["amr"]) == {"pwd", "sc", "mfa"}
    assert type(claims["eid_level"]) is int
    told = world.userinfo(body["access_token"]).json()
    assert told["personal_number"] == world.people["thu"].profile.personal_number
    assert told.keys() == {"sub", "personal_number"}


def test_card_alone_is_enough_where_nothing_more_is_asked(world, browser):
    here = world.begin(browser)
    assert world.card(browser, here).path == f"{here}/consent"
    body = world.redeem(world.agree(browser, here).query["code"]).json()
    claims = world.claims(body["id_token"])
    assert (claims["acr"], claims["amr"]) == ("urn:eid:auth:1", ["sc"])


def test_the_consent_page_names_every_field(world, browser):
    here = world.begin(browser, scope="openid profile address eid:number eid:card")
    world.password(browser, here)
    page = browser.get(f"{here}/consent")
    for claim in (
        "name",
        "birthdate",
        "gender",
        "address",
        "personal_number",
        "card_issue_date",
        "card_expiry_date",
        "card_issuer",
    ):
        assert f'data-claim="{claim}"' in page.text
    assert page.text.count("<form") == 1
    assert "&lt;b&gt;" in page.text
    assert world.people["thu"].profile.personal_number not in page.text


def test_the_sub_differs_between_legal_entities_and_stays_within_one(world):
    def sub(client: str) -> object:
        code = world.code(client_id=client)
        return world.claims(world.redeem(code, auth=client).json()["id_token"], client)["sub"]

    assert sub("portal") == sub("portal") == sub("narrow")
    assert sub("portal") != sub("partner")


def test_the_cookie_changes_with_every_factor(world, browser):
    here = world.begin(browser, claims=LEVEL_2)
    seen = [dict(browser.cookies)]
    world.password(browser, here)
    seen.append(dict(browser.cookies))
    world.card(browser, here)
    seen.append(dict(browser.cookies))
    values = [next(iter(jar.values())) for jar in seen]
    assert len(set(values)) == 3
    browser.cookies = seen[0]
    assert browser.get(f"{here}/consent").code == "interaction.other_browser"


def test_cancelling_tells_the_service(world, browser):
    here = world.begin(browser)
    csrf = browser.get(f"{here}/cancel").field("csrf")
    answer = browser.post(f"{here}/cancel", {"csrf": csrf})
    assert answer.query["error"] == "access_denied"
    assert answer.query["iss"] == "https://id.example"
    assert browser.cookies == {}
    assert browser.get(here).code == "interaction.over"


def test_the_card_alone_and_then_no_password_gives_access_denied(world, browser):
    here = world.begin(browser, claims=LEVEL_2)
    world.card(browser, here)
    csrf = browser.get(f"{here}/cancel").field("csrf")
    assert browser.post(f"{here}/cancel", {"csrf": csrf}).query["error"] == "access_denied"


def test_the_public_client_needs_no_secret_and_the_poster_posts_it(world):
    code = world.code(client_id="app")
    assert world.redeem(code, auth=None, client_id="app").status == 200
    code = world.code(client_id="poster")
    answer = world.redeem(
        code, auth=None, client_id="poster", client_secret="portal-secret-0123456789"
    )
    assert answer.status == 200
