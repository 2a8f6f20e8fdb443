"""fapi2-security-profile-final, private_key_jwt and DPoP (facts/oidc.md §8.5).

One test per module, named as the suite names it (its prefix left out); then the modules for
signed requests.
"""

from __future__ import annotations

import json
import random
from urllib.parse import urlencode

import pytest

from eid.keys import SigningKey, encode_base64url

CALLBACK = "https://portal.example/callback"
ISSUER = "https://id.example"


def authorize(world, browser=None, **parameters):
    return (browser or world.browser()).get(f"/authorize?{urlencode(parameters)}")


def begin(world, browser, pushed):
    uri = pushed.json()["request_uri"]
    return authorize(world, browser, client_id="fapi", request_uri=uri).path


def whole(world, **changed):
    return world.fapi_redeem(world.fapi_code(**changed)).json()


def refused(answer, *errors, status=400):
    assert answer.status == status, answer.text
    assert answer.json()["error"] in errors, answer.text
    return True


def test_discovery_end_point_verification(world):
    metadata = world.browser().get("/.well-known/openid-configuration").json()
    assert metadata["pushed_authorization_request_endpoint"].startswith("https://")
    assert "private_key_jwt" in metadata["token_endpoint_auth_methods_supported"]
    assert {"ES256", "PS256"} <= set(metadata["dpop_signing_alg_values_supported"])
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True


@pytest.mark.parametrize("client", ["fapi", "fapi-other"])
def test_happy_flow(world, client):
    code = world.fapi_code(client)
    body = world.fapi_redeem(code, client_id=client).json()
    assert body["token_type"] == "DPoP"
    assert world.bound_userinfo(body["access_token"]).json()["sub"]


def test_user_rejects_authentication(world, browser):
    here = begin(world, browser, world.push())
    csrf = browser.get(f"{here}/cancel").field("csrf")
    answer = browser.post(f"{here}/cancel", {"csrf": csrf})
    assert answer.query["error"] == "access_denied"


@pytest.mark.parametrize("changed", [{"state": None}, {"nonce": None}])
def test_ensure_authorization_request_without_state_or_nonce_success(world, changed):
    form = world.parameters(client_id="fapi", **changed) | world.assertion("fapi")
    pushed = world.call("/par", form)
    browser = world.browser()
    here = begin(world, browser, pushed)
    world.password(browser, here)
    came = world.agree(browser, here).query
    assert ("state" in came) == ("state" not in changed)
    body = world.fapi_redeem(came["code"]).json()
    assert ("nonce" in world.claims(body["id_token"], "fapi")) == ("nonce" not in changed)


@pytest.mark.parametrize("size", [64, 384])
def test_ensure_authorization_request_with_long_nonce_and_state(world, browser, size):
    here = begin(world, browser, world.push(nonce="n" * size, state="s" * size))
    world.password(browser, here)
    came = world.agree(browser, here).query
    assert came["state"] == "s" * size
    body = world.fapi_redeem(came["code"]).json()
    assert world.claims(body["id_token"], "fapi")["nonce"] == "n" * size


def test_ensure_other_scope_order_succeeds(world):
    assert whole(world, scope="profile openid")["access_token"]


def test_claims_parameter_identity_claims(world):
    wanted = json.dumps({"userinfo": {"name": None}})
    body = whole(world, scope="openid", claims=wanted)
    assert world.bound_userinfo(body["access_token"]).json()["name"]


@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP", "dPoP"])
def test_access_token_type_header_case_sensitivity(world, scheme):
    access = whole(world)["access_token"]
    proof = world.proof("/userinfo", method="GET", access=access)
    answer = world.browser().get("/userinfo", Authorization=f"{scheme} {access}", DPoP=proof)
    assert answer.status == 200


def test_check_dpop_proof_nbf_exp(world):
    access, now = whole(world)["access_token"], int(world.now.timestamp())
    assert world.bound_userinfo(access, nbf=now, exp=now + 60).status == 200
    assert world.bound_userinfo(access, nbf=now - 600, exp=now - 300).status == 401


@pytest.mark.parametrize("skew", [-10, 10])
def test_ensure_dpopproof_with_iat_10seconds_succeeds(world, skew):
    iat = int(world.now.timestamp()) + skew
    pushed = world.push(dpop=world.proof("/par", iat=iat))
    code = world.code_of(pushed.json()["request_uri"])
    body = world.fapi_redeem(code, proof=world.proof(iat=iat)).json()
    assert world.bound_userinfo(body["access_token"], iat=iat).status == 200


def test_ensure_mismatched_dpop_jkt_fails(world):
    jkt = SigningKey.generate("client").kid
    refused(world.push(dpop=world.proof("/par"), dpop_jkt=jkt), "invalid_dpop_proof")


def test_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(world):
    pushed = world.push(dpop=world.proof("/par"))
    code = world.code_of(pushed.json()["request_uri"])
    other = world.proof(key=SigningKey.generate("client"))
    refused(world.fapi_redeem(code, proof=other), "invalid_grant")


def test_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(world):
    code = world.fapi_code(dpop_jkt=SigningKey.generate("client").kid)
    refused(world.fapi_redeem(code), "invalid_grant")


def test_ensure_dpopproof_at_par_endpoint_binding_success(world):
    pushed = world.push(dpop=world.proof("/par"))
    assert world.fapi_redeem(world.code_of(pushed.json()["request_uri"])).status == 200


def test_ensure_dpop_auth_code_binding_success(world):
    key = SigningKey.generate("client")
    code = world.fapi_code(dpop_jkt=key.kid)
    assert world.fapi_redeem(code, proof=world.proof(key=key)).status == 200


@pytest.mark.parametrize("name", ["state", "nonce"])
def test_ensure_different_nonce_and_state_inside_and_outside_request_object(world, browser, name):
    uri = world.push().json()["request_uri"]
    answer = authorize(world, browser, client_id="fapi", request_uri=uri, **{name: "outside"})
    world.password(browser, answer.path)
    came = world.agree(browser, answer.path).query
    assert came["state"] == "st4te"
    assert (
        world.claims(world.fapi_redeem(came["code"]).json()["id_token"], "fapi")["nonce"]
        == "n0nce"
    )


def test_state_only_outside_request_object_not_used(world, browser):
    form = world.parameters(client_id="fapi", state=None) | world.assertion("fapi")
    uri = world.call("/par", form).json()["request_uri"]
    answer = authorize(world, browser, client_id="fapi", request_uri=uri, state="outside")
    world.password(browser, answer.path)
    assert "state" not in world.agree(browser, answer.path).query


def test_ensure_request_object_without_redirect_uri_fails(world):
    form = world.parameters(client_id="fapi", redirect_uri=None) | world.assertion("fapi")
    refused(world.call("/par", form), "invalid_request", "invalid_redirect_uri")


def test_ensure_registered_redirect_uri(world):
    refused(
        world.push(redirect_uri="https://portal.example/evil"),
        "invalid_request",
        "invalid_redirect_uri",
    )


def test_ensure_unsigned_authorization_request_without_using_par_fails(world):
    assert world.authorize(client_id="fapi").query["error"] == "invalid_request"


@pytest.mark.parametrize("response_type", ["code id_token", "token"])
def test_ensure_response_type_fails(world, response_type):
    refused(world.push(response_type=response_type), "unsupported_response_type")


def test_ensure_client_id_in_token_endpoint(world):
    form = {"client_id": "fapi-other", **world.assertion("fapi"), "grant_type": "x"}
    refused(world.call("/token", form, DPoP=world.proof()), "invalid_client", status=401)


def test_ensure_holder_of_key_required(world):
    refused(world.fapi_redeem(world.fapi_code(), proof=None), "invalid_dpop_proof")


def test_ensure_authorization_code_is_bound_to_client(world):
    refused(world.fapi_redeem(world.fapi_code(), client_id="fapi-other"), "invalid_grant")


def test_attempt_reuse_authorization_code_after_one_second(world):
    code = world.fapi_code()
    body = world.fapi_redeem(code).json()
    world.wait(1)
    refused(world.fapi_redeem(code), "invalid_grant")
    assert world.bound_userinfo(body["access_token"]).status == 401


def test_ensure_token_endpoint_fails_with_expired_auth_code(world):
    code = world.fapi_code()
    world.wait(61)
    refused(world.fapi_redeem(code), "invalid_grant")


def test_ensure_signed_client_assertion_with_rs256_fails(world):
    key = SigningKey.generate("client", "RS256")
    form = {**world.parameters(client_id="fapi"), **world.assertion("fapi", key=key)}
    refused(world.call("/par", form), "invalid_client", status=401)


def test_ensure_client_assertion_in_token_endpoint(world):
    form = {"grant_type": "authorization_code", "client_id": "fapi", "code": world.fapi_code()}
    refused(world.call("/token", form, DPoP=world.proof()), "invalid_client", status=401)


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": -300},
        {"aud": "https://other.example"},
        {"sub": None},
        {"iss": "fapi-other"},
        {"jti": None},
        {"exp": 100_000},
        {"exp": None},
        {"exp": "soon"},
    ],
)
def test_ensure_client_assertion_is_judged(world, changed):
    """-with-exp-is-5-minutes-in-past-, -with-wrong-aud-, -with-no-sub-fails, and more."""
    if isinstance(changed.get("exp"), int):
        changed = {"exp": int(world.now.timestamp()) + changed["exp"]}
    form = {**world.parameters(client_id="fapi"), **world.assertion("fapi", **changed)}
    refused(world.call("/par", form), "invalid_client", status=401)


def test_o034_an_assertion_counts_once(world):
    form = {**world.parameters(client_id="fapi"), **world.assertion("fapi")}
    assert world.call("/par", form).status == 201
    refused(world.call("/par", form), "invalid_client", status=401)


BAD_PROOFS = {
    "typ": {"header": {"typ": "JWT"}},
    "alg none": {"header": {"alg": "none"}},
    "alg HS256": {"header": {"alg": "HS256"}},
    "no key": {"header": {"jwk": None}},
    "private key": {
        "header": {"jwk": {"kty": "EC", "crv": "P-256", "x": "A", "y": "A", "d": "A"}}
    },
    "crit": {"header": {"crit": ["x"]}},
    "method": {"htm": "GET"},
    "address": {"htu": "https://id.example/par"},
    "other host": {"htu": "https://evil.example/token"},
    "no htu": {"htu": None},
    "no htm": {"htm": None},
    "no jti": {"jti": None},
    "empty jti": {"jti": ""},
    "long jti": {"jti": "x" * 300},
    "no iat": {"iat": None},
    "iat text": {"iat": "now"},
}


@pytest.mark.parametrize("name", BAD_PROOFS)
def test_dpop_negative_tests(world, name):
    code = world.fapi_code()
    refused(world.fapi_redeem(code, proof=world.proof(**BAD_PROOFS[name])), "invalid_dpop_proof")
    assert world.fapi_redeem(code).status == 200


@pytest.mark.parametrize("proof", ["x", "a.b.c", "a" * 5000, "..", "a.b, c.d"])
def test_dpop_negative_tests_of_form(world, proof):
    refused(world.fapi_redeem(world.fapi_code(), proof=proof), "invalid_dpop_proof")


def test_dpop_proof_signed_by_another_key(world):
    proof = world.proof()
    other = world.proof(key=SigningKey.generate("client"))
    mixed = ".".join([*proof.split(".")[:2], other.split(".")[2]])
    refused(world.fapi_redeem(world.fapi_code(), proof=mixed), "invalid_dpop_proof")


def test_o037_a_proof_counts_once(world):
    proof = world.proof()
    assert world.fapi_redeem(world.fapi_code(), proof=proof).status == 200
    refused(world.fapi_redeem(world.fapi_code(), proof=proof), "invalid_dpop_proof")


def test_o037_nonces_let_wrong_clocks_in(world):
    code, late = world.fapi_code(), int(world.now.timestamp()) - 3600
    answer = world.fapi_redeem(code, proof=world.proof(iat=late))
    refused(answer, "use_dpop_nonce")
    nonce = answer.headers["dpop-nonce"]
    assert world.fapi_redeem(code, proof=world.proof(iat=late, nonce=nonce)).status == 200
    world.wait(400)
    access = whole(world)["access_token"]
    answer = world.bound_userinfo(access, nonce=nonce)
    assert answer.status == 401
    assert 'DPoP realm="userinfo", error="use_dpop_nonce"' in answer.headers["www-authenticate"]
    assert world.bound_userinfo(access, nonce=answer.headers["dpop-nonce"]).status == 200


@pytest.mark.parametrize("nonce", ["x", "é", "", "A" * 28])
def test_o037_forged_nonces(world, nonce):
    answer = world.fapi_redeem(world.fapi_code(), proof=world.proof(nonce=nonce))
    refused(answer, "use_dpop_nonce")


def test_o037_a_token_needs_its_own_proof(world):
    access, other = whole(world)["access_token"], whole(world)["access_token"]
    assert world.userinfo(access).status == 401
    stolen = world.proof("/userinfo", method="GET", access=other)
    assert world.bound_userinfo(access, proof=stolen).status == 401
    thief = world.proof(
        "/userinfo", method="GET", access=access, key=SigningKey.generate("client")
    )
    assert world.bound_userinfo(access, proof=thief).status == 401
    answer = world.browser().get("/userinfo", Authorization=f"DPoP {access}")
    assert 'DPoP realm="userinfo", error="invalid_token"' in answer.headers["www-authenticate"]


def test_refresh_token(world):
    body = whole(world)
    form = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}

    def again(client="fapi", proof=None):
        given = form | world.assertion(client)
        return world.call("/token", given, DPoP=proof or world.proof())

    first = again()
    assert first.json()["refresh_token"] == body["refresh_token"]
    assert world.bound_userinfo(first.json()["access_token"]).status == 200
    refused(again(proof=world.proof(key=SigningKey.generate("client"))), "invalid_grant")
    assert again().status == 200
    refused(again("fapi-other"), "unauthorized_client")
    refused(again("keyed"), "invalid_grant")
    refused(again(), "invalid_grant")


def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(world, browser):
    pushed = world.push()
    begin(world, browser, pushed)
    here = begin(world, browser, pushed)
    world.password(browser, here)
    assert world.agree(browser, here).query["code"]


def test_par_attempt_reuse_request_uri(world, browser):
    pushed = world.push()
    first, second = (begin(world, browser, pushed) for _ in range(2))
    world.password(browser, first)
    assert world.agree(browser, first).query["code"]
    uri = pushed.json()["request_uri"]
    again = authorize(world, client_id="fapi", request_uri=uri)
    assert (again.status, again.code) == (400, "invalid_request_uri")
    world.password(browser, second)
    assert world.agree(browser, second).code == "interaction.over"


def test_par_attempt_to_use_expired_request_uri(world):
    uri = world.push().json()["request_uri"]
    world.wait(91)
    assert authorize(world, client_id="fapi", request_uri=uri).code == "invalid_request_uri"


@pytest.mark.parametrize(("ahead", "status"), [(8, 201), (61, 401)])
def test_par_ensure_jwt_client_assertions_nbf_in_the_future(world, ahead, status):
    nbf = int(world.now.timestamp()) + ahead
    form = {**world.parameters(client_id="fapi"), **world.assertion("fapi", nbf=nbf)}
    assert world.call("/par", form).status == status


def test_par_attempt_to_use_request_uri_for_different_client(world):
    uri = world.push().json()["request_uri"]
    answer = authorize(world, client_id="fapi-other", request_uri=uri)
    assert (answer.status, answer.code) == (400, "invalid_request_uri")


def test_par_authorization_request_containing_request_uri_form_param(world):
    uri = world.push().json()["request_uri"]
    refused(world.push(request_uri=uri), "invalid_request")


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_par_attempt_invalid_http_method(world, method):
    assert world.browser().send(method, "/par").status == 405


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
    ],
)
def test_par_ensure_pkce_required_and_plain_pkce_rejected(world, changed):
    form = world.parameters(client_id="fapi", **changed) | world.assertion("fapi")
    refused(world.call("/par", form), "invalid_request")


@pytest.mark.parametrize("verifier", [None, "w" * 43])
def test_ensure_pkce_code_verifier_required_and_incorrect_rejected(world, verifier):
    refused(world.fapi_redeem(world.fapi_code(), code_verifier=verifier), "invalid_grant")


def test_par_without_duplicate_parameters(world, browser):
    assert begin(world, browser, world.push()).startswith("/interaction/")


@pytest.mark.parametrize("aud", [[ISSUER], f"{ISSUER}/par", f"{ISSUER}/token", [], None, 7])
def test_par_test_audience_fails(world, aud):
    """-array-as-audience-, -par-endpoint-url-as-, -token-endpoint-url-as-audience-fails."""
    form = {**world.parameters(client_id="fapi"), **world.assertion("fapi", aud=aud)}
    refused(world.call("/par", form), "invalid_client", status=401)


@pytest.mark.parametrize("aud", [ISSUER, f"{ISSUER}/token", [f"{ISSUER}/token", "x"]])
def test_the_basic_profile_takes_the_usual_audiences(world, aud):
    form = {**world.parameters(client_id="keyed"), **world.assertion("keyed", aud=aud)}
    assert world.call("/par", form).status == 201


def test_test_essential_acr(world, browser):
    wanted = json.dumps({"id_token": {"acr": {"essential": True, "values": ["urn:eid:level:2"]}}})
    here = begin(world, browser, world.push(claims=wanted))
    world.password(browser, here)
    assert world.card(browser, here).path == f"{here}/consent"
    body = world.fapi_redeem(world.agree(browser, here).query["code"]).json()
    assert world.claims(body["id_token"], "fapi")["acr"] == "urn:eid:level:2"


# signed requests (fapi2-message-signing-final)


def signed(world, client="fapi", /, **changed):
    token = world.request_object(client, **changed)
    return world.call("/par", {"client_id": client, "request": token, **world.assertion(client)})


def test_ensure_request_object_with_multiple_aud_succeeds(world):
    assert signed(world, aud=["https://other.example", ISSUER]).status == 201


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": None},
        {"nbf": None},
        {"exp": -60},
        {"exp": 3700},
        {"nbf": -3700},
        {"nbf": 61},
        {"aud": "https://other.example"},
        {"aud": None},
        {"iss": "keyed"},
        {"iss": None},
        {"client_id": "keyed"},
        {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
        {"request": "x.y.z"},
        {"exp": "soon"},
    ],
)
def test_ensure_request_object_is_judged(world, changed):
    now = int(world.now.timestamp())
    times = {k: now + v for k, v in changed.items() if isinstance(v, int)}
    if times.get("nbf", now) < now - 3600:
        times["exp"] = now + 60
    refused(signed(world, **changed | times), "invalid_request_object")


def test_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted(world):
    assert signed(world, nbf=int(world.now.timestamp()) + 8).status == 201


@pytest.mark.parametrize(
    "key", [SigningKey.generate("client", "RS256"), SigningKey.generate("client")]
)
def test_ensure_request_object_with_wrong_key_or_rs256_fails(world, key):
    refused(signed(world, key=key), "invalid_request_object")


def test_ensure_request_object_signature_algorithm_is_not_none(world):
    body = world.request_object("fapi").split(".")[1]
    token = f"{encode_base64url(b'{}')}.{body}."
    form = {"client_id": "fapi", "request": token, **world.assertion("fapi")}
    refused(world.call("/par", form), "invalid_request_object")


def test_ensure_unsigned_request_at_par_endpoint_fails(world):
    refused(world.push("signer"), "invalid_request")
    assert signed(world, "signer").status == 201


def test_the_signed_values_win(world, browser):
    uri = signed(world, state="inside").json()["request_uri"]
    answer = authorize(world, browser, client_id="fapi", request_uri=uri, state="outside")
    world.password(browser, answer.path)
    assert world.agree(browser, answer.path).query["state"] == "inside"


def test_an_object_with_long_and_odd_values(world):
    refused(signed(world, state="s" * 3000), "invalid_request")
    claims = {"userinfo": {"name": None}}
    assert signed(world, claims=claims, max_age=60).status == 201


def test_par_request_uris_are_not_guessable(world):
    uris = {world.push().json()["request_uri"] for _ in range(8)}
    assert len(uris) == 8
    assert all(len(uri.rsplit(":", 1)[1]) == 43 for uri in uris)
    guess = "urn:ietf:params:oauth:request_uri:" + "".join(random.choices("ab", k=43))
    assert authorize(world, client_id="fapi", request_uri=guess).code == "invalid_request_uri"


@pytest.mark.parametrize("alg", ["RS256"])
def test_o037_proofs_with_other_algorithms_than_the_profiles_are_refused(world, alg):
    """FAPI 2.0 §5.4.1; the basic profile takes them."""
    weak = SigningKey.generate("client", alg)
    refused(world.push(dpop=world.proof("/par", key=weak)), "invalid_dpop_proof")
    code = world.fapi_code()
    refused(world.fapi_redeem(code, proof=world.proof(key=weak)), "invalid_dpop_proof")
    code = world.code(client_id="keyed")
    usual = world.fapi_redeem(code, client_id="keyed", proof=world.proof(key=weak))
    assert usual.json()["token_type"] == "DPoP"


def test_o037_a_proof_is_looked_at_only_with_a_live_token(world):
    """Nobody without a token fills the store with the marks of proofs."""
    proof = world.proof("/userinfo", method="GET", access="A" * 43)
    for _ in range(2):
        answer = world.browser().get("/userinfo", Authorization="DPoP " + "A" * 43, DPoP=proof)
        assert (answer.status, answer.json()["error"]) == (401, "invalid_token")


@pytest.mark.parametrize("name", ["state", "nonce", "login_hint", "x\n"])
def test_o014_a_signed_object_holds_nothing_that_a_query_could_not(world, name):
    signed = world.request_object("signer", **{name: "a\r\nb\x1b[31m"})
    form = {"request": signed, **world.assertion("signer")}
    refused(world.call("/par", form), "invalid_request_object")


def test_o014_a_request_and_a_request_uri_exclude_each_other(world):
    """RFC 9101 §5: neither is quietly left out."""
    signed = world.request_object("signer")
    answer = authorize(
        world, client_id="signer", request=signed, request_uri="https://portal.example/request"
    )
    assert (answer.status, answer.code) == (400, "invalid_request")
