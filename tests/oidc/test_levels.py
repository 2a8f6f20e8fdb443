"""acr, essential and voluntary, over whole logins (contracts §6)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest


def essential(*values: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "values": list(values)}}})


def voluntary(*values: str) -> str:
    return json.dumps({"id_token": {"acr": {"values": list(values)}}})


def acr_of(world, **changed: str) -> object:
    client = changed.get("client_id", "portal")
    body = world.redeem(world.code(**changed), auth=client).json()
    return world.claims(body["id_token"], client)["acr"]


@pytest.mark.parametrize(
    ("changed", "acr"),
    [
        ({}, "urn:eid:auth:1"),
        ({"acr_values": "urn:eid:level:2"}, "urn:eid:auth:1"),
        ({"acr_values": "urn:eid:auth:1"}, "urn:eid:auth:1"),
        ({"acr_values": "loa:3 urn:eid:level:1"}, "urn:eid:level:1"),
        ({"acr_values": "urn:eid:auth:1 urn:eid:level:1"}, "urn:eid:auth:1"),
        ({"claims": voluntary("urn:eid:level:2")}, "urn:eid:auth:1"),
        ({"claims": voluntary("urn:eid:level:1")}, "urn:eid:level:1"),
        ({"claims": essential("urn:eid:level:1")}, "urn:eid:level:1"),
        ({"claims": essential("nonsense", "urn:eid:auth:1")}, "urn:eid:auth:1"),
        ({"claims": essential("urn:eid:level:2"), "client_id": "strict"}, "urn:eid:level:2"),
    ],
)
def test_the_acr_is_one_of_those_asked_for_that_holds(world, changed, acr):
    assert acr_of(world, **changed) == acr


@pytest.mark.parametrize("level", [0, 1])
def test_a_low_account_cannot_meet_an_essential_level(world, browser, level):
    state = "active" if level else "registered"
    world.accounts.change(replace(world.people["thu"], level=level, state=state))
    here = world.begin(browser, claims=essential("urn:eid:level:2"))
    answer = world.password(browser, here)
    assert answer.query["error"] == "unmet_authentication_requirements"
    assert answer.query["state"] == "st4te"
    assert answer.query["iss"] == "https://id.example"
    assert browser.get(here).code == "interaction.over"
    assert browser.cookies == {}
    assert world.events()[-2:] == ["interaction.ended", "interaction.over"] or (
        "interaction.ended" in world.events()
    )


def test_nor_by_card(world, browser):
    world.accounts.change(replace(world.people["thu"], level=1))
    here = world.begin(browser, claims=essential("urn:eid:level:2"))
    assert world.card(browser, here).query["error"] == "unmet_authentication_requirements"


def test_a_low_account_still_logs_in_where_the_level_is_voluntary(world):
    world.accounts.change(replace(world.people["thu"], level=1))
    assert acr_of(world, acr_values="urn:eid:level:2") == "urn:eid:auth:1"


def test_an_account_without_a_card_cannot_step_up(world, browser):
    world.accounts.change(replace(world.people["thu"], profile=None))
    here = world.begin(browser, claims=essential("urn:eid:auth:2"))
    assert world.password(browser, here).query["error"] == "unmet_authentication_requirements"


def test_two_passwords_are_one_factor(world, browser):
    here = world.begin(browser, claims=essential("urn:eid:auth:2"))
    assert world.password(browser, here).path == here
    page = browser.get(here)
    assert "password" not in page.text
    csrf = browser.get(f"{here}/cancel").field("csrf")
    form = {"csrf": csrf, "username": "thu", "password": "a long enough password"}
    assert browser.post(f"{here}/password", form).path == here


def test_the_subject_that_a_service_insists_on(world, browser):
    sub = world.claims(world.redeem(world.code()).json()["id_token"])["sub"]
    wanted = json.dumps({"id_token": {"sub": {"value": sub}}})
    here = world.begin(browser, claims=wanted)
    assert world.password(browser, here, "mau").query["error"] == "login_required"
    other = world.browser()
    here = world.begin(other, claims=wanted)
    assert world.password(other, here, "thu").path == f"{here}/consent"


def test_factors_that_became_too_old_start_the_login_again(world, browser):
    settings = replace(world.provider.settings, interaction_s=3600)
    object.__setattr__(world.provider, "settings", settings)
    here = world.begin(browser, claims=essential("urn:eid:auth:1"))
    world.password(browser, here)
    csrf = browser.get(f"{here}/consent").field("csrf")
    world.wait(901)
    assert "<strong>" in browser.get(f"{here}/consent").text
    assert browser.post(f"{here}/consent", {"csrf": csrf}).path == here
    assert world.password(browser, here).path == f"{here}/consent"
    assert "code" in world.agree(browser, here).query
