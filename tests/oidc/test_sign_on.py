"""Sessions (contracts §6): level 1 at most, consents remembered, nothing shared between services."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest


def essential(level):
    return json.dumps({"id_token": {"acr": {"essential": True, "values": [level]}}})


def shows_login(browser, answer):
    return 'id="login"' in browser.get(answer.begun).text


def test_the_second_service_needs_no_password_but_a_consent(world, browser):
    first = world.claims(world.redeem(world.code(browser)).json()["id_token"])
    world.wait(60)
    here = world.begin(browser, client_id="narrow")
    assert browser.get(here).path == f"{here}/consent"
    body = world.redeem(world.agree(browser, here).query["code"], auth="narrow").json()
    claims = world.claims(body["id_token"], "narrow")
    assert (claims["eid_auth_level"], claims["auth_time"]) == (1, first["auth_time"])
    assert claims["sid"] != first["sid"]


def test_the_same_service_again_needs_nothing(world, browser):
    world.code(browser)
    assert "code" in world.authorize(browser).query
    wider = world.authorize(browser, scope="openid profile eid:number")
    assert wider.path.startswith("/interaction/")
    assert world.authorize(browser, prompt="consent").path.endswith("/consent")


def test_a_remembered_consent_outlives_the_session(world, browser):
    here = world.begin(browser)
    world.password(browser, here)
    csrf = browser.get(f"{here}/consent").field("csrf")
    browser.post(f"{here}/consent", {"csrf": csrf, "remember": "1"})
    later = world.browser()
    world.code(later, client_id="narrow")
    assert "code" in world.authorize(later).query


def test_o059_a_consent_covers_only_what_was_shown(world, browser):
    here = world.begin(browser, scope="openid")
    world.password(browser, here)
    csrf = browser.get(f"{here}/consent").field("csrf")
    browser.post(f"{here}/consent", {"csrf": csrf, "remember": "1"})
    assert world.authorize(browser, prompt="none").query["error"] == "consent_required"
    assert "code" in world.authorize(browser, prompt="none", scope="openid").query


@pytest.mark.parametrize(
    "changed",
    [
        {"claims": essential("urn:eid:level:2")},
        {"claims": essential("urn:eid:auth:2")},
        {"acr_values": "urn:eid:auth:2"},
        {"prompt": "login"},
        {"prompt": "select_account"},
        {"max_age": "0"},
    ],
)
def test_what_a_session_is_not_enough_for(world, browser, changed):
    world.code(browser)
    world.wait(1)
    assert shows_login(browser, world.authorize(browser, **changed))


def test_max_age_0_asks_anew_within_the_same_second(world, browser):
    world.code(browser)
    assert world.authorize(browser, prompt="none", max_age="0").query["error"] == "login_required"
    assert "code" in world.authorize(browser, prompt="none", max_age="1").query


@pytest.mark.parametrize("wish", ["urn:eid:level:2", "urn:eid:auth:2", "loa:3"])
def test_a_wish_for_a_level_is_never_an_error(world, browser, wish):
    """`acr_values` is voluntary (contracts §6), in silence too."""
    world.code(browser)
    code = world.authorize(browser, prompt="none", acr_values=wish).query["code"]
    claims = world.claims(world.redeem(code).json()["id_token"])
    assert (claims["acr"], claims["eid_auth_level"]) == ("urn:eid:auth:1", 1)


@pytest.mark.parametrize("wish", ["loa:3", "urn:eid:auth:4", "urn:eid:level:3"])
def test_a_wish_that_no_login_here_fulfils_asks_for_no_second_password(world, browser, wish):
    world.code(browser)
    assert "code" in world.authorize(browser, acr_values=wish).query


def test_o059_offline_access_is_agreed_to_on_its_own(world, browser):
    world.code(browser, client_id="keeper")
    asked = {"client_id": "keeper", "scope": "openid profile offline_access"}
    silent = world.authorize(browser, prompt="none", **asked)
    assert silent.query["error"] == "consent_required"
    here = world.begin(browser, **asked)
    assert 'data-extra="offline_access"' in browser.get(f"{here}/consent").text
    world.agree(browser, here)
    assert "code" in world.authorize(browser, prompt="none", **asked).query


def test_o059_how_a_claim_was_checked_is_agreed_to_on_its_own(world, browser):
    world.code(browser, client_id="edwards")
    inside = {"verification": {"trust_framework": None}, "claims": {"name": None}}
    wanted = json.dumps({"userinfo": {"verified_claims": inside}})
    asked = {"client_id": "edwards", "claims": wanted}
    silent = world.authorize(browser, prompt="none", **asked)
    assert silent.query["error"] == "consent_required"
    here = world.begin(browser, **asked)
    assert 'data-extra="verified_claims"' in browser.get(f"{here}/consent").text


def test_no_session_is_worth_level_2_whatever_the_services_floor(world, browser):
    """Fresh factors for level 2 (contracts §6), also where one kind of them will do."""
    world.code(browser, client_id="strict")  # its floor under the levels is 1
    wanted = {"client_id": "strict", "claims": essential("urn:eid:level:2")}
    silent = world.authorize(browser, prompt="none", **wanted)
    assert silent.query["error"] == "login_required"
    code = world.authorize(
        browser, prompt="none", client_id="strict", acr_values="urn:eid:level:2"
    ).query["code"]
    told = world.claims(world.redeem(code, auth="strict").json()["id_token"], "strict")
    assert told["acr"] == "urn:eid:auth:1"
    fresh = world.code(browser, **wanted)
    told = world.claims(world.redeem(fresh, auth="strict").json()["id_token"], "strict")
    assert (told["acr"], told["eid_auth_level"]) == ("urn:eid:level:2", 1)


def test_essential_level_2_in_silence(world, browser):
    world.code(browser)
    asked = world.authorize(browser, prompt="none", claims=essential("urn:eid:level:2"))
    assert asked.query["error"] == "login_required"


def test_a_session_ends_after_its_time(world, browser):
    world.code(browser)
    world.wait(8 * 3600 + 1)
    assert shows_login(browser, world.authorize(browser))


@pytest.mark.parametrize("state", ["locked", "closed"])
def test_a_locked_account_has_no_session(world, browser, state):
    world.code(browser)
    world.accounts.change(replace(world.people["thu"], state=state))
    assert world.authorize(browser, prompt="none").query["error"] == "login_required"


def test_a_hint_of_another_person(world, browser):
    token = world.redeem(world.code(browser)).json()["id_token"]
    other = world.browser()
    here = world.begin(other)
    world.password(other, here, "mau")
    world.agree(other, here)
    answer = world.authorize(other, prompt="none", id_token_hint=token)
    assert answer.query["error"] == "login_required"
    fresh = world.authorize(other, id_token_hint=token)
    answer = world.password(other, fresh.path, "mau")
    assert answer.query["error"] == "login_required"


@pytest.mark.parametrize("hint", ["x", "a.b.c"])
def test_a_hint_that_is_none(world, hint):
    assert world.authorize(id_token_hint=hint).query["error"] == "invalid_request"


def test_two_different_people_in_one_request(world, browser):
    token = world.redeem(world.code(browser)).json()["id_token"]
    wanted = json.dumps({"id_token": {"sub": {"value": "somebody"}}})
    answer = world.authorize(browser, id_token_hint=token, claims=wanted)
    assert answer.query["error"] == "invalid_request"


def test_o042_a_new_login_changes_the_cookie(world, browser):
    world.code(browser)
    before = browser.cookies["__Host-eid-session"]
    world.code(browser, prompt="login")
    assert browser.cookies["__Host-eid-session"] != before
    thief = world.browser()
    thief.cookies["__Host-eid-session"] = before
    assert world.authorize(thief, prompt="none").query["error"] == "login_required"


def test_two_people_on_one_machine(world, browser):
    world.code(browser)
    here = world.begin(browser, prompt="select_account")
    world.password(browser, here, "mau")
    code = world.agree(browser, here).query["code"]
    first = world.claims(world.redeem(code).json()["id_token"])
    silent = world.authorize(browser, prompt="none").query["code"]
    assert world.claims(world.redeem(silent).json()["id_token"])["sub"] == first["sub"]


def test_a_yes_that_waited_while_somebody_else_logged_in_gives_nothing(world, browser):
    """One tab waits at the consent of the first person, while the second logs in in another."""
    world.code(browser)
    waiting = world.begin(browser, client_id="narrow")
    theirs = world.begin(browser, prompt="select_account")
    world.password(browser, theirs, "mau")
    world.agree(browser, theirs)
    assert world.agree(browser, waiting).path == waiting
    assert 'id="login"' in browser.get(waiting).text
    silent = world.authorize(browser, client_id="narrow", prompt="none")
    assert silent.query["error"] == "consent_required"


def test_a_yes_on_top_of_a_session_that_is_over_gives_nothing(world, browser):
    """Whoever logs out in one tab is logged out in the one that waits for a yes, too."""
    world.code(browser)
    waiting = world.begin(browser, client_id="narrow")
    csrf = browser.get("/logout").field("csrf")
    assert "session.ended" not in world.events()
    browser.post("/logout/confirm", {"csrf": csrf})
    assert "session.ended" in world.events()
    assert world.agree(browser, waiting).path == waiting
    world.password(browser, waiting)
    assert "code" in world.agree(browser, waiting).query


def test_a_silent_login_in_the_moment_of_logging_out_ends_with_the_session(
    world, browser, monkeypatch
):
    world.code(browser)
    csrf = browser.get("/logout").field("csrf")
    codes, end = [], world.provider.grants.end

    def slow_end(*session, **values):
        if not codes:
            codes.append(world.authorize(browser, prompt="none").query["code"])
        return end(*session, **values)

    monkeypatch.setattr(world.provider.grants, "end", slow_end)
    browser.post("/logout/confirm", {"csrf": csrf})
    assert world.redeem(codes[0]).json()["error"] == "invalid_grant"
    assert world.authorize(browser, prompt="none").query["error"] == "login_required"


def test_logging_out_while_logins_never_stop_is_to_be_tried_again(world, browser, monkeypatch):
    world.code(browser)
    csrf = browser.get("/logout").field("csrf")
    with monkeypatch.context() as busy:
        busy.setattr(world.provider.grants, "end", lambda *_session, **_values: False)
        answer = browser.post("/logout/confirm", {"csrf": csrf})
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert "code" in world.authorize(browser, prompt="none").query
    browser.post("/logout/confirm", {"csrf": csrf})
    assert world.authorize(browser, prompt="none").query["error"] == "login_required"


def test_a_session_that_ends_while_a_silent_login_is_judged_gives_nothing(
    world, browser, monkeypatch
):
    world.code(browser)
    issue = world.provider.grants.issue_beside

    def late(kind, key, **values):
        assert world.provider.grants.end(kind, key, version=1, at=values["at"])
        return issue(kind, key, **values)

    monkeypatch.setattr(world.provider.grants, "issue_beside", late)
    assert world.authorize(browser, prompt="none").query["error"] == "login_required"


def test_no_single_sign_on_where_it_is_off(world, browser):
    settings = replace(world.provider.settings, session_s=0)
    object.__setattr__(world.provider, "settings", settings)
    body = world.redeem(world.code(browser)).json()
    assert "sid" not in world.claims(body["id_token"])
    assert set(browser.cookies) <= {"__Host-eid-device"}  # it opens nothing
    assert world.authorize(browser, prompt="none").query["error"] == "login_required"


def test_the_card_on_top_of_a_session_stays_level_1(world, browser):
    world.code(browser)
    here = world.begin(browser, client_id="narrow")
    browser.get(here)
    asked = world.card_request(browser, here)
    assert browser.get(f"{here}/card/return?handle={world.read(asked)}").path == f"{here}/consent"
    body = world.redeem(world.agree(browser, here).query["code"], auth="narrow").json()
    assert world.claims(body["id_token"], "narrow")["eid_auth_level"] == 1


def test_a_client_that_was_disabled(world, browser):
    world.code(browser)
    known = world.provider.clients.clients["portal"]
    gone = replace(known, disabled=True)
    clients = type(world.provider.clients)({"portal": gone})
    object.__setattr__(world.provider, "clients", clients)
    assert world.authorize(browser).code == "unauthorized_client"
    assert world.redeem("A" * 43).status == 401
