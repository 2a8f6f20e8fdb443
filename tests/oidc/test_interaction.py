"""Interactions: the table of moves, the cookie, the form token, and the races."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from typing import get_args

import pytest

from eid.errors import RequestRefused
from eid.levels.past import PastAssertion, reassess
from eid.levels.rules import Rules
from eid.oidc import session as sessions
from eid.oidc.handles import key_of
from eid.oidc.interaction import MOVES, Event, Interaction, Stage


@pytest.fixture
def stored(world, browser) -> Interaction:
    here = world.begin(browser)
    assert browser.get(f"{here}/card").status == 200
    interaction_id = here.rpartition("/")[2]
    grant = world.provider.grants.get("interaction", key_of(interaction_id), at=world.now)
    return Interaction.from_grant(interaction_id, grant)


@pytest.mark.parametrize(
    ("stage", "event"), list(itertools.product(get_args(Stage), get_args(Event)))
)
def test_only_the_moves_of_the_table(stored, stage, event):
    before = replace(stored, stage=stage)
    if (stage, event) in MOVES:
        assert before.moved(event).stage == MOVES[stage, event]
    else:
        with pytest.raises(RequestRefused) as caught:
            before.moved(event)
        assert caught.value.code == "interaction.impossible_step"


def test_nothing_leads_out_of_the_end():
    assert not [stage for stage, _ in MOVES if stage == "finished"]


def test_a_row_round_trip(stored):
    grant = stored.to_grant()
    assert Interaction.from_grant(stored.id, grant) == stored
    shown = repr(stored) + repr(grant)
    assert stored.id not in shown
    assert "n0nce" not in shown


def test_two_writers_one_wins(world, stored):
    sessions.save(world.provider, stored, at=world.now)
    with pytest.raises(RequestRefused) as caught:
        sessions.save(world.provider, stored, at=world.now)
    assert caught.value.code == "interaction.changed"


@pytest.mark.parametrize("path", ["x", "A" * 22, "A" * 200, "%00"])
def test_an_unknown_interaction(world, browser, path):
    answer = browser.get(f"/interaction/{path}")
    assert (answer.status, answer.code) == (410, "interaction.over")


def test_an_old_interaction(world, browser):
    here = world.begin(browser)
    world.wait(601)
    assert browser.get(here).code == "interaction.over"


@pytest.mark.parametrize("path", ["", "/card", "/consent", "/cancel", "/card/return?handle=x"])
def test_every_page_wants_its_cookie(world, browser, path):
    here = world.begin(browser)
    world.password(browser, here)
    assert world.browser().get(here + path).code == "interaction.other_browser"
    twice = "; ".join(f"{n}={v}" for n, v in browser.cookies.items())
    tossed = browser.get(here + path, Cookie=f"{twice}; {twice.partition('=')[0]}=other")
    assert tossed.code == "interaction.other_browser"


@pytest.mark.parametrize("path", ["/password", "/consent", "/cancel"])
@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({"csrf": ""}, {}),
        ({"csrf": "x"}, {}),
        ({"csrf": "é"}, {}),
        ({}, {"Sec-Fetch-Site": "cross-site"}),
        ({}, {"Sec-Fetch-Site": "same-site"}),
        ({}, {"Sec-Fetch-Site": "none"}),
    ],
)
def test_a_form_from_elsewhere_is_refused(world, browser, path, form, headers):
    here = world.begin(browser)
    csrf = browser.get(f"{here}/cancel").field("csrf")
    filled = {"csrf": csrf, "username": "thu", "password": "a long enough password"} | form
    answer = browser.post(here + path, filled, **headers)
    assert (answer.status, answer.code) == (403, "interaction.cross_site")


def test_without_fetch_metadata_the_origin_counts(world, browser):
    here = world.begin(browser)
    csrf = browser.get(here).field("csrf")
    body = f"csrf={csrf}&username=thu&password=a+long+enough+password"
    for origin in ("https://evil.example", "null", "https://id.example:8443"):
        answer = browser.send("POST", f"{here}/password", body=body, headers={"Origin": origin})
        assert answer.code == "interaction.cross_site"
    answer = browser.send("POST", f"{here}/password", body=body)
    assert answer.path == f"{here}/consent"


def test_the_form_token_of_another_interaction(world, browser):
    one, two = world.begin(browser), world.begin(browser)
    csrf = browser.get(one).field("csrf")
    answer = browser.post(f"{two}/password", {"csrf": csrf, "username": "a", "password": "b"})
    assert answer.code == "interaction.cross_site"


@pytest.mark.parametrize(
    "form",
    [
        {"password": "wrong password"},
        {"username": "nobody"},
        {"username": ""},
        {"password": ""},
        {"password": "x" * 300},
    ],
)
def test_a_wrong_password_asks_again(world, browser, form):
    here = world.begin(browser)
    answer = world.password(browser, here, **form)
    assert (answer.status, answer.code) == (403, "login.refused")
    assert answer.text.count("<form") == 1
    assert "wrong password" not in answer.text
    assert world.password(browser, here).path == f"{here}/consent"


def test_too_many_attempts(world, browser):
    here = world.begin(browser)
    world.accounts.throttled = True
    answer = world.password(browser, here)
    assert (answer.status, answer.code) == (429, "login.throttled")
    assert int(answer.headers["retry-after"]) > 0


def test_o053_a_browser_that_logged_in_says_so_the_next_time(world, browser):
    """Only a right password makes it known, and its guesses are counted apart from then on."""
    here = world.begin(browser)
    refused = world.password(browser, here, password="wrong password")
    assert not [line for line in refused.cookies if "device" in line]
    right = world.password(browser, here)
    (line,) = [line for line in right.cookies if "device" in line]
    name, value = line.partition(";")[0].split("=")
    assert ("HttpOnly" in line, "SameSite=Lax" in line) == (True, True)
    assert name.startswith("__Host-") == ("Secure" in line)
    assert "thu" not in value
    world.password(browser, world.begin(browser), password="wrong password")
    assert world.accounts.devices == ["", "", value]
    browser.cookies[name] = "x" * 129
    world.password(browser, world.begin(browser))
    assert world.accounts.devices[-1] == ""


@pytest.mark.parametrize("state", ["locked", "closed"])
def test_a_locked_account_after_its_password(world, browser, state):
    world.accounts.change(replace(world.people["thu"], state=state))
    answer = world.password(browser, world.begin(browser))
    assert (answer.status, answer.code) == (403, f"account.{state}")


def test_consent_before_login_is_impossible(world, browser):
    here = world.begin(browser)
    csrf = browser.get(here).field("csrf")
    assert browser.get(f"{here}/consent").path == here
    answer = browser.post(f"{here}/consent", {"csrf": csrf})
    assert (answer.status, answer.code) == (409, "interaction.impossible_step")


def test_the_login_page_leads_on_to_consent(world, browser):
    here = world.begin(browser)
    world.password(browser, here)
    assert browser.get(here).path == f"{here}/consent"


def test_a_yes_counts_once(world, browser):
    here = world.begin(browser)
    world.password(browser, here)
    csrf = browser.get(f"{here}/consent").field("csrf")
    jar = dict(browser.cookies)
    answers = []

    def agree() -> None:
        other = world.browser()
        other.cookies = dict(jar)
        answers.append(other.post(f"{here}/consent", {"csrf": csrf}))

    threads = [threading.Thread(target=agree) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [303] + [410] * 7
    assert world.events().count("code.issued") == 1


def test_what_a_service_is_told_has_its_grounds_on_record(world, browser):
    """Judged again by the rules of its day, it is what those grounds give."""
    here = world.begin(browser)
    world.password(browser, here)
    form = {"csrf": browser.get(f"{here}/consent").field("csrf"), "decision": "agree"}
    browser.post(f"{here}/consent", form)
    issued = next(one for one in world.provider.grants.events if one.kind == "code.issued")
    grounds = PastAssertion.from_text(issued.detail["assertion"])
    assert [factor.method for factor in grounds.factors] == ["password"]
    assert (grounds.auth_level, grounds.consent, grounds.session) == (1, True, False)
    assert reassess(grounds, Rules.load()).differs == ()


def test_a_service_that_is_taken_away_meanwhile(world, browser):
    here = world.begin(browser)
    object.__setattr__(world.provider, "clients", type(world.provider.clients)({}))
    assert browser.get(here).code == "interaction.over"


def test_a_login_cannot_be_fixed_on_somebody(world, browser):
    """The attacker begins, plants id and cookie, and waits for the victim's password."""
    attacker = world.browser()
    here = world.begin(attacker)
    victim = world.browser()
    victim.cookies = dict(attacker.cookies)
    world.password(victim, here)
    assert attacker.get(f"{here}/consent").code == "interaction.other_browser"


def test_an_account_locked_between_password_and_consent(world, browser):
    here = world.begin(browser)
    world.password(browser, here)
    csrf = browser.get(f"{here}/consent").field("csrf")
    world.accounts.change(replace(world.people["thu"], state="locked"))
    assert browser.post(f"{here}/consent", {"csrf": csrf}).code == "account.locked"
    assert browser.get(f"{here}/consent").code == "account.locked"
