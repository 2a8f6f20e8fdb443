"""Userinfo: bearer tokens in the header only, and only while they live."""

from __future__ import annotations

from dataclasses import replace

import pytest


@pytest.fixture
def access(world) -> str:
    return str(world.redeem(world.code()).json()["access_token"])


def test_get_and_post_with_the_header(world, access):
    browser = world.browser()
    assert browser.get("/userinfo", Authorization=f"Bearer {access}").status == 200
    answer = browser.send("POST", "/userinfo", headers={"Authorization": f"bEaReR {access}"})
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


def test_a_token_in_the_query_or_body_is_refused(world, access):
    browser = world.browser()
    answer = browser.get(f"/userinfo?access_token={access}")
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")
    answer = browser.send("POST", "/userinfo", body=f"access_token={access}")
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")
    answer = browser.get(f"/userinfo?access_token={access}", Authorization=f"Bearer {access}")
    assert answer.status == 400


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Bearer " + "A" * 43, "Bearer a b"])
def test_bad_tokens(world, header):
    answer = world.browser().get("/userinfo", Authorization=header)
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic eDp5"}])
def test_no_token_gets_a_bare_challenge(world, headers):
    answer = world.browser().get("/userinfo", **headers)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="userinfo"')


def test_an_old_token(world, access):
    world.wait(301)
    assert world.userinfo(access).status == 401


@pytest.mark.parametrize("state", ["locked", "closed"])
def test_a_locked_account_tells_nothing(world, access, state):
    world.accounts.change(replace(world.people["thu"], state=state))
    assert world.userinfo(access).status == 401


def test_an_account_without_a_profile_has_only_a_sub(world, access):
    world.accounts.change(replace(world.people["thu"], profile=None))
    assert world.userinfo(access).json().keys() == {"sub"}


def test_a_code_is_no_access_token(world):
    assert world.userinfo(world.code()).status == 401
