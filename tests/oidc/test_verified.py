"""verified_claims, and signatures as each client is registered for."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from eid.keys import JwkSet, verify_jws, verify_jwt
from eid.oidc.verified import verified_claims


def wish(framework=None, place="userinfo", **claims):
    inside = {"verification": {"trust_framework": framework}, "claims": claims or {"name": None}}
    return json.dumps({place: {"verified_claims": inside}})


def told(world, **changed):
    body = world.redeem(world.code(client_id="edwards", **changed), auth="edwards").json()
    return world.userinfo(body["access_token"]).json(), world.claims(body["id_token"], "edwards")


def test_chip_evidence(world):
    userinfo, claims = told(world, claims=wish(birthdate=None), scope="openid")
    assert "verified_claims" not in claims
    assert "birthdate" not in userinfo
    verified = userinfo["verified_claims"]
    assert verified["claims"].keys() == {"birthdate"}
    verification = verified["verification"]
    assert verification["trust_framework"] == "eid"
    assert verification["assurance_level"] == "eid_level_2"
    (evidence,) = verification["evidence"]
    assert evidence["type"] == "document"
    assert evidence["document_details"]["issuer"] == {"country": "VNM"}
    assert evidence["check_details"] == [{"check_method": "vcrypt"}, {"check_method": "pvp"}]
    assert "number" not in json.dumps(evidence)


def test_the_dates_of_the_card_are_told_where_they_were_asked_for(world):
    userinfo, _ = told(world, claims=wish(name=None), scope="openid")
    (evidence,) = userinfo["verified_claims"]["verification"]["evidence"]
    assert evidence["document_details"].keys() == {"type", "issuer"}
    asked = wish(card_issue_date=None, card_expiry_date=None)
    userinfo, _ = told(world, claims=asked, scope="openid")
    (evidence,) = userinfo["verified_claims"]["verification"]["evidence"]
    dates = userinfo["verified_claims"]["claims"]
    assert evidence["document_details"]["date_of_issuance"] == dates["card_issue_date"]
    assert evidence["document_details"]["date_of_expiry"] == dates["card_expiry_date"]


def test_in_the_id_token(world):
    userinfo, claims = told(world, claims=wish(place="id_token"), scope="openid")
    assert claims["verified_claims"]["claims"]["name"]
    assert "verified_claims" not in userinfo


@pytest.mark.parametrize(
    ("framework", "there"),
    [
        ({"value": "eid"}, True),
        ({"values": ["x", "eid"]}, True),
        ({"value": "vn_nd69_2024"}, False),
    ],
)
def test_only_the_framework_that_was_asked_for(world, framework, there):
    assert ("verified_claims" in told(world, claims=wish(framework))[0]) is there


def test_only_registered_clients_get_them(world):
    body = world.redeem(world.code(claims=wish())).json()
    assert "verified_claims" not in world.userinfo(body["access_token"]).json()


def test_the_person_sees_what_is_verified_too(world, browser):
    here = world.begin(browser, client_id="edwards", scope="openid", claims=wish())
    world.password(browser, here)
    assert 'data-claim="name"' in browser.get(f"{here}/consent").text


@pytest.mark.parametrize(
    "inside",
    [
        1,
        {},
        {"verification": {}, "claims": {}},
        {"verification": 1, "claims": {"name": None}},
        {"verification": {"trust_framework": "eid"}, "claims": {"name": None}},
        {"verification": {"trust_framework": {"values": ["x"] * 9}}, "claims": {"name": None}},
    ],
)
def test_malformed_requests(world, inside):
    claims = json.dumps({"userinfo": {"verified_claims": inside}})
    assert world.authorize(client_id="edwards", claims=claims).query["error"] == "invalid_request"


def test_provenance(world):
    account = world.people["thu"]
    claims = {"name": "x"}
    state = verified_claims(
        replace(account, source="vneid"), claims, framework="own", prefix="urn:eid"
    )
    assert state["verification"]["trust_framework"] == "vn_nd69_2024"
    manual = replace(account, source="manual", holder_match="none", profile=None)
    plain = verified_claims(manual, claims, framework="own", prefix="urn:eid")
    assert "check_details" not in plain["verification"]["evidence"][0]
    timed = verified_claims(
        replace(account, proofed_at=world.now), claims, framework="own", prefix="urn:eid"
    )
    assert timed["verification"]["time"] == "2026-11-20T09:30:00Z"
    assert (
        verified_claims(replace(account, level=0), claims, framework="own", prefix="urn:eid")
        is None
    )
    assert verified_claims(account, {}, framework="own", prefix="urn:eid") is None


@pytest.mark.parametrize(
    ("source", "method"),
    [("chip_local", "vcrypt"), ("chip_remote_verifier", "urn:eid:check:remote"), ("manual", None)],
)
def test_whose_word_the_chip_rests_on(world, source, method):
    """A chip judged here up to our anchor is told apart from one that somebody else vouched for."""
    world.accounts.change(replace(world.people["thu"], source=source))
    verified = told(world, claims=wish(), scope="openid")[0]["verified_claims"]
    [evidence] = verified["verification"]["evidence"]
    methods = [check["check_method"] for check in evidence["check_details"]]
    assert methods == [one for one in (method, "pvp") if one]
    offered = world.browser().get("/.well-known/openid-configuration").json()
    assert set(methods) <= set(offered["documents_check_methods_supported"])


@pytest.mark.parametrize(("client", "alg"), [("rsa", "RS256"), ("edwards", "EdDSA")])
def test_the_clients_own_algorithm(world, client, alg):
    body = world.redeem(world.code(client_id=client), auth=client).json()
    key = world.provider.keys.token_key(alg)
    keys = JwkSet.of(key)
    claims = verify_jwt(
        body["id_token"],
        keys,
        typ="JWT",
        issuer="https://id.example",
        audience=client,
        at=world.now,
    )
    assert claims["at_hash"]


def test_signed_userinfo(world):
    body = world.redeem(world.code(client_id="rsa"), auth="rsa").json()
    answer = world.userinfo(body["access_token"])
    assert answer.headers["content-type"] == "application/jwt"
    told = verify_jws(answer.text, JwkSet.of(world.provider.keys.token_key("PS256")), typ="JWT")
    assert (told["iss"], told["aud"]) == ("https://id.example", "rsa")
    assert told["sub"] == world.claims(body["id_token"], "rsa")["sub"]


def test_pkce_may_be_left_out_with_a_nonce(world):
    none = {"code_challenge": None, "code_challenge_method": None}
    assert world.authorize(client_id="portal", **none).query["error"] == "invalid_request"
    assert (
        world.authorize(client_id="loose", **none, nonce=None).query["error"] == "invalid_request"
    )
    code = world.code(client_id="loose", **none)
    assert world.redeem(code, auth="loose").json()["error"] == "invalid_grant"
    code = world.code(client_id="loose", **none)
    assert world.redeem(code, auth="loose", code_verifier=None).status == 200
