"""Web pages: a public client's own may read its answers, nobody else's may (Fetch §3.2)."""

import pytest

PORTAL = "https://portal.example"
EVIL = "https://evil.example"
READABLE = "access-control-allow-origin"


def test_metadata_and_keys_are_for_every_page(world):
    for path in ("/.well-known/openid-configuration", "/jwks"):
        answer = world.browser().get(path, Origin=EVIL)
        assert answer.headers[READABLE] == "*"


@pytest.mark.parametrize("path", ["/token", "/userinfo", "/revoke", "/par"])
def test_a_preflight_names_the_headers_and_nothing_with_credentials(world, path):
    asked = {"Origin": EVIL, "Access-Control-Request-Method": "POST"}
    answer = world.browser().send("OPTIONS", path, headers=asked)
    assert (answer.status, answer.text) == (204, "")
    assert "DPoP" in answer.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/introspect", "/authorize", "/logout", "/card/evidence"])
def test_no_page_calls_the_others(world, path):
    answer = world.browser().send("OPTIONS", path, headers={"Origin": PORTAL})
    assert answer.status == 405
    assert READABLE not in answer.headers


def redeem(world, origin: str, client_id: str = "app", **changed: str):
    form = {
        "grant_type": "authorization_code",
        "code": changed.pop("code", "A" * 43),
        "redirect_uri": f"{PORTAL}/callback",
        "code_verifier": world.verifier,
        "client_id": client_id,
    }
    return world.call("/token", form | changed, Origin=origin)


def test_a_public_client_reads_its_tokens_and_its_refusals(world):
    done = redeem(world, PORTAL, code=world.code(client_id="app"))
    assert (done.status, done.headers[READABLE]) == (200, PORTAL)
    assert "Origin" in done.headers["vary"]
    access = str(done.json()["access_token"])
    told = world.browser().get("/userinfo", Origin=PORTAL, Authorization=f"Bearer {access}")
    assert (told.status, told.headers[READABLE]) == (200, PORTAL)
    refused = redeem(world, PORTAL)
    assert (refused.status, refused.headers[READABLE]) == (400, PORTAL)


def test_a_foreign_page_reads_nothing(world):
    done = redeem(world, EVIL, code=world.code(client_id="app"))
    assert READABLE not in done.headers
    access = str(done.json()["access_token"])
    told = world.browser().get("/userinfo", Origin=EVIL, Authorization=f"Bearer {access}")
    assert READABLE not in told.headers
    for broken in ({"client_id": "nobody"}, {"client_id": "portal"}):
        assert READABLE not in redeem(world, PORTAL, **broken).headers
    for path in ("/token", "/revoke", "/par"):
        assert READABLE not in world.call(path, {"client_id": "portal"}, Origin=PORTAL).headers
    assert READABLE not in world.browser().get("/userinfo", Origin="null").headers


def test_a_client_with_a_secret_is_no_page(world):
    access = str(world.redeem(world.code()).json()["access_token"])
    told = world.browser().get("/userinfo", Origin=PORTAL, Authorization=f"Bearer {access}")
    assert told.status == 200
    assert READABLE not in told.headers
