"""Logins that have only begun: nothing is stored, and nobody can make one, change one or use one twice."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from eid.errors import RequestRefused
from eid.keys import decode_base64url, encode_base64url
from eid.oidc import session as sessions
from eid.oidc.beginning import MAX_COOKIE, MAX_COOKIES
from eid.oidc.claims import MAX_CLAIMS
from eid.oidc.cookies import cookie_name
from eid.oidc.handles import key_of
from eid.oidc.http import Request
from eid.oidc.ports import Grant, Spent
from eid.store.retention import GRACE

both_stores = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
PASSWORD = "a long enough password"


def id_of(here: str) -> str:
    return here.rpartition("/")[2]


def name_of(here: str) -> str:
    return cookie_name(id_of(here), secure=True)


def row(world, here: str):
    return world.provider.grants.look("interaction", key_of(id_of(here)), at=world.now)


def session_of(world, here: str, cookie: str) -> sessions.Session:
    """As the server finds it for a request with this cookie."""
    request = Request(
        method="GET", cookies={name_of(here): (cookie,)}, path={"interaction_id": id_of(here)}
    )
    return sessions.resume(world.provider, request, at=world.now)


@both_stores
def test_a_login_that_has_only_begun_is_stored_nowhere(world, browser):
    here = world.begin(browser)
    assert browser.get(here).status == 200
    assert browser.get(f"{here}/cancel").status == 200
    assert world.browser().get(here).code == "interaction.over"
    assert row(world, here) is None
    assert world.events() == []
    cookie = browser.cookies[name_of(here)]
    assert len(cookie) <= 700
    assert b"n0nce" not in decode_base64url(cookie.partition(".")[2])


@both_stores
def test_the_first_step_stores_it_and_the_cookie_then_holds_a_handle_only(world, browser):
    here = world.begin(browser)
    begun = browser.cookies[name_of(here)]
    assert world.password(browser, here, password="wrong").code == "login.refused"
    assert browser.cookies[name_of(here)] == begun
    assert row(world, here) is None
    assert world.password(browser, here).path == f"{here}/consent"
    assert isinstance(row(world, here), Grant)
    assert len(browser.cookies[name_of(here)]) == 43
    kinds = world.events()
    assert "interaction.begun" not in kinds
    assert [kinds.count(f"login.password{end}") for end in ("", "_refused")] == [1, 1]
    browser.cookies[name_of(here)] = begun
    assert browser.get(f"{here}/consent").code == "interaction.other_browser"


def test_a_card_request_stores_it_and_its_browser_goes_on(world, browser):
    here = world.begin(browser)
    handle = browser.cookies[name_of(here)].partition(".")[0]
    back = world.card(browser, here)
    assert back.path == f"{here}/consent"
    again = world.begin(browser)
    sealed = browser.cookies[name_of(again)]
    assert browser.get(f"{again}/card").status == 200
    assert browser.cookies[name_of(again)] == sealed.partition(".")[0] != handle
    browser.cookies[name_of(again)] = sealed  # the answer was lost on its way
    assert browser.get(f"{again}/card").status == 200
    assert browser.get(again).status == 200


def altered(cookie: str) -> list[str]:
    """What an attacker makes of a cookie without the server's secret."""
    handle, _, sealed = cookie.partition(".")
    content = decode_base64url(sealed)
    flipped = [
        bytes([*content[:place], content[place] ^ 1, *content[place + 1 :]])
        for place in (0, 1, 12, 13, 20, 21, 40, len(content) - 17, len(content) - 1)
    ]
    forged = [
        *(encode_base64url(one) for one in flipped),
        *(sealed[:length] for length in (1, 17, 38, 39, 40, len(sealed) // 2, len(sealed) - 1)),
        sealed + "A",
        sealed + "=",
        sealed + ".",
        "." + sealed,
        sealed + sealed,
        "é" + sealed,
        "A" * len(sealed),
        "A" * 16000,
        encode_base64url(content[:13] + content[-16:]),
        "",
    ]
    return [
        *(f"{handle}.{one}" for one in forged),
        handle,
        sealed,
        f".{sealed}",
        f"{handle[:-1]}.{sealed}",
        f"{'A' * 43}.{sealed}",
        f"{handle}{sealed}",
    ]


def test_a_forged_edited_or_truncated_beginning_is_none(world, browser):
    here = world.begin(browser)
    cookie = browser.cookies[name_of(here)]
    for one in altered(cookie):
        browser.cookies[name_of(here)] = one
        assert browser.get(here).code == "interaction.over", one
        form = {"csrf": "x", "username": "thu", "password": PASSWORD}
        assert browser.post(f"{here}/password", form).code == "interaction.over"
    assert world.events() == []
    browser.cookies[name_of(here)] = cookie
    assert browser.get(here).status == 200


def test_a_beginning_under_another_id_is_none(world, browser):
    one, two = world.begin(browser), world.begin(browser, state="other")
    mine, other = browser.cookies[name_of(one)], browser.cookies[name_of(two)]
    mixed = f"{mine.partition('.')[0]}.{other.partition('.')[2]}"
    for cookie in (other, mixed):
        browser.cookies[name_of(one)] = cookie
        assert browser.get(one).code == "interaction.over"
    invented = "/interaction/" + "A" * 22
    browser.cookies[name_of(invented)] = mine
    assert browser.get(invented).code == "interaction.over"


def test_a_beginning_that_another_secret_sealed_is_none(world, browser):
    here = world.begin(browser)
    keys = replace(world.provider.keys, beginnings=bytes(32))
    object.__setattr__(world.provider, "keys", keys)
    assert browser.get(here).code == "interaction.over"


def test_another_browser_has_no_part_in_a_beginning(world, browser):
    """Login CSRF, and a stolen address: only the cookie of this very login opens it."""
    here, victim = world.begin(browser), world.browser()
    theirs = world.begin(victim)
    assert victim.get(here).code == "interaction.over"
    victim.cookies[name_of(here)] = victim.cookies[name_of(theirs)]
    assert victim.get(here).code == "interaction.over"
    twice = f"{name_of(here)}={browser.cookies[name_of(here)]}"
    for tossed in ("x", browser.cookies[name_of(here)]):
        answer = browser.get(here, Cookie=f"{twice}; {name_of(here)}={tossed}")
        assert answer.code == "interaction.over"
    assert browser.get(here).status == 200


def test_a_beginning_lives_as_long_as_its_login_would(world, browser):
    here = world.begin(browser)
    world.wait(599)
    assert browser.get(here).status == 200
    csrf = browser.get(here).field("csrf")
    world.wait(1)
    assert browser.get(here).code == "interaction.over"
    form = {"csrf": csrf, "username": "thu", "password": PASSWORD}
    assert browser.post(f"{here}/password", form).code == "interaction.over"


def test_the_row_lives_no_longer_than_the_beginning(world, browser):
    here = world.begin(browser)
    world.wait(590)
    world.password(browser, here)
    world.wait(10)
    assert browser.get(f"{here}/consent").code == "interaction.over"


@both_stores
@pytest.mark.parametrize("end", ["agreed", "cancelled", "cancelled at once"])
def test_a_beginning_is_not_used_again_after_its_login(world, browser, end):
    here = world.begin(browser)
    begun = dict(browser.cookies)
    if end != "cancelled at once":
        world.password(browser, here)
    if end == "agreed":
        assert "code" in world.agree(browser, here).query
    else:
        csrf = browser.get(f"{here}/cancel").field("csrf")
        assert browser.post(f"{here}/cancel", {"csrf": csrf}).query["error"] == "access_denied"
        assert world.events().count("interaction.ended") == 1
    assert name_of(here) not in browser.cookies
    assert isinstance(row(world, here), Spent)
    browser.cookies = begun
    for path in ("", "/card", "/consent", "/cancel"):
        assert browser.get(here + path).code == "interaction.over"


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_clock_that_was_ahead_does_not_bring_a_used_beginning_back(world, browser):
    """Used rows stay for a day after their time: a purge by a clock that is fast finds none."""
    here = world.begin(browser)
    begun = dict(browser.cookies)
    world.password(browser, here)
    world.agree(browser, here)
    browser.cookies = begun
    ahead = world.now + timedelta(hours=23)
    assert world.provider.grants.purge(before=ahead - GRACE) == 0
    assert browser.get(here).code == "interaction.over"
    world.wait(601)
    assert world.provider.grants.purge(before=world.now) > 0
    assert row(world, here) is None
    assert browser.get(here).code == "interaction.over"


@both_stores
def test_two_tabs_with_one_beginning_one_goes_on(world, browser):
    here = world.begin(browser)
    cookie = browser.cookies[name_of(here)]
    one, two = session_of(world, here, cookie), session_of(world, here, cookie)
    sessions.save(world.provider, one.interaction, at=world.now)
    with pytest.raises(RequestRefused) as caught:
        sessions.save(world.provider, two.interaction, at=world.now)
    assert caught.value.code == "interaction.changed"
    with pytest.raises(RequestRefused) as caught:
        sessions.finish(world.provider, two.interaction, at=world.now)
    assert caught.value.code == "interaction.over"


@both_stores
def test_eight_threads_with_one_beginning_one_goes_on(world, browser):
    here = world.begin(browser)
    csrf, jar = browser.get(here).field("csrf"), dict(browser.cookies)
    form = {"csrf": csrf, "username": "thu", "password": PASSWORD}
    answers = []

    def enter() -> None:
        tab = world.browser()
        tab.cookies = dict(jar)
        answers.append(tab.post(f"{here}/password", form))

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.status for one in answers].count(303) == 1
    lost = {one.code for one in answers if one.status != 303}
    assert lost <= {"interaction.changed", "interaction.other_browser"}
    assert world.events().count("login.password") == 1


def test_nothing_is_issued_for_a_login_that_was_never_stored(world, browser):
    here = world.begin(browser)
    session = session_of(world, here, browser.cookies[name_of(here)])
    code = Grant(kind="code", key=bytes(32), payload={}, expires_at=world.now)
    with pytest.raises(RequestRefused) as caught:
        sessions.finish(world.provider, session.interaction, at=world.now, issue=[code])
    assert caught.value.code == "interaction.over"
    assert row(world, here) is None


def test_a_refused_step_of_a_beginning_leaves_the_ways_on(world, browser):
    here = world.begin(browser)
    csrf = browser.get(here).field("csrf")
    page = browser.post(f"{here}/consent", {"csrf": csrf})
    assert page.code == "interaction.impossible_step"
    session = session_of(world, here, browser.cookies[name_of(here)])
    assert sessions.is_alive(world.provider, session.interaction, at=world.now)
    late = world.now + timedelta(seconds=600)
    assert not sessions.is_alive(world.provider, session.interaction, at=late)
    browser.post(f"{here}/cancel", {"csrf": csrf})
    assert not sessions.is_alive(world.provider, session.interaction, at=world.now)


@both_stores
def test_a_request_that_is_too_long_for_a_cookie_is_stored(world, browser):
    here = world.begin(browser, state="s" * 1000)
    assert isinstance(row(world, here), Grant)
    assert len(browser.cookies[name_of(here)]) == 43
    assert world.browser().get(here).code == "interaction.other_browser"
    world.password(browser, here)
    assert world.agree(browser, here).query["state"] == "s" * 1000
    assert world.events()[:2] == ["interaction.begun", "interaction.other_browser"]


def test_a_huge_claims_parameter_makes_no_huge_cookie(world, browser):
    names = ",".join(f'"claim{number}":null' for number in range(250))
    values = ",".join(f'"{number:03}{"v" * 200}"' for number in range(16))
    for asked in (
        f'{{"userinfo":{{{names}}}}}',
        f'{{"id_token":{{"acr":{{"values":[{values}]}}}}}}',
    ):
        assert 3000 < len(asked) <= MAX_CLAIMS
        here = world.begin(browser, claims=asked)
        assert len(browser.cookies[name_of(here)]) <= MAX_COOKIE
        assert world.password(browser, here).path == f"{here}/consent"


def test_thirty_tabs_all_go_on(world, browser):
    tabs = [world.begin(browser, state=f"tab-{number:02}") for number in range(30)]
    sealed = [here for here in tabs if "." in browser.cookies[name_of(here)]]
    assert 3 <= len(sealed) < 30
    assert sealed == tabs[: len(sealed)]
    sent = sum(len(f"{name}={value}; ") for name, value in browser.cookies.items())
    assert sent <= MAX_COOKIES + 30 * 80
    for number, here in enumerate(tabs):
        assert world.password(browser, here).path == f"{here}/consent"
        assert world.agree(browser, here).query["state"] == f"tab-{number:02}"


def test_beside_many_other_cookies_a_login_is_stored(world, browser):
    browser.cookies["other"] = "x" * (MAX_COOKIES - 400)
    here = world.begin(browser)
    assert isinstance(row(world, here), Grant)
    assert world.password(browser, here).path == f"{here}/consent"


def test_my_account_begins_without_a_row_too(home):
    guest = home.browser()
    here = guest.get("/account").path
    assert row(home, here) is None
    assert home.events() == []
    entered = home.password(guest, here)
    assert guest.get(entered.path).path == "/account"
