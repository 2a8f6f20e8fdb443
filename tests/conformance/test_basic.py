"""oidcc-config, oidcc-basic and oidcc-formpost-basic certification plans (facts/oidc.md §8.1, §8.2).

One test per module, named as the suite names it (its prefix ``oidcc-`` left out).
"""

from __future__ import annotations

import html
import json
import re
from urllib.parse import urlencode

import pytest

from eid.keys import JwkSet, verify_jwt

CALLBACK = "https://portal.example/callback"


@pytest.fixture(params=["query", "form_post"])
def mode(request):
    return request.param


def login(world, browser=None, *, mode="query", auth="portal", **changed):
    """A whole login; the values that come back to the service."""
    browser = browser or world.browser()
    answer = world.authorize(browser, client_id=auth, response_mode=mode, **changed)
    leads = answer.headers.get("location", "").startswith("https://id.example")
    if leads or 'id="login"' in answer.text:
        here = answer.begun
        if 'id="login"' in browser.get(here).text:
            world.password(browser, here)
        answer = world.agree(browser, here)
    return values(answer)


def values(answer):
    if answer.status == 303:
        return answer.query
    assert f'action="{CALLBACK}"' in answer.text
    pairs = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', answer.text)
    return {name: html.unescape(value) for name, value in pairs}


def tokens(world, came, auth="portal"):
    answer = world.redeem(came["code"], auth=auth)
    assert answer.status == 200, answer.text
    return answer.json()


def test_discovery_endpoint_verification(world):
    metadata = world.browser().get("/.well-known/openid-configuration").json()
    for name in ("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint"):
        assert metadata[name].startswith("https://")
    assert {"code"} <= set(metadata["response_types_supported"])
    assert {"RS256", "ES256"} <= set(metadata["id_token_signing_alg_values_supported"])
    assert metadata["subject_types_supported"] == ["pairwise"]
    assert JwkSet.from_jwks(world.browser().get("/jwks").json()).keys


def test_server(world, mode):
    came = login(world, mode=mode)
    assert came["state"] == "st4te"
    assert came["iss"] == "https://id.example"
    body = tokens(world, came)
    claims = world.claims(body["id_token"])
    told = world.userinfo(body["access_token"]).json()
    assert told["sub"] == claims["sub"]
    assert claims["nonce"] == "n0nce"


def test_response_type_missing(world, mode):
    assert values(world.authorize(response_type=None, response_mode=mode))["error"] in {
        "unsupported_response_type",
        "invalid_request",
    }


def test_idtoken_signature(world):
    body = tokens(world, login(world, auth="rsa"), auth="rsa")
    keys = JwkSet.from_jwks(world.browser().get("/jwks").json())
    claims = verify_jwt(
        body["id_token"],
        keys,
        typ="JWT",
        issuer="https://id.example",
        audience="rsa",
        at=world.now,
    )
    assert claims["sub"]


def test_idtoken_unsigned(world):
    metadata = world.browser().get("/.well-known/openid-configuration").json()
    assert "none" not in metadata["id_token_signing_alg_values_supported"]


def test_userinfo_get(world):
    assert world.userinfo(tokens(world, login(world))["access_token"]).status == 200


def test_userinfo_post_header(world):
    access = tokens(world, login(world))["access_token"]
    answer = world.call("/userinfo", {}, Authorization=f"Bearer {access}")
    assert answer.json()["sub"]


def test_userinfo_post_body(world):
    access = tokens(world, login(world))["access_token"]
    assert world.call("/userinfo", {"access_token": access}).status in {400, 401}


def test_ensure_request_without_nonce_succeeds_for_code_flow(world, mode):
    body = tokens(world, login(world, mode=mode, nonce=None))
    assert "nonce" not in world.claims(body["id_token"])


@pytest.mark.parametrize(
    ("scope", "claims"),
    [
        ("profile", {"name", "birthdate", "gender"}),
        ("address", {"address"}),
        ("profile address", {"name", "birthdate", "gender", "address"}),
        ("email", set()),
        ("phone", set()),
    ],
)
def test_scope(world, mode, scope, claims):
    body = tokens(world, login(world, mode=mode, scope=f"openid {scope}"))
    assert world.userinfo(body["access_token"]).json().keys() == claims | {"sub"}


def test_alternate_happy_flow(world):
    query = urlencode(dict(reversed(world.parameters(scope="address profile openid").items())))
    browser = world.browser()
    here = browser.get(f"/authorize?{query}").begun
    world.password(browser, here)
    assert tokens(world, world.agree(browser, here).query)["id_token"]


@pytest.mark.parametrize("display", ["page", "popup"])
def test_display(world, display):
    assert login(world, display=display)["code"]


def test_prompt_login(world, browser):
    first = world.claims(tokens(world, login(world, browser))["id_token"])
    world.wait(2)
    answer = world.authorize(browser, prompt="login")
    assert 'id="login"' in browser.get(answer.begun).text
    world.password(browser, answer.begun)
    again = tokens(world, world.agree(browser, answer.begun).query)
    assert world.claims(again["id_token"])["auth_time"] > first["auth_time"]


def test_prompt_none_not_logged_in(world, mode):
    answer = world.authorize(prompt="none", response_mode=mode)
    assert values(answer)["error"] == "login_required"


def test_prompt_none_logged_in(world, browser, mode):
    first = world.claims(tokens(world, login(world, browser))["id_token"])
    world.wait(5)
    came = values(world.authorize(browser, prompt="none", response_mode=mode))
    again = world.claims(tokens(world, came)["id_token"])
    assert (again["sub"], again["auth_time"]) == (first["sub"], first["auth_time"])


def test_max_age_1(world, browser):
    first = world.claims(tokens(world, login(world, browser))["id_token"])
    world.wait(2)
    answer = world.authorize(browser, max_age="1")
    assert 'id="login"' in browser.get(answer.begun).text
    world.password(browser, answer.begun)
    again = world.claims(tokens(world, world.agree(browser, answer.begun).query)["id_token"])
    assert again["auth_time"] > first["auth_time"]


def test_max_age_10000(world, browser):
    first = world.claims(tokens(world, login(world, browser))["id_token"])
    world.wait(2)
    again = world.claims(tokens(world, login(world, browser, max_age="10000"))["id_token"])
    assert (again["sub"], again["auth_time"]) == (first["sub"], first["auth_time"])


def test_ensure_request_with_unknown_parameter_succeeds(world):
    assert login(world, extra="foobar")["code"]


def test_id_token_hint(world, browser):
    token = tokens(world, login(world, browser))["id_token"]
    came = values(world.authorize(browser, prompt="none", id_token_hint=token))
    assert world.claims(tokens(world, came)["id_token"])["sub"] == world.claims(token)["sub"]


@pytest.mark.parametrize(
    "changed", [{"login_hint": "thu"}, {"ui_locales": "se"}, {"claims_locales": "se"}]
)
def test_login_hint_ui_locales_claims_locales(world, changed):
    assert login(world, **changed)["code"]


def test_ensure_request_with_acr_values_succeeds(world):
    body = tokens(world, login(world, acr_values="urn:eid:auth:1 urn:eid:auth:2"))
    assert world.claims(body["id_token"])["acr"] == "urn:eid:auth:1"


@pytest.mark.parametrize("after", [0, 30])
def test_codereuse(world, after):
    """oidcc-codereuse and oidcc-codereuse-30seconds."""
    came = login(world)
    body = tokens(world, came)
    world.wait(after)
    again = world.redeem(came["code"])
    assert (again.status, again.json()["error"]) == (400, "invalid_grant")
    assert world.userinfo(body["access_token"]).status == 401


def test_ensure_registered_redirect_uri(world):
    answer = world.authorize(redirect_uri="https://portal.example/callback/x")
    assert (answer.status, answer.code) == (400, "invalid_redirect_uri")
    assert "location" not in answer.headers


def test_ensure_post_request_succeeds(world, browser):
    answer = browser.send("POST", "/authorize", body=urlencode(world.parameters()))
    world.password(browser, answer.begun)
    assert world.agree(browser, answer.begun).query["code"]


def test_server_client_secret_post(world):
    came = login(world, auth="poster")
    form = {"client_id": "poster", "client_secret": "portal-secret-0123456789"}
    assert world.redeem(came["code"], auth=None, **form).status == 200


def test_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(world):
    answer = world.authorize(request_uri="https://portal.example/request.jwt")
    assert answer.query["error"] == "request_uri_not_supported"


def test_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(world):
    assert world.authorize(request="e30.e30.").query["error"] == "request_not_supported"
    assert world.authorize(client_id="keyed", request="e30.e30.").code == "invalid_request_object"


def test_claims_essential(world):
    wanted = json.dumps({"userinfo": {"name": {"essential": True}}})
    body = tokens(world, login(world, scope="openid", claims=wanted))
    assert world.userinfo(body["access_token"]).json()["name"]


def test_ensure_request_object_with_redirect_uri(world):
    signed = world.request_object("keyed", redirect_uri="https://portal.example/other?tenant=1")
    browser = world.browser()
    here = world.authorize(browser, client_id="keyed", request=signed).path
    world.password(browser, here)
    assert world.agree(browser, here).location.startswith("https://portal.example/other?tenant=1&")


def test_refresh_token(world):
    body = tokens(world, login(world, auth="keeper"), auth="keeper")
    assert world.refresh(body["refresh_token"], auth="portal").status == 400
    body = tokens(world, login(world, auth="keeper"), auth="keeper")
    again = world.refresh(body["refresh_token"]).json()
    assert world.userinfo(again["access_token"]).status == 200


def test_ensure_request_with_valid_pkce_succeeds(world):
    assert tokens(world, login(world))["id_token"]
