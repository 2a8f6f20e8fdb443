"""oidcc-rp-initiated-logout and oidcc-backchannel-rp-initiated-logout (facts/oidc.md §8.3, §8.4)."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import pytest

from eid.keys import JwkSet, SigningKey, encode_base64url, sign_jwt, verify_jwt

GOODBYE = "https://portal.example/goodbye"
BACKCHANNEL = "https://portal.example/backchannel"
ELSEWHERE = {"Origin": "https://portal.example", "Sec-Fetch-Site": "cross-site"}


@pytest.fixture
def signed_on(world, browser):
    """A browser that is logged in, and its ID token."""
    code = world.code(browser)
    token = world.redeem(code).json()["id_token"]
    assert world.authorize(browser, prompt="none").query["code"]
    return token


def leave(browser, **parameters):
    return browser.get(f"/logout?{urlencode(parameters)}")


def is_over(world, browser):
    return world.authorize(browser, prompt="none").query.get("error") == "login_required"


def test_discovery_endpoint_verification(world):
    metadata = world.browser().get("/.well-known/openid-configuration").json()
    assert metadata["end_session_endpoint"] == "https://id.example/logout"


def test_rp_initiated_logout(world, browser, signed_on):
    answer = leave(browser, id_token_hint=signed_on, post_logout_redirect_uri=GOODBYE, state="s t")
    assert (answer.status, answer.location) == (303, f"{GOODBYE}?state=s%20t")
    assert is_over(world, browser)
    assert "session.ended" in world.events()


@pytest.mark.parametrize("uri", ["https://evil.example/", GOODBYE + "?foo=bar", GOODBYE + "/"])
def test_bad_post_logout_redirect_uri_and_query_added(world, browser, signed_on, uri):
    answer = leave(browser, id_token_hint=signed_on, post_logout_redirect_uri=uri)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert "location" not in answer.headers


def test_modified_id_token_hint(browser, signed_on):
    payload = signed_on.split(".")[1]
    header = encode_base64url(b'{"alg":"none"}')
    forged = f"{header}.{payload}."
    answer = leave(browser, id_token_hint=forged, post_logout_redirect_uri=GOODBYE)
    assert (answer.status, answer.code) == (400, "invalid_request")


def test_bad_id_token_hint(world, browser, signed_on):
    forged = sign_jwt(world.claims(signed_on), SigningKey.generate("tokens"), typ="JWT")
    answer = leave(browser, id_token_hint=forged, post_logout_redirect_uri=GOODBYE)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert not is_over(world, browser)


def test_no_id_token_hint(browser, signed_on):
    answer = leave(browser, post_logout_redirect_uri=GOODBYE)
    assert answer.status == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize("parameters", [{}, {"state": "s"}, {"client_id": "portal"}])
def test_no_params_only_state(world, browser, signed_on, parameters):
    answer = leave(browser, **parameters)
    assert (answer.status, 'id="logout"' in answer.text) == (200, True)
    done = browser.post("/logout/confirm", {"csrf": answer.field("csrf")})
    assert 'id="logged-out"' in done.text
    assert is_over(world, browser)


def test_no_post_logout_redirect_uri(world, browser, signed_on):
    answer = leave(browser, id_token_hint=signed_on)
    assert (answer.status, 'id="logged-out"' in answer.text) == (200, True)
    assert is_over(world, browser)


def test_no_state(world, browser, signed_on):
    answer = leave(browser, id_token_hint=signed_on, post_logout_redirect_uri=GOODBYE)
    assert answer.location == GOODBYE
    assert is_over(world, browser)


def test_backchannel_logout_discovery_endpoint_verification(world):
    metadata = world.browser().get("/.well-known/openid-configuration").json()
    assert metadata["backchannel_logout_supported"] is True
    assert metadata["backchannel_logout_session_supported"] is True


def test_backchannel_rp_initiated_logout(world, browser, signed_on):
    sent = {}

    def notify(messages):
        sent.update(messages)
        return frozenset(messages)

    object.__setattr__(world.provider, "notify", notify)
    leave(browser, id_token_hint=signed_on, post_logout_redirect_uri=GOODBYE)
    told = verify_jwt(
        sent["portal"].token,
        JwkSet.of(*world.provider.keys.published),
        typ="logout+jwt",
        issuer="https://id.example",
        audience="portal",
        at=world.now,
    )
    assert sent["portal"].address == BACKCHANNEL
    known = world.claims(signed_on)
    assert (told["sub"], told["sid"]) == (known["sub"], known["sid"])
    assert told["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in told
    assert is_over(world, browser)
    assert "logout.told" in world.events()


# beyond the suite


def test_logging_out_twice_is_no_error(world, browser, signed_on):
    leave(browser, id_token_hint=signed_on)
    again = leave(browser, id_token_hint=signed_on, post_logout_redirect_uri=GOODBYE)
    assert again.location == GOODBYE


def test_a_form_on_the_services_own_page_ends_the_session_too(world, browser, signed_on):
    """A cross-site POST brings no Lax cookie; the same form on our own page does."""
    form = {"id_token_hint": signed_on, "post_logout_redirect_uri": GOODBYE, "state": "s t"}
    crossing = world.browser()  # the same browser, without its cookies
    answer = crossing.post("/logout", form, **ELSEWHERE)
    assert (answer.status, answer.cookies) == (200, ())
    assert signed_on not in str(answer.headers)  # a token never comes into an address
    assert not is_over(world, browser)
    assert {name: answer.field(name) for name in form} == form
    allowed = answer.headers["content-security-policy"].partition("form-action ")[2]
    assert urlsplit(GOODBYE).netloc in allowed
    sent = browser.post("/logout", form)
    assert sent.location == f"{GOODBYE}?state=s%20t"
    assert is_over(world, browser)


def test_our_own_form_without_a_session_is_not_sent_round(world, signed_on):
    answer = world.browser().post("/logout", {"id_token_hint": signed_on})
    assert (answer.status, 'id="logged-out"' in answer.text) == (200, True)


def test_a_post_with_its_cookie_needs_no_second_step(world, browser, signed_on):
    answer = browser.post("/logout", {"id_token_hint": signed_on})
    assert (answer.status, 'id="logged-out"' in answer.text) == (200, True)
    assert is_over(world, browser)


def test_o012_a_hostile_form_takes_nobodys_cookie_away(world, browser, signed_on):
    answer = world.browser().post("/logout", {"state": "s"}, **ELSEWHERE)
    assert answer.cookies == ()
    sent = browser.post("/logout", {"state": "s"})
    assert 'id="logout"' in sent.text
    assert not is_over(world, browser)


def test_a_hint_of_an_older_session_asks_first(world, browser, signed_on):
    other = world.browser()
    world.code(other)
    answer = leave(other, id_token_hint=signed_on, post_logout_redirect_uri=GOODBYE)
    assert 'id="logout"' in answer.text
    assert not is_over(world, other)


def test_a_hint_of_another_client_is_refused(browser, signed_on):
    answer = leave(browser, id_token_hint=signed_on, client_id="narrow")
    assert answer.status == 400


@pytest.mark.parametrize("headers", [{"Sec_Fetch_Site": "cross-site"}, {}])
def test_o012_a_hostile_page_cannot_log_anybody_out(world, browser, signed_on, headers):
    assert 'id="logout"' in leave(browser).text
    answer = browser.post("/logout/confirm", {"csrf": "x"}, **headers)
    assert answer.code == "interaction.cross_site"
    assert not is_over(world, browser)


def test_tokens_end_with_the_session_unless_offline(world, browser):
    kept, ended = (
        world.redeem(
            world.code(world_browser, client_id="keeper", scope=scope), auth="keeper"
        ).json()
        for world_browser, scope in (
            (browser, "openid offline_access"),
            (world.browser(), "openid"),
        )
    )
    hint = kept["id_token"]
    leave(browser, id_token_hint=hint)
    assert world.refresh(kept["refresh_token"]).status == 200
    assert world.refresh(ended["refresh_token"]).status == 200
    other = world.browser()
    body = world.redeem(world.code(other, client_id="keeper"), auth="keeper").json()
    leave(other, id_token_hint=body["id_token"])
    assert world.refresh(body["refresh_token"]).json()["error"] == "invalid_grant"
    assert world.userinfo(body["access_token"]).status == 401


def test_a_service_that_does_not_answer_is_recorded(world, browser, signed_on):
    leave(browser, id_token_hint=signed_on)
    assert "logout.not_told" in world.events()
