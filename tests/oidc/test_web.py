"""The edge: methods, headers, sizes, hosts, health, and faults that must not talk."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
from falcon import testing

from eid.errors import Unavailable
from eid.keys import JwkSet
from eid.oidc.routes import routes
from eid.oidc.web import create_app


class Broken:
    """A store that is down, or one with a bug."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str):
        def fail(*args: object, **kwargs: object) -> None:
            raise self._error

        return fail


def with_ports(world, **ports):
    for name, port in ports.items():
        object.__setattr__(world.provider, name, port)


def test_discovery_says_exactly_what_is_on(world):
    answer = world.browser().get("/.well-known/openid-configuration")
    metadata = answer.json()
    assert metadata["issuer"] == "https://id.example"
    places = [name for name in metadata if name.endswith("_endpoint")]
    assert len(places) == 7
    for name in (*places, "jwks_uri"):
        path = metadata[name].removeprefix("https://id.example")
        assert path in {route.path for route in routes(world.provider)}
    assert metadata["response_types_supported"] == ["code"]
    assert metadata["response_modes_supported"] == ["query", "form_post"]
    assert metadata["grant_types_supported"] == ["authorization_code", "refresh_token"]
    assert metadata["subject_types_supported"] == ["pairwise"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["token_endpoint_auth_methods_supported"] == [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "none",
    ]
    for endpoint in ("token", "revocation", "introspection"):  # RFC 8414 §2, with private_key_jwt
        algorithms = metadata[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
        assert {"ES256", "PS256", "EdDSA"} <= set(algorithms)
        assert "none" not in algorithms
    assert metadata["trust_frameworks_supported"] == ["eid"]
    assert metadata["acr_values_supported"] == [
        "urn:eid:level:1",
        "urn:eid:level:2",
        "urn:eid:auth:1",
        "urn:eid:auth:2",
    ]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["request_parameter_supported"] is True
    assert metadata["request_uri_parameter_supported"] is False
    for absent in (
        "registration_endpoint",
        "backchannel_authentication_endpoint",
        "device_authorization_endpoint",
        "tls_client_certificate_bound_access_tokens",
        "id_token_encryption_alg_values_supported",
        "check_session_iframe",
    ):
        assert absent not in metadata


@pytest.mark.parametrize(
    ("methods", "best"),
    [(set(), 1), ({"pin"}, 1), ({"totp"}, 2), ({"card", "pin"}, 2)],
)
def test_levels_that_no_method_leads_to_are_neither_advertised_nor_tried(world, methods, best):
    settings = replace(world.provider.settings, methods=frozenset(methods))
    client = testing.TestClient(create_app(replace(world.provider, settings=settings)))
    metadata = client.simulate_get("/.well-known/openid-configuration").json
    assert ("urn:eid:auth:2" in metadata["acr_values_supported"]) == (best == 2)
    assert ("urn:eid:level:2" in metadata["acr_values_supported"]) == (best == 2)
    wanted = {"id_token": {"acr": {"essential": True, "value": "urn:eid:auth:2"}}}
    asked = world.parameters(claims=json.dumps(wanted))
    told = client.simulate_get("/authorize", params=asked, params_csv=False)
    refused = "unmet_authentication_requirements" in told.headers.get("location", "")
    assert (told.status_code, refused) == ((303, True) if best == 1 else (200, False))


def test_the_keys_are_public_and_by_purpose(world):
    keys = world.browser().get("/jwks").json()["keys"]
    assert [key["use"] for key in keys] == ["sig"] * 5 + ["enc"]
    assert [key["alg"] for key in keys[:4]] == ["ES256", "RS256", "PS256", "EdDSA"]
    assert not any({"d", "k", "p"} & key.keys() for key in keys)
    assert len({key["kid"] for key in keys}) == 6
    assert len(JwkSet.from_jwks({"keys": keys}).keys) == 5


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/style.css"])
def test_documents_are_cached_by_tag(world, path):
    browser = world.browser()
    first = browser.get(path)
    assert first.headers["cache-control"].startswith("public, max-age=")
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}'):
        again = browser.get(path, If_None_Match=known)
        assert (again.status, again.text) == (304, "")
    assert browser.get(path, If_None_Match='"x"').status == 200
    head = browser.send("HEAD", path)
    assert (head.status, head.text, head.headers["etag"]) == (200, "", tag)


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/authorize", "HEAD", "GET, POST"),
        ("/authorize", "PUT", "GET, POST"),
        ("/authorize", "OPTIONS", "GET, POST"),
        ("/token", "GET", "OPTIONS, POST"),
        ("/introspect", "OPTIONS", "POST"),
        ("/card/evidence", "GET", "POST"),
        ("/userinfo", "DELETE", "GET, OPTIONS, POST"),
        ("/jwks", "POST", "GET, HEAD"),
        ("/interaction/x", "POST", "GET"),
        ("/interaction/x/password", "GET", "POST"),
        ("/interaction/x/card", "POST", "GET"),
        ("/interaction/x/consent", "HEAD", "GET, POST"),
    ],
)
def test_other_methods(world, path, method, allowed):
    answer = world.browser().send(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/nothing", "/interaction", "/token/", "/..%2fetc/passwd"])
def test_unknown_paths(world, path):
    answer = world.browser().get(path)
    assert (answer.status, answer.code) == (404, "request.not_found")


def raw(world, environ: dict[str, str]) -> tuple[str, bytes]:
    """Past the test client, which refuses to send what hostile clients send."""
    seen: list[str] = []

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        seen.append(status)

    body = create_app(world.provider)(testing.create_environ() | environ, start)
    return seen[0], b"".join(body)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW"])
def test_methods_that_nobody_uses(world, method):
    status, _ = raw(world, {"PATH_INFO": "/token", "REQUEST_METHOD": method})
    assert status.startswith(("400", "405"))


@pytest.mark.parametrize("length", ["-1", "x", "1e3"])
def test_a_lying_length(world, length):
    environ = {"PATH_INFO": "/token", "REQUEST_METHOD": "POST", "CONTENT_LENGTH": length}
    status, body = raw(world, environ)
    assert status.startswith("400")
    assert b"request.malformed" in body


def pages(world, browser):
    here = world.begin(browser)
    yield browser.get(here)
    yield browser.get(f"{here}/card")
    yield browser.get(f"{here}/cancel")
    yield world.authorize(browser)
    yield browser.get("/nothing")
    yield browser.get("/interaction/x")
    world.password(browser, here)
    yield browser.get(f"{here}/consent")
    yield world.redeem("x")
    yield browser.get("/userinfo")


def test_every_answer_is_guarded(world, browser):
    for answer in pages(world, browser):
        headers = answer.headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["strict-transport-security"]
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert headers["referrer-policy"] in {"same-origin", "origin"}
        assert "<script" not in answer.text
        assert "style=" not in answer.text
        assert "location" not in headers or answer.status == 303


def test_forms_may_lead_to_issuer_agent_and_service_only(world, browser):
    here = world.begin(browser)
    for path in (here, f"{here}/card", f"{here}/cancel"):
        policy = browser.get(path).headers["content-security-policy"]
        assert policy.endswith(
            "form-action 'self' https://id.example http://127.0.0.1:8350 https://portal.example"
        )


def test_the_cookie_is_bound_to_the_host(world):
    answer = world.authorize()
    (line,) = answer.cookies
    assert line.startswith("__Host-eid-")
    assert "Secure" in line
    assert "HttpOnly" in line
    assert "SameSite=Lax" in line
    assert "Path=/;" in line
    assert "Domain" not in line


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example"},
        {"Forwarded": "host=evil.example;proto=http"},
        {"X-Forwarded-Proto": "http", "X-Forwarded-Prefix": "/evil"},
    ],
)
def test_a_forged_host_changes_nothing(world, headers):
    browser = world.browser()
    metadata = browser.get("/.well-known/openid-configuration", **headers)
    assert metadata.text == browser.get("/.well-known/openid-configuration").text
    query = "&".join(f"{k}={v}" for k, v in world.parameters(scope="openid").items())
    answer = browser.get(f"/authorize?{query}", **headers)
    page = browser.get(answer.begun, **headers)
    assert "evil" not in answer.text + page.text


@pytest.mark.parametrize("path", ["/token", "/authorize", "/card/evidence"])
def test_an_endless_body_is_refused(world, path):
    body = "x=" + "y" * 600_000
    answer = world.browser().send("POST", path, body=body)
    assert answer.status == 413


def test_a_body_without_a_length_is_no_body(world):
    answer = world.client.simulate_post(
        "/token",
        headers={
            "Transfer-Encoding": "chunked",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    assert answer.status_code == 401


def test_health(world):
    browser = world.browser()
    assert browser.get("/health/live").json() == {"status": "live"}
    assert browser.get("/health/ready").json() == {"status": "ready"}
    with_ports(world, is_ready=lambda: False)
    answer = browser.get("/health/ready")
    assert (answer.status, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"]
    assert browser.get("/health/live").status == 200


def test_a_store_that_is_down(world, browser):
    here = world.begin(browser)
    code = world.code()
    with_ports(world, grants=Broken(Unavailable("The database does not answer.")))
    for answer in (world.authorize(prompt="none"), browser.get(here), browser.get(f"{here}/card")):
        assert (answer.status, answer.code) == (503, "unavailable")
        assert answer.headers["retry-after"]
    answer = world.redeem(code)
    assert (answer.status, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"]
    assert "id_token" not in answer.text


def test_accounts_that_are_down_during_a_login(world, browser):
    here = world.begin(browser)
    csrf = browser.get(here).field("csrf")
    with_ports(world, accounts=Broken(Unavailable("The database does not answer.")))
    form = {"csrf": csrf, "username": "thu", "password": "a long enough password"}
    assert browser.post(f"{here}/password", form).code == "unavailable"


def test_a_fault_of_ours_says_and_logs_no_value(world, caplog):
    with_ports(world, grants=Broken(ValueError("personal: 001090999999")))
    with caplog.at_level(logging.DEBUG, logger="eid"):
        answer = world.authorize(prompt="none")
    assert answer.status == 500
    assert "001090999999" not in answer.text + caplog.text
    assert "ValueError" in caplog.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_secret_reaches_the_log(world, browser, caplog):
    with caplog.at_level(logging.DEBUG):
        here = world.begin(browser)
        world.password(browser, here, password="wrong password")
        asked = world.card_request(browser, here)
        handle = world.read(asked)
        browser.get(f"{here}/card/return?handle={handle}")
        browser.get(f"{here}/card/return?handle={handle}")
        code = world.agree(browser, here).query["code"]
        access = world.redeem(code).json()["access_token"]
        world.redeem(code)
        world.authorize(prompt="none")
        world.authorize(client_id="nobody\r\nforged line")
    for secret in (
        here.rpartition("/")[2],
        handle,
        code,
        str(access),
        str(asked["jti"]),
        "wrong password",
        "001090999999",
        "999999",
        "forged line",
    ):
        assert secret not in caplog.text


def test_an_error_page_has_code_and_reference(world, caplog):
    with caplog.at_level(logging.INFO, logger="eid"):
        answer = world.authorize(client_id="nobody")
    reference = answer.text.partition('id="correlation-id">')[2].partition("<")[0]
    assert len(reference) == 12
    assert reference in caplog.text


def test_a_loopback_issuer_has_plain_cookies(world):
    settings = replace(world.provider.settings, issuer="http://127.0.0.1:8080")
    provider = replace(world.provider, settings=settings)
    client = testing.TestClient(create_app(provider))
    answer = client.simulate_get("/authorize", params=world.parameters())
    (cookie,) = answer.cookies.values()
    assert cookie.name.startswith("eid-")
    assert not cookie.secure
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize(
    "hint", ["<script>alert(1)</script>", '"><img src=x>', "{{7*7}}", "javascript:alert(1)"]
)
def test_what_a_service_sends_is_escaped(world, browser, hint):
    here = world.begin(browser, login_hint=hint)
    page = browser.get(here)
    assert "<script" not in page.text
    assert "<img" not in page.text
    assert "49" not in page.field("username")
    assert page.field("username") == hint
