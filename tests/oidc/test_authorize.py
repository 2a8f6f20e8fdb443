"""Authorization requests: who may be answered where, and each check in turn."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

CALLBACK = "https://portal.example/callback"


def essential(*values: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "values": list(values)}}})


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "https://evil.example/callback",
        "https://portal.example/Callback",
        "https://portal.example/callback/",
        "https://portal.example/callback?x=1",
        "https://portal.example/callback#x",
        "https://portal.example:443/callback",
        "https://PORTAL.example/callback",
        "http://portal.example/callback",
        "https://portal.example@evil.example/callback",
        "https://portal.example.evil.example/callback",
        "https://portal.example/../callback",
        "https://portal.example/%63allback",
        "//portal.example/callback",
        "https://portal.example/other",
        "javascript:alert(1)",
    ],
)
def test_an_unregistered_redirect_uri_is_never_followed(world, uri):
    answer = world.authorize(redirect_uri=uri)
    assert answer.status == 400
    assert answer.code == "invalid_redirect_uri"
    assert "location" not in answer.headers
    assert uri is None or uri not in answer.text


@pytest.mark.parametrize("client", [None, "nobody", "PORTAL", "portal ", "foreign"])
def test_an_unknown_client_gets_a_page(world, client):
    answer = world.authorize(client_id=client, prompt="none")
    assert answer.status == 400
    assert answer.code in {"invalid_client", "unauthorized_client"}
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "OPENID"}, "invalid_scope"),
        ({"client_id": "narrow", "scope": "openid eid:number"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "x" * 42}, "invalid_request"),
        ({"code_challenge": "x" * 44}, "invalid_request"),
        ({"code_challenge": "+" * 43}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://portal.example/r"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "²"}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": '{"id_token": 1}'}, "invalid_request"),
        ({"claims": '{"id_token": {"acr": 1}}'}, "invalid_request"),
        ({"claims": '{"id_token": {"acr": {"essential": "yes"}}}'}, "invalid_request"),
        ({"claims": '{"id_token": {"acr": {"values": "x"}}}'}, "invalid_request"),
        ({"claims": '{"id_token": {"acr": {"values": [1]}}}'}, "invalid_request"),
        ({"claims": '{"id_token": {"sub": {"value": 1}}}'}, "invalid_request"),
        ({"claims": essential(*map(str, range(17)))}, "invalid_request"),
        ({"claims": '{"id_token": {"acr": null}, "id_token": {}}'}, "invalid_request"),
        ({"acr_values": " ".join(map(str, range(17)))}, "invalid_request"),
        ({"state": "s" * 1025}, "invalid_request"),
        ({"nonce": "n" * 1025}, "invalid_request"),
        ({"login_hint": "h" * 2049}, "invalid_request"),
        ({"claims": essential("urn:eid:level:3")}, "unmet_authentication_requirements"),
        ({"claims": essential("urn:eid:auth:3")}, "unmet_authentication_requirements"),
        ({"claims": essential("loa:high", "")}, "unmet_authentication_requirements"),
    ],
)
def test_a_refusal_goes_to_the_registered_address_with_iss(world, changed, error):
    answer = world.authorize(**changed)
    assert answer.status == 303
    assert answer.location.startswith(CALLBACK + "?")
    assert answer.query["error"] == error
    assert answer.query["iss"] == "https://id.example"
    if len(changed.get("state", "")) < 1025:
        assert answer.query["state"] == "st4te"
    else:
        assert "state" not in answer.query
    assert "code" not in answer.query
    assert "authorize.refused" in world.events()


@pytest.mark.parametrize(
    "changed",
    [
        {"state": None, "nonce": None},
        {"state": "s" * 384, "nonce": "n" * 384},
        {"scope": "profile openid unknown"},
        {"foo": "bar"},
        {"display": "popup", "ui_locales": "vi en", "claims_locales": "vi"},
        {"login_hint": "thu"},
        {"prompt": "login consent"},
        {"max_age": "0"},
        {"max_age": "10000"},
        {"response_mode": "query"},
        {"response_mode": "form_post"},
        {"acr_values": "urn:eid:level:9 nonsense"},
        {"claims": '{"userinfo": {"name": null, "unknown": {"essential": true}}}'},
        {"claims": '{"id_token": {"acr": {"essential": true}}}'},
        {"claims": '{"id_token": null}'},
        {"claims": essential("nonsense", "urn:eid:level:1")},
        {"redirect_uri": "https://portal.example/other?tenant=1"},
        {"client_id": "partner"},
    ],
)
def test_a_good_request_begins_a_login(world, changed):
    browser = world.browser()
    assert world.authorize(browser, **changed).begun
    (name,) = browser.cookies
    assert name.startswith("__Host-")


def test_the_query_of_a_registered_uri_is_kept(world, browser):
    here = world.begin(browser, redirect_uri="https://portal.example/other?tenant=1")
    world.password(browser, here)
    answer = world.agree(browser, here)
    assert answer.location.startswith("https://portal.example/other?tenant=1&code=")
    assert answer.query["tenant"] == "1"


def test_authorize_by_post(world, browser):
    body = urlencode(world.parameters())
    answer = browser.send(
        "POST", "/authorize", body=body, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.path.startswith("/interaction/")


@pytest.mark.parametrize("name", ["state", "scope", "nonce", "prompt", "code_challenge", "x"])
def test_a_repeated_parameter_is_refused(world, name):
    query = urlencode(world.parameters()) + f"&{name}=1&{name}=1"
    answer = world.browser().get(f"/authorize?{query}")
    assert answer.query["error"] == "invalid_request"
    assert ("state" in answer.query) is (name != "state")


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_repeated_client_or_address_gets_a_page(world, name):
    query = urlencode(world.parameters())
    answer = world.browser().get(f"/authorize?{query}&{urlencode({name: 'https://evil.example'})}")
    assert answer.status == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize("query", ["client_id=%ff", "a=%00b", "x=1&" * 65, "c" * 129 + "=1"])
def test_malformed_parameters_get_a_page(world, query):
    answer = world.browser().get(f"/authorize?{query}")
    assert (answer.status, answer.code) == (400, "request.parameters")


def test_an_endless_query_is_refused(world):
    answer = world.browser().get("/authorize?x=" + "y" * 20_000)
    assert (answer.status, answer.code) == (413, "request.size")


def test_a_post_that_is_no_form_is_refused(world):
    answer = world.browser().send(
        "POST", "/authorize", body="{}", headers={"Content-Type": "application/json"}
    )
    assert (answer.status, answer.code) == (400, "request.content_type")
    answer = world.browser().send("POST", "/authorize", body="ü=1")
    assert (answer.status, answer.code) == (400, "request.form")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    parameters=st.dictionaries(
        st.sampled_from(
            ["client_id", "redirect_uri", "scope", "claims", "state", "prompt", "acr_values"]
        ),
        st.text(max_size=40),
    )
)
def test_nothing_that_is_sent_breaks_the_endpoint_or_leaves_to_elsewhere(world, parameters):
    answer = world.browser().get(f"/authorize?{urlencode(world.parameters() | parameters)}")
    assert answer.status in {200, 303, 400}
    assert answer.status != 200 or answer.begun
    if answer.status == 303:
        assert answer.location.startswith((CALLBACK + "?", "https://id.example/interaction/"))
