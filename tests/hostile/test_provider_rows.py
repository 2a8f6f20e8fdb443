"""Rows of the catalogue that no other test of the provider holds: what is sent, what is not offered,
restarts, and secrets at rest.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest
from falcon import testing

from eid.oidc.web import create_app

_PLACE = Path(__file__).parents[1] / "oidc" / "conftest.py"


def _load():
    spec = importlib.util.spec_from_file_location("eid_hostile_kit", _PLACE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["eid_hostile_kit"] = module
    spec.loader.exec_module(module)
    return module


kit = _load()
images, evidence_of, provider_keys = kit.images, kit.evidence_of, kit.provider_keys
trust, clients, store, world, browser = (
    kit.trust,
    kit.clients,
    kit.store,
    kit.world,
    kit.browser,
)
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("path", ["/register", "/register/portal", "/device", "/bc-authorize"])
def test_o_049_o_050_o_054_o_055_what_is_not_offered_is_not_there(world, path):
    """No dynamic registration, no device flow, no CIBA: neither a path nor a word in the metadata."""
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert world.browser().send(method, path).status in {404, 405}
    metadata = world.browser().get("/.well-known/openid-configuration").json()
    absent = {"registration_endpoint", "device_authorization_endpoint"}
    absent |= {"backchannel_authentication_endpoint", "tls_client_certificate_bound_access_tokens"}
    assert not absent & metadata.keys()
    assert metadata["grant_types_supported"] == ["authorization_code", "refresh_token"]


@pytest.mark.parametrize("name", ["X-SSL-Client-Cert", "X-Client-Cert", "X-Forwarded-Client-Cert"])
def test_o_038_an_injected_certificate_is_nobody(world, name):
    code = world.code(client_id="keyed")
    form = {"grant_type": "authorization_code", "code": code, "client_id": "keyed"}
    answer = world.call("/token", form, **{name: "-----BEGIN CERTIFICATE-----"})
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client")


def test_o_044_a_password_is_never_posted_on(world, browser):
    """303 after each form, so that no browser repeats the POST elsewhere."""
    here = world.begin(browser)
    assert world.password(browser, here).status == 303
    assert world.agree(browser, here).status == 303


NAMES = [
    "' OR 1=1 --",
    "portal'; DROP TABLE clients; --",
    "%",
    "_",
    "\\",
    'portal"',
    "PORTAL",
    "\uff50ortal",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_o_073_f_014_names_are_values_and_exact(world, name):
    """No SQL in them, no wildcard, no other spelling of a client's id or a person's name."""
    assert world.authorize(client_id=name).code == "invalid_client"
    browser = world.browser()
    here = world.begin(browser)
    answer = world.password(browser, here, who=name)
    assert answer.status == 403
    assert world.redeem(world.code()).status == 200


def test_o_071_floods_are_refused_by_their_size(world):
    """Ten thousand parameters, ten megabytes, deep JSON, a body that is compressed."""
    endless = "&".join(f"p{n}=1" for n in range(10_000))
    sent = [
        ("/token", endless, FORM, 413),
        ("/token", "a=" + "x" * 10_000_000, FORM, 413),
        ("/par", "&".join(f"p{n}=1" for n in range(100)), FORM, 400),
        ("/token", "grant_type=authorization_code", "application/json", 400),
    ]
    for path, body, kind, status in sent:
        answer = world.browser().send("POST", path, body=body, headers={"Content-Type": kind})
        assert answer.status == status, path
    deep = json.dumps({"userinfo": None}).replace("null", "[" * 2000 + "]" * 2000)
    asked = world.authorize(claims=deep)
    assert asked.query["error"] == "invalid_request"
    packed = gzip.compress(urlencode({"grant_type": "authorization_code"}).encode() * 1000)
    answer = world.client.simulate_post(
        "/token", body=packed, headers={"Content-Type": FORM, "Content-Encoding": "gzip"}
    )
    assert answer.status_code == 400


def test_o_072_odd_texts_are_read_in_one_pass(world):
    """What patterns with backtracking would choke on is refused by length or read at once."""
    for name in ("scope", "redirect_uri", "ui_locales", "acr_values", "prompt", "login_hint"):
        for text in ("a" * 2000 + "!", "a-" * 1000, "a " * 1000, "é" * 1000, "٣" * 1000):
            assert world.authorize(**{name: text}).status in {200, 303, 400, 401, 403}


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_o_070_a_restart_in_the_middle_of_a_login(world, browser):
    """The login goes on in a new process over the same store: nothing is kept in memory."""
    here = world.begin(browser)
    world.password(browser, here)
    pushed = world.push().json()["request_uri"]
    browser.client = testing.TestClient(create_app(world.provider))
    world.client = browser.client
    code = world.agree(browser, here).query["code"]
    assert world.redeem(code).status == 200
    assert world.fapi_redeem(world.code_of(pushed)).status == 200


def test_o_061_only_public_members_are_published(world):
    members = world.browser().get("/jwks").json()["keys"]
    private = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
    assert members
    assert not [name for key in members for name in private & key.keys()]


def test_o_051_one_person_two_sectors_two_names(world):
    subs = {
        name: world.claims(
            world.redeem(world.code(client_id=name), auth=name).json()["id_token"], name
        )["sub"]
        for name in ("portal", "narrow", "partner")
    }
    assert subs["portal"] == subs["narrow"]
    assert subs["portal"] != subs["partner"]
    assert all("account-thu" not in str(sub) and len(str(sub)) >= 22 for sub in subs.values())


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_o_041_o_078_no_token_lies_in_the_database(world, tmp_path):
    code = world.code(client_id="keeper", scope="openid profile")
    body = world.redeem(code, auth="keeper").json()
    files = [path.read_bytes() for path in tmp_path.glob("eid.db*")]
    assert files
    for secret in (code, body["access_token"], body["refresh_token"], kit.SECRET, kit.PASSWORD):
        assert not any(str(secret).encode() in content for content in files)
    for token in (code, body["access_token"], body["refresh_token"]):
        assert len(str(token)) >= 43
