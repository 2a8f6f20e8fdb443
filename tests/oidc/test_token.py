"""The token endpoint: one code, one success, and everything that must fail (rows O-001 to O-041)."""

from __future__ import annotations

import threading
from base64 import b64encode
from dataclasses import replace
from urllib.parse import urlencode

import pytest

VERIFIER = "v" * 43
SECRET = "portal-secret-0123456789"
both_stores = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


@both_stores
def test_a_code_that_comes_back_kills_its_tokens(world):
    code = world.code()
    first = world.redeem(code)
    access = first.json()["access_token"]
    assert world.userinfo(access).status == 200
    world.wait(30)
    again = world.redeem(code)
    assert (again.status, again.json()["error"]) == (400, "invalid_grant")
    dead = world.userinfo(access)
    assert dead.status == 401
    assert 'error="invalid_token"' in dead.headers["www-authenticate"]
    assert "code.replayed" in world.events()


@both_stores
def test_of_fifty_at_once_one_succeeds_and_the_family_dies(world):
    code = world.code()
    answers = []
    gate = threading.Barrier(50)

    def redeem() -> None:
        gate.wait()
        answers.append(world.redeem(code))

    threads = [threading.Thread(target=redeem) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [answer for answer in answers if answer.status == 200]
    assert len(answers) == 50
    assert len(winners) == 1
    assert {answer.json()["error"] for answer in answers if answer.status != 200} == {
        "invalid_grant"
    }
    assert world.userinfo(winners[0].json()["access_token"]).status == 401


def test_a_replay_by_another_client_kills_them_too(world):
    code = world.code()
    access = world.redeem(code).json()["access_token"]
    assert world.redeem(code, auth="narrow").json()["error"] == "invalid_grant"
    assert world.userinfo(access).status == 401


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": None},
        {"code_verifier": "w" * 43},
        {"code_verifier": "v" * 42},
        {"code_verifier": "v" * 129},
        {"code_verifier": "v" * 42 + "="},
        {"redirect_uri": None},
        {"redirect_uri": "https://portal.example/other?tenant=1"},
        {"redirect_uri": "https://portal.example/Callback"},
        {"redirect_uri": "https://portal.example/callback/"},
        {"auth": "narrow"},
    ],
)
def test_a_code_with_the_wrong_proof_is_refused_and_used_up(world, changed):
    code = world.code()
    answer = world.redeem(code, **changed)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")
    assert world.redeem(code).json()["error"] == "invalid_grant"
    assert "code.misused" in world.events()


def test_no_downgrade_to_plain(world):
    code = world.code()
    assert world.redeem(code, code_verifier=world.challenge).json()["error"] == "invalid_grant"


def test_a_code_lives_a_minute(world):
    code = world.code()
    world.wait(61)
    assert world.redeem(code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("code", ["x", "A" * 43, "A" * 200, "../../x", "é" * 30])
def test_unknown_codes(world, code):
    assert world.redeem(code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "unauthorized_client"),
        ({"code": None}, "invalid_request"),
    ],
)
def test_other_grants(world, changed, error):
    code = world.code()
    answer = world.redeem(
        code if "code" not in changed else None,
        **{k: v for k, v in changed.items() if k != "code"},
    )
    assert (answer.status, answer.json()["error"]) == (400, error)


def _header(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ({}, {}),
        ({}, {"client_id": "portal"}),
        ({}, {"client_id": "nobody"}),
        ({}, {"client_id": "portal", "client_secret": SECRET}),
        ({}, {"client_id": "poster", "client_secret": "wrong-secret"}),
        ({}, {"client_id": "app", "client_secret": SECRET}),
        (_header("portal:wrong-secret"), {}),
        (_header("nobody:" + SECRET), {}),
        (_header("poster:" + SECRET), {}),
        (_header("app:"), {}),
        (_header("portal"), {}),
        (_header("portal:" + SECRET), {"client_secret": SECRET}),
        (_header("portal:" + SECRET), {"client_id": "narrow"}),
        (_header("portal:" + SECRET), {"client_assertion": "e30.e30.e30"}),
        ({"Authorization": "Basic !!!"}, {}),
        ({"Authorization": "Basic " + "A" * 2000}, {}),
        ({"Authorization": "Basic " + b64encode(b"\xff:\xff").decode()}, {}),
        ({"Authorization": "Bearer portal"}, {}),
    ],
)
def test_wrong_client_authentication(world, headers, form):
    code = world.code()
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "https://portal.example/callback",
        "code_verifier": VERIFIER,
    }
    answer = world.browser().send("POST", "/token", body=urlencode(fields | form), headers=headers)
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert SECRET not in answer.text
    assert world.redeem(code).status == 200, "a caller nobody knows uses nothing up"


def test_client_credentials_are_url_decoded(world):
    code = world.code()
    answer = world.redeem(code, client_id="portal")
    assert answer.status == 200


def test_repeated_or_query_parameters(world):
    code = world.code()
    body = urlencode({"grant_type": "authorization_code", "code": code}) + "&code=x"
    browser = world.browser()
    headers = _header("portal:" + SECRET)
    answer = browser.send("POST", "/token", body=body, headers=headers)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")
    answer = browser.send("POST", f"/token?client_secret={SECRET}", body=body, headers=headers)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")
    answer = browser.send(
        "POST", "/token", body="{}", headers={**headers, "Content-Type": "application/json"}
    )
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("state", ["locked", "closed"])
def test_an_account_that_was_locked_meanwhile(world, state):
    code = world.code()
    world.accounts.change(replace(world.people["thu"], state=state))
    assert world.redeem(code).json()["error"] == "invalid_grant"


def test_without_a_nonce_there_is_no_nonce(world):
    body = world.redeem(world.code(nonce=None)).json()
    claims = world.claims(body["id_token"])
    assert "nonce" not in claims
    assert None not in claims.values()


def test_claims_asked_for_by_name_come_where_they_were_asked_for(world):
    claims = '{"id_token": {"birthdate": null, "address": {}}, "userinfo": {"gender": null}}'
    body = world.redeem(world.code(scope="openid", claims=claims)).json()
    token = world.claims(body["id_token"])
    assert token["birthdate"] == world.people["thu"].profile.birth_date
    assert token["address"] == {"formatted": world.people["thu"].profile.address}
    assert world.userinfo(body["access_token"]).json().keys() == {"sub", "gender"}


def test_claims_outside_the_registration_are_left_out(world):
    claims = '{"userinfo": {"personal_number": {"essential": true}, "gender": null}}'
    code = world.code(client_id="narrow", scope="openid", claims=claims)
    access = world.redeem(code, auth="narrow").json()["access_token"]
    assert world.userinfo(access).json().keys() == {"sub", "gender"}


def test_the_id_token_holds_what_it_may_and_no_more(world):
    body = world.redeem(world.code(scope="openid profile address eid:number eid:card")).json()
    assert world.claims(body["id_token"]).keys() == {
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "acr",
        "amr",
        "at_hash",
        "sid",
        "eid_level",
        "eid_auth_level",
        "eid_source",
    }
    told = world.userinfo(body["access_token"]).json()
    assert told.keys() == {
        "sub",
        "name",
        "birthdate",
        "gender",
        "address",
        "personal_number",
        "card_issue_date",
        "card_expiry_date",
        "card_issuer",
    }


def test_a_service_of_another_entity_without_a_basis_calls_nothing(world):
    """Contracts §7: also what it was given while it was served is worth nothing."""

    def known_as(client_id):
        return {"Authorization": "Basic " + b64encode(f"{client_id}:{SECRET}".encode()).decode()}

    for path, form in (
        ("/token", {"grant_type": "refresh_token", "refresh_token": "r" * 43}),
        ("/par", world.parameters(client_id="foreign")),
        ("/introspect", {"token": "t" * 43}),
        ("/revoke", {"token": "t" * 43}),
    ):
        answer = world.call(path, form, **known_as("foreign"))
        assert (answer.status, answer.json()["error"]) == (401, "invalid_client"), path
    assert world.call("/revoke", {"token": "t" * 43}, **known_as("partner")).status == 200
