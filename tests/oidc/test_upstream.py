"""The relying party against a provider that can lie about everything."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from eid.errors import EidError, OAuthError, RequestRefused, SignatureInvalid, Unavailable
from eid.keys import SigningKey, sign_jwt
from eid.oidc.upstream import Login, PendingLogin, RelyingParty, RelyingPartySettings

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LEVEL = "urn:eid:level:2"
CODE = "a-code"


@dataclass
class Provider:
    """A scripted provider; its answers are plain values that a test changes."""

    issuer: str = ""
    key: SigningKey = field(default_factory=lambda: SigningKey.generate("tokens"))
    metadata: dict[str, object] = field(default_factory=dict)
    claims: dict[str, object] = field(default_factory=dict)
    userinfo: dict[str, object] = field(default_factory=dict)
    token_error: dict[str, str] | None = None
    raw: dict[str, bytes] = field(default_factory=dict)
    token_form: dict[str, list[str]] = field(default_factory=dict)
    authorization: str = ""

    def answer(self, path: str, body: str) -> tuple[int, bytes]:
        if path in self.raw:
            return 200, self.raw[path]
        if path == "/token":
            self.token_form = parse_qs(body)
            if self.token_error is not None:
                return 400, json.dumps(self.token_error).encode()
            token = sign_jwt(self.claims, self.key, typ="JWT")
            answer = {"access_token": "at", "token_type": "Bearer", "id_token": token}
            return 200, json.dumps(answer).encode()
        known = {
            "/.well-known/openid-configuration": self.metadata,
            "/jwks": {"keys": [self.key.public_jwk()]},
            "/userinfo": self.userinfo,
        }
        return (200, json.dumps(known[path]).encode()) if path in known else (404, b"")


@pytest.fixture
def provider() -> Iterator[Provider]:
    scripted = Provider()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            if self.path == "/token":
                scripted.authorization = self.headers.get("Authorization", "")
            status, content = scripted.answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    ).start()
    scripted.issuer = f"http://127.0.0.1:{server.server_port}"
    scripted.metadata = {
        "issuer": scripted.issuer,
        "authorization_endpoint": f"{scripted.issuer}/authorize",
        "token_endpoint": f"{scripted.issuer}/token",
        "jwks_uri": f"{scripted.issuer}/jwks",
        "userinfo_endpoint": f"{scripted.issuer}/userinfo",
        "authorization_response_iss_parameter_supported": True,
    }
    yield scripted
    server.shutdown()
    server.server_close()


@pytest.fixture
def party(provider: Provider) -> RelyingParty:
    return RelyingParty(
        RelyingPartySettings(
            issuer=provider.issuer,
            client_id="portal",
            client_secret="a-secret-of-the-portal",
            redirect_uri="https://portal.example/callback",
            scope="openid profile",
        )
    )


def begin(party: RelyingParty, provider: Provider, acr: str | None = LEVEL) -> PendingLogin:
    _, pending = party.begin(acr=acr)
    provider.claims = {
        "iss": provider.issuer,
        "aud": "portal",
        "sub": "s1",
        "nonce": pending.nonce,
        "acr": LEVEL,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 300,
    }
    provider.userinfo = {"sub": "s1", "name": "Nguyễn Văn Thử"}
    return pending


def finish(
    party: RelyingParty, provider: Provider, pending: PendingLogin, **changed: str
) -> Login:
    query = {"code": CODE, "state": pending.state, "iss": provider.issuer, **changed}
    url = f"https://portal.example/callback?{urlencode(query)}"
    return party.complete(url, pending, at=NOW)


def test_a_login(party: RelyingParty, provider: Provider) -> None:
    url, _ = party.begin(acr=LEVEL)
    asked = parse_qs(urlsplit(url).query)
    assert url.startswith(f"{provider.issuer}/authorize?")
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["scope"] == ["openid profile"]
    assert json.loads(asked["claims"][0]) == {
        "id_token": {"acr": {"essential": True, "value": LEVEL}}
    }
    pending = begin(party, provider)
    login = finish(party, provider, pending)
    assert login.claims["acr"] == LEVEL
    assert login.userinfo["name"] == "Nguyễn Văn Thử"
    assert provider.token_form["code_verifier"] == [pending.code_verifier]
    assert provider.authorization.startswith("Basic ")
    assert "client_secret" not in provider.token_form


def test_nothing_is_shown(party: RelyingParty, provider: Provider) -> None:
    pending = begin(party, provider)
    login = finish(party, provider, pending)
    for shown in (repr(pending), repr(login), repr(party.settings)):
        for secret in (pending.state, pending.nonce, pending.code_verifier, "a-secret", "Nguyễn"):
            assert secret not in shown
    assert json.loads(pending.to_json())["state"] == pending.state


def test_no_level_asked_none_checked(party: RelyingParty, provider: Provider) -> None:
    pending = begin(party, provider, acr=None)
    provider.claims["acr"] = "urn:eid:auth:1"
    assert finish(party, provider, pending).claims["acr"] == "urn:eid:auth:1"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"state": "another"}, "rp.state"),
        ({"state": ""}, "rp.state"),
        ({"iss": "https://mallory.example"}, "rp.issuer"),
        ({"iss": ""}, "rp.issuer"),
    ],
)
def test_an_answer_from_elsewhere(
    party: RelyingParty, provider: Provider, changed: dict[str, str], code: str
) -> None:
    """Mix-up and login CSRF: nothing is redeemed (rows O-006, O-007)."""
    pending = begin(party, provider)
    with pytest.raises(RequestRefused) as caught:
        finish(party, provider, pending, **changed)
    assert caught.value.code == code
    assert provider.token_form == {}


def test_the_provider_says_no(party: RelyingParty, provider: Provider) -> None:
    pending = begin(party, provider)
    with pytest.raises(OAuthError) as caught:
        finish(
            party,
            provider,
            pending,
            error="unmet_authentication_requirements",
            error_description="The level cannot be reached.",
        )
    assert caught.value.error == "unmet_authentication_requirements"
    provider.token_error = {"error": "invalid_grant", "error_description": "used"}
    with pytest.raises(OAuthError) as caught:
        finish(party, provider, begin(party, provider))
    assert caught.value.error == "invalid_grant"


def _nonce(provider: Provider) -> None:
    provider.claims["nonce"] = "of another login"


def _no_nonce(provider: Provider) -> None:
    del provider.claims["nonce"]


def _level(provider: Provider) -> None:
    provider.claims["acr"] = "urn:eid:level:1"


def _audience(provider: Provider) -> None:
    provider.claims["aud"] = "shop"


def _issuer(provider: Provider) -> None:
    provider.claims["iss"] = "https://mallory.example"


def _expired(provider: Provider) -> None:
    provider.claims["exp"] = int(NOW.timestamp()) - 300


def _subject(provider: Provider) -> None:
    provider.userinfo["sub"] = "s2"


@pytest.mark.parametrize(
    "lie", [_nonce, _no_nonce, _level, _audience, _issuer, _expired, _subject]
)
def test_a_token_that_does_not_fit(
    party: RelyingParty, provider: Provider, lie: Callable[[Provider], None]
) -> None:
    pending = begin(party, provider)
    lie(provider)
    with pytest.raises(EidError) as caught:
        finish(party, provider, pending)
    assert not isinstance(caught.value, Unavailable)


def test_a_token_by_another_key(party: RelyingParty, provider: Provider) -> None:
    pending = begin(party, provider)
    provider.raw["/jwks"] = json.dumps(
        {"keys": [SigningKey.generate("tokens").public_jwk()]}
    ).encode()
    with pytest.raises(SignatureInvalid):
        finish(party, provider, pending)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", "https://mallory.example"),
        ("token_endpoint", "http://id.example/token"),
        ("token_endpoint", "https://a@id.example/token"),
        ("jwks_uri", None),
        ("authorization_response_iss_parameter_supported", False),
    ],
)
def test_metadata_that_cannot_be_believed(
    party: RelyingParty, provider: Provider, name: str, value: object
) -> None:
    provider.metadata[name] = value
    with pytest.raises(RequestRefused) as caught:
        party.begin()
    assert caught.value.code == "rp.metadata"


@pytest.mark.parametrize("content", [b"<html>", b"[1]", b"x" * (256 * 1024 + 1)])
def test_a_provider_that_answers_nonsense(
    party: RelyingParty, provider: Provider, content: bytes
) -> None:
    provider.raw["/.well-known/openid-configuration"] = content
    with pytest.raises(Unavailable):
        party.begin()


def test_a_provider_that_is_away(provider: Provider) -> None:
    settings = RelyingPartySettings(
        issuer="http://127.0.0.1:9", client_id="p", client_secret="s", redirect_uri="https://p"
    )
    with pytest.raises(Unavailable) as caught:
        RelyingParty(settings).begin()
    assert caught.value.code == "rp.http"
    party = RelyingParty(
        RelyingPartySettings(
            issuer=provider.issuer,
            client_id="portal",
            client_secret="s",
            redirect_uri="https://portal.example/callback",
        )
    )
    pending = begin(party, provider)
    provider.metadata["token_endpoint"] = "http://127.0.0.1:9/token"
    party = RelyingParty(party.settings)
    with pytest.raises(Unavailable):
        finish(party, provider, pending)


def test_fresh_factors_are_asked_for_and_checked(party: RelyingParty, provider: Provider) -> None:
    for age, fits in ((20, True), (600, False), (None, False)):
        begin(party, provider, acr=None)
        url, pending = party.begin(max_age=0, at=NOW, scope="openid address")
        query = parse_qs(urlsplit(url).query)
        assert (query["max_age"], query["scope"]) == (["0"], ["openid address"])
        provider.claims["nonce"] = pending.nonce
        if age is not None:
            provider.claims["auth_time"] = int(NOW.timestamp()) - age
        if fits:
            assert finish(party, provider, pending).claims["auth_time"]
            continue
        with pytest.raises(RequestRefused) as refused:
            finish(party, provider, pending)
        assert refused.value.code == "rp.auth_time"
    with pytest.raises(TypeError):
        party.begin(max_age=0)
