"""A person and a service against a provider: every request of a login, as a browser sends them."""

from __future__ import annotations

import base64
import hashlib
import html
import http.client
import json
import re
import socket
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

CALLBACK = "http://127.0.0.1:9/callback"
CLIENT, SECRET = "bench", "bench-secret-0123456789abcdef"
PASSWORD = "a long enough password"
SCOPE = "openid profile offline_access"
BASIC = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
_FIELD = re.compile(r'name="([^"]+)"[^>]*value="([^"]*)"')
_ACTION = re.compile(r'<form[^>]*action="([^"]+)"')
VERIFIER = "v" * 43
DISCOVERY = "/.well-known/openid-configuration"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def location(self) -> str:
        return self.headers["Location"] or ""

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(slots=True)
class Person:
    """A browser with one connection and its own cookies; also the service behind it."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    connection: http.client.HTTPConnection | None = None
    requests: int = 0

    def send(
        self,
        method: str,
        target: str,
        form: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        *,
        browser: bool = True,
    ) -> Answer:
        parts = urlsplit(target)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        sent = dict(headers or {})
        if browser and self.cookies:
            sent["Cookie"] = "; ".join(f"{n}={v}" for n, v in self.cookies.items())
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            if browser:
                sent |= {
                    "Origin": f"http://127.0.0.1:{self.port}",
                    "Sec-Fetch-Site": "same-origin",
                }
        body = urlencode(form) if form is not None else None
        try:
            got = self._ask(method, path, body, sent)
        except (http.client.RemoteDisconnected, ConnectionError):  # it was idle for too long
            self.connection = None
            got = self._ask(method, path, body, sent)
        answer = Answer(got.status, got.headers, got.read())
        self.requests += 1
        for line in got.headers.get_all("Set-Cookie") or ():
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0]
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return answer

    def _ask(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            self.connection.connect()
        self._hold_back(on=True)  # headers and a short form in one segment, as browsers send them
        self.connection.request(method, path, body, headers)
        self._hold_back(on=False)
        return self.connection.getresponse()

    def _hold_back(self, *, on: bool) -> None:
        assert self.connection is not None
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, int(on))

    def follow(self, answer: Answer) -> Answer:
        """Redirects within the provider, until a page or the service's address."""
        while answer.status in {302, 303} and not answer.location.startswith(CALLBACK):
            answer = self.send("GET", answer.location)
        return answer

    def submit(self, page: Answer, **fields: str) -> Answer:
        """The page's form, its hidden fields included."""
        text = page.body.decode()
        action = _ACTION.search(text)
        if page.status != 200 or action is None:
            raise RuntimeError(f"no form in an answer of {page.status}: {text[:500]}")
        form = text[action.start() : text.index("</form>", action.start())]
        hidden = {n: html.unescape(v) for n, v in _FIELD.findall(form) if n != "remember"}
        return self.send("POST", html.unescape(action[1]), hidden | fields)


@dataclass(frozen=True, slots=True)
class Names:
    """What a provider calls its endpoints, and the fields of its login form."""

    authorize: str
    token: str
    userinfo: str
    introspection: str
    keys: str
    username: str = "username"


EID = Names("/authorize", "/token", "/userinfo", "/introspect", "/jwks")
NODE = Names("/auth", "/token", "/me", "/token/introspection", "/jwks", username="login")


def code_of(person: Person, names: Names, username: str) -> str:
    """Log in by the pages, agree, and bring the code back."""
    query = urlencode(
        {
            "client_id": CLIENT,
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            "prompt": "consent",
            "state": "state-0123456789",
            "nonce": "nonce-0123456789",
            "code_challenge": CHALLENGE.decode(),
            "code_challenge_method": "S256",
        }
    )
    page = person.follow(person.send("GET", f"{names.authorize}?{query}"))
    page = person.follow(person.submit(page, **{names.username: username, "password": PASSWORD}))
    done = person.follow(person.submit(page))
    code = dict(parse_qsl(urlsplit(done.location).query)).get("code")
    if code is None:
        raise RuntimeError(f"no code in {done.status} {done.location} {done.body[:500]!r}")
    return code


def redeem(person: Person, names: Names, code: str) -> Answer:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return person.send("POST", names.token, form, {"Authorization": BASIC}, browser=False)


def refresh(person: Person, names: Names, token: str) -> Answer:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return person.send("POST", names.token, form, {"Authorization": BASIC}, browser=False)


def userinfo(person: Person, names: Names, token: str) -> Answer:
    bearer = {"Authorization": f"Bearer {token}"}
    return person.send("GET", names.userinfo, headers=bearer, browser=False)


def introspect(person: Person, names: Names, token: str) -> Answer:
    return person.send(
        "POST", names.introspection, {"token": token}, {"Authorization": BASIC}, browser=False
    )


def login(person: Person, names: Names, username: str) -> dict[str, Any]:
    """The whole of it: authorize, form, consent, token, userinfo; the token response."""
    person.cookies.clear()
    tokens = redeem(person, names, code_of(person, names, username)).json()
    told = userinfo(person, names, str(tokens["access_token"]))
    if told.status != 200 or "sub" not in told.json() or "id_token" not in tokens:
        raise RuntimeError(f"the login is not whole: {told.status} {tokens}")
    return tokens
