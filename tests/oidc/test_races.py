"""Two nodes at once, made certain: the other one wins between our look and our move."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from eid.keys import decode_base64url
from eid.oidc.handles import key_of


class OvertakenGrants:
    """A store in which another node consumes ``kind`` right after we looked at it."""

    def __init__(self, grants, kind: str) -> None:
        self._grants = grants
        self._kind = kind

    def __getattr__(self, name: str):
        return getattr(self._grants, name)

    def get(self, kind, key, *, at):
        return self._overtaken(kind, key, at, self._grants.get(kind, key, at=at))

    def look(self, kind, key, *, at):
        return self._overtaken(kind, key, at, self._grants.look(kind, key, at=at))

    def _overtaken(self, kind, key, at, found):
        if found is not None and kind == self._kind:
            self._grants.consume(kind, key, at=at)
        return found


def overtake(world, kind: str) -> None:
    grants = OvertakenGrants(world.provider.grants, kind)
    object.__setattr__(world.provider, "grants", grants)


def test_a_code(world):
    code = world.code()
    overtake(world, "code")
    assert world.redeem(code).json()["error"] == "invalid_grant"
    assert "code.replayed" in world.events()
    assert "token.issued" not in world.events()


def test_a_code_with_a_wrong_verifier(world):
    code = world.code()
    overtake(world, "code")
    assert world.redeem(code, code_verifier="w" * 43).json()["error"] == "invalid_grant"
    assert "code.misused" not in world.events()


def test_a_card_request(world, browser):
    here = world.begin(browser)
    asked = world.card_request(browser, here)
    overtake(world, "card_request")
    evidence = world.evidence("thu", decode_base64url(asked["challenge"]))
    answer = world.deliver(asked, evidence)
    assert answer.json()["error"] == "card.request_over"
    assert "card.received" not in world.events()


@pytest.mark.parametrize("path", ["consent", "cancel"])
def test_the_end_of_a_login(world, browser, path):
    here = world.begin(browser)
    world.password(browser, here)
    csrf = browser.get(f"{here}/consent").field("csrf")
    overtake(world, "interaction")
    assert browser.post(f"{here}/{path}", {"csrf": csrf}).code == "interaction.over"
    assert "code.issued" not in world.events()


def test_a_factor(world, browser):
    here = world.begin(browser)
    browser.get(f"{here}/card")  # from here on there is a row
    csrf = browser.get(here).field("csrf")
    overtake(world, "interaction")
    form = {"csrf": csrf, "username": "thu", "password": "a long enough password"}
    answer = browser.post(f"{here}/password", form)
    assert (answer.status, answer.code) == (409, "interaction.changed")
    assert "login.password" not in world.events()


def test_an_account_that_vanished(world, browser):
    here = world.begin(browser)
    world.password(browser, here)
    world.accounts.accounts.clear()
    assert browser.get(f"{here}/consent").code == "interaction.impossible_step"
    code = world.browser()
    assert world.redeem("A" * 43).status == 400
    assert code.get(here).code == "interaction.other_browser"


def test_an_account_that_vanished_before_the_token(world):
    code = world.code()
    world.accounts.accounts.clear()
    assert world.redeem(code).json()["error"] == "invalid_grant"


def test_a_jti_is_never_stored_in_clear(world, browser):
    here = world.begin(browser)
    asked = world.card_request(browser, here)
    grant = world.provider.grants.get("card_request", key_of(asked["jti"]), at=world.now)
    assert asked["jti"] not in str(dict(grant.payload))
    assert urlencode({"jti": asked["jti"]}) not in repr(grant)
