"""The provider's pages in a real Chromium: passkeys, no script, tabs, frames, hostile pages, axe.

The provider is the whole installation on ``http://localhost``, which browsers treat as a secure
context, so that passkeys work as they do on https.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from wsgiref.simple_server import make_server

import pytest

from eid.admin.counter import officer_login
from eid.app.installation import Installation, open_installation
from eid.app.serving import create_wsgi
from eid.app.settings import Settings
from eid.levels.account import Account
from eid.levels.factors.otp import totp_code
from eid.oidc.clients import client_from_metadata
from eid.trust.store import TrustStore

from .accessible import serious_issues
from .conftest import Threading, _Quiet

PASSWORD = "a long enough password"
NEW_PASSWORD = "another long enough password"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()
SETTINGS = """
issuer = "{issuer}"
listen = "localhost:{port}"
database = "sqlite:///eid.db"
data_dir = "data"
trust = "trust"
[agent]
url = "http://127.0.0.1:9"
[password]
insecure_fast_hash = true
[letters]
outbox = "letters.jsonl"
[smtp]
host = "127.0.0.1"
sender = "id@mail.example"
"""


@dataclass
class Site:
    """A provider, a service and a hostile page, each on an origin of its own."""

    issuer: str
    service: str
    hostile: str
    installation: Installation
    heard: list[dict[str, list[str]]] = field(default_factory=list)
    attack: str = ""

    def account(self, name: str) -> Account:
        """A person with a password, and nothing else."""
        return self.installation.add_account(username=name, password=PASSWORD, at=now())

    def app_of(self, account: Account) -> str:
        """A confirmed app of codes; its secret."""
        factors = self.installation.store.factors
        _, secret = factors.enrol_totp(account.id, at=now())
        earlier = now() - timedelta(seconds=30)
        factors.check_totp(account.id, totp_code(secret, earlier), address="t", at=now())
        return secret

    def recovery_of(self, account: Account) -> str:
        """The code of a recovery that two officers agreed to."""
        desk, accounts = self.installation.recovery(), self.installation.accounts
        officers = []
        for name in (f"{account.username}-1", f"{account.username}-2"):
            self.installation.add_account(
                username=name, password=PASSWORD, roles=["officer"], at=now()
            )
            officers.append(officer_login(accounts, name, PASSWORD, address="t", at=now()))
        asked = desk.ask(officers[0], account.id, card=None, at=now())
        return desk.approve(officers[1], asked, at=now()).handle

    def authorize(self, **more: str) -> str:
        """The address that a service sends the browser to."""
        asked = {
            "response_type": "code",
            "client_id": "shop",
            "redirect_uri": f"{self.service}/cb",
            "scope": "openid profile",
            "state": "s",
            "nonce": "n",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return f"{self.issuer}/authorize?{urlencode(asked | more)}"


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, authority: Any) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("provider")
    serving: list[Any] = []

    def start(app: Any) -> Any:
        server = make_server("localhost", 0, app, Threading, _Quiet)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        serving.append(server)
        return server

    def provider(environ: Any, respond: Any) -> Any:
        return app(environ, respond)

    server = start(provider)
    service = start(lambda environ, respond: _service(site, environ, respond))
    hostile = start(lambda environ, respond: _hostile(site, environ, respond))
    issuer = f"http://localhost:{server.server_port}"
    _trust(folder / "trust", authority)
    file = folder / "eid.toml"
    file.write_text(SETTINGS.format(issuer=issuer, port=server.server_port))
    settings = Settings.load(file)
    app = create_wsgi(settings)
    with open_installation(settings) as installation:
        site = Site(
            issuer=issuer,
            service=f"http://localhost:{service.server_port}",
            hostile=f"http://127.0.0.1:{hostile.server_port}",
            installation=installation,
        )
        shop = {
            "client_id": "shop",
            "client_name": "Shop",
            "redirect_uris": [f"{site.service}/cb"],
            "scope": "openid profile",
            "client_secret": "shop-secret-0123456789",
        }
        client = client_from_metadata(shop, legal_entity="development")
        installation.add_clients([client], at=now())
        yield site
    for one in serving:
        one.shutdown()
        one.server_close()


def _trust(folder: Path, authority: Any) -> None:
    (folder / "csca").mkdir(parents=True)
    (folder / "csca" / "test.cer").write_bytes(authority.csca_der)
    assert TrustStore.load(folder)


def _service(site: Site, environ: Any, respond: Any) -> list[bytes]:
    if environ["PATH_INFO"] == "/cb":
        site.heard.append(parse_qs(environ["QUERY_STRING"]))
    respond("200 OK", [("Content-Type", "text/html")])
    return [b"<!doctype html><title>shop</title><h1 id=shop>shop</h1>"]


def _hostile(site: Site, _environ: Any, respond: Any) -> list[bytes]:
    respond("200 OK", [("Content-Type", "text/html")])
    return [site.attack.encode()]


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    opened = browser.new_context(locale="vi-VN")
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: Any) -> Any:
    return context.new_page()


def log_in(page: Any, name: str, password: str = PASSWORD) -> None:
    page.fill("#username", name)
    page.fill("#password", password)
    page.click("#login button")


def enter(page: Any, site: Site, name: str, path: str = "/account") -> None:
    page.goto(site.issuer + path)
    log_in(page, name)
    page.wait_for_url(site.issuer + path)


def kinds_of(site: Site, account: Account) -> list[str]:
    return [row.event.kind for row in site.installation.audit.of_account(account.id)]


def until(check: Any) -> None:
    end = time.monotonic() + 20
    while not check():
        assert time.monotonic() < end
        time.sleep(0.02)


def virtual_key(context: Any, page: Any, *, verifies: bool) -> tuple[Any, str]:
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": verifies,
        "isUserVerified": verifies,
        "automaticPresenceSimulation": True,
    }
    added = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, added["authenticatorId"]


def test_a_passkey_is_made_and_then_logs_in_without_a_name(site, context, page):
    account = site.account("passkey-an")
    problems = watched(page)
    session, device = virtual_key(context, page, verifies=True)
    enter(page, site, account.username, "/account/methods/passkey")
    page.click("#passkey button")
    page.wait_for_url(f"{site.issuer}/account/methods")
    assert page.locator('[data-method="passkey"]').count() == 1
    kept = session.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
    assert [base64.b64decode(one["userHandle"]).decode() for one in kept] == [account.id]
    context.clear_cookies()
    page.goto(site.authorize(acr_values="urn:eid:auth:2"))
    page.click("#passkey-link")
    page.click("#passkey button")
    page.wait_for_url("**/consent")
    assert "2" in page.inner_text("ul.fields li:nth-child(2)")
    page.click("#consent button")
    page.wait_for_url(f"{site.service}/cb?*")
    assert "code" in site.heard[-1]
    assert {"factor.enrolled", "login.passkey", "code.issued"} <= set(kinds_of(site, account))
    assert problems == []


def test_a_device_that_checks_nobody_is_a_second_factor_and_no_device_says_so(site, context, page):
    account = site.account("passkey-ba")
    session, device = virtual_key(context, page, verifies=False)
    enter(page, site, account.username, "/account/methods/passkey")
    page.click("#passkey button")
    page.wait_for_url(f"{site.issuer}/account/methods")
    context.clear_cookies()
    claims = '{"id_token":{"acr":{"essential":true,"values":["urn:eid:auth:2"]}}}'
    page.goto(site.authorize(claims=claims))
    log_in(page, account.username)
    page.click("#passkey-link")
    page.click("#passkey button")
    page.wait_for_url("**/consent")
    session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": device})
    context.clear_cookies()
    page.goto(site.authorize())
    page.click("#passkey-link")
    again = page.url
    page.evaluate("() => { navigator.credentials.get = () => Promise.reject(new Error()); }")
    page.click("#passkey button")
    page.wait_for_selector("#passkey-problem:not([hidden])")
    assert page.url == again


def test_what_a_recovery_suspended_is_shown_once_more(site, context, page):
    """The page names it, none of it logs in, and the app and the passkey come back by being used."""
    account = site.account("recovered-lan")
    problems = watched(page)
    virtual_key(context, page, verifies=True)
    enter(page, site, account.username, "/account/methods/passkey")
    page.click("#passkey button")
    page.wait_for_url(f"{site.issuer}/account/methods")
    secret = site.app_of(account)
    context.clear_cookies()
    page.goto(f"{site.issuer}/recover")
    page.fill("#handle", site.recovery_of(account))
    page.fill("#password", NEW_PASSWORD)
    page.fill("#again", NEW_PASSWORD)
    page.click("#recover button")
    page.wait_for_selector("#recovered")
    assert page.locator("#suspended li").count() == 2
    assert serious_issues(page) == []
    page.goto(site.authorize())
    page.click("#passkey-link")
    page.click("#passkey button")
    page.wait_for_selector("#error-code")
    assert page.inner_text("#error-code") == "passkey"
    page.goto(f"{site.issuer}/account/methods")
    log_in(page, account.username, NEW_PASSWORD)
    page.wait_for_url(f"{site.issuer}/account/methods")
    assert serious_issues(page) == []
    page.click('#suspended [data-method="passkey"] a >> nth=0')
    assert serious_issues(page) == []
    page.click("#passkey button")
    page.wait_for_url(f"{site.issuer}/account/methods")
    page.click('#suspended [data-method="totp"] a >> nth=0')
    page.click("#passkey-link")  # it counts again, so it is asked for
    page.click("#passkey button")
    page.wait_for_url(f"{site.issuer}/account/methods")
    page.click('#suspended [data-method="totp"] a >> nth=0')
    assert serious_issues(page) == []
    page.fill("#code", totp_code(secret, now() + timedelta(seconds=30)))
    page.click("#show button")
    page.wait_for_url(f"{site.issuer}/account/methods")
    assert page.locator("#suspended").count() == 0
    assert kinds_of(site, account).count("factor.reinstated") == 2
    assert problems == []


def _note(problems: list[str], said: str) -> None:
    if "Content Security Policy" in said or "Error" in said:
        problems.append(said)


def watched(page: Any) -> list[str]:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: _note(problems, said.text))
    return problems


def test_everything_else_works_without_a_script(site, browser):
    account = site.account("plain-cu")
    secret = site.app_of(account)
    context = browser.new_context(locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(20_000)
    claims = '{"id_token":{"acr":{"essential":true,"values":["urn:eid:auth:2"]}}}'
    page.goto(site.authorize(claims=claims))
    assert page.get_attribute("html", "lang") == "en"
    log_in(page, account.username)
    page.click("#totp-link")
    page.fill("#code", totp_code(secret, now()))
    page.click("#totp button")
    page.wait_for_url("**/consent")
    page.click("#consent button")
    page.wait_for_url(f"{site.service}/cb?*")
    enter(page, site, account.username, "/account/consents")
    assert "Shop" in page.inner_text("main")
    page.click("ul.things button")
    page.wait_for_url(f"{site.issuer}/account/consents")
    assert "withdrawn" in page.inner_text("main")
    page.click("#language-vi")
    assert page.get_attribute("html", "lang") == "vi"
    context.close()


def test_the_first_page_is_loaded_again_left_and_come_back_to(site, context, page):
    """It stands at the request's own address: reload, language, back; no address leaves with it."""
    account = site.account("first-page-binh")
    sent = []
    page.on("request", lambda one: sent.append((one.url, one.all_headers().get("referer", ""))))
    page.goto(site.authorize(state="three"))
    assert page.url == site.authorize(state="three")
    page.reload()
    page.click("#language-en")
    assert page.get_attribute("html", "lang") == "en"
    assert "/interaction/" in page.url
    page.go_back()
    page.fill("#username", account.username)
    page.fill("#password", "wrong")
    page.click("#login button")
    page.wait_for_selector("#error-code")
    page.go_back()
    log_in(page, account.username)
    page.wait_for_url("**/consent")
    page.go_back()
    log_in(page, account.username)
    page.wait_for_url("**/consent")
    page.click("#consent button")
    page.wait_for_url(f"{site.service}/cb?*")
    assert site.heard[-1]["state"] == ["three"]
    assert {referer for url, referer in sent if url.startswith(site.service)} <= {""}


def test_tabs_are_logins_of_their_own_and_back_is_harmless(site, context, page):
    account = site.account("tabs-dung")
    other = context.new_page()
    page.goto(site.authorize(state="one"))
    other.goto(site.authorize(state="two"))
    log_in(page, account.username)
    page.wait_for_url("**/consent")
    log_in(other, account.username)
    other.wait_for_url("**/consent")
    other.click("#consent button")
    other.wait_for_url(f"{site.service}/cb?*")
    page.click("#consent button")
    page.wait_for_url(f"{site.service}/cb?*")
    assert [heard["state"] for heard in site.heard[-2:]] == [["two"], ["one"]]
    page.go_back()
    page.reload()
    page.wait_for_selector("#error-code")
    assert page.inner_text("#error-code") == "interaction.over"


def test_no_page_of_ours_stands_in_a_frame(site, context, page):
    """Clickjacking (row O-043), tried from another origin."""
    account = site.account("frame-em")
    enter(page, site, account.username)
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text))
    paths = ("/account", "/account/close", "/sign-up", "/recover")
    frames = "".join(f'<iframe src="{site.issuer}{path}"></iframe>' for path in paths)
    site.attack = f"<!doctype html><title>x</title>{frames}"
    page.goto(site.hostile)
    until(lambda: sum("frame-ancestors" in text for text in refused) >= len(paths))
    for frame in page.frames[1:]:
        assert "csrf" not in frame.content()


def test_a_hostile_page_posts_nothing_in_the_person_s_name(site, context, page):
    """CSRF (row O-042): the browser's own cookies do not come along, and no token is known."""
    account = site.account("csrf-giang")
    enter(page, site, account.username, "/account/close")
    form = (
        f'<form method="post" action="{site.issuer}/account/close">'
        '<input name="sure" value="1"><input name="csrf" value="x"></form>'
        "<script>document.forms[0].submit()</script>"
    )
    site.attack = f"<!doctype html><title>x</title>{form}"
    page.goto(site.hostile)
    page.wait_for_url(f"{site.issuer}/**")
    assert site.installation.accounts.by_id(account.id).state == "registered"
    page.goto(f"{site.issuer}/account/close")
    page.check('[name="sure"]')
    page.click("#close button")
    page.wait_for_selector("#closed")
    assert site.installation.accounts.by_id(account.id).state == "closed"


def test_a_logout_form_on_another_site_finds_the_session(site, context, page):
    """A cross-site POST brings no Lax cookie; our page's own form does, and we ask first."""
    account = site.account("logout-khanh")
    page.goto(site.authorize())
    log_in(page, account.username)
    page.wait_for_url("**/consent")
    page.click("#consent button")
    page.wait_for_url(f"{site.service}/cb?*")
    form = (
        f'<form method="post" action="{site.issuer}/logout"><input name="state" value="s"></form>'
    )
    site.attack = f"<!doctype html><title>x</title>{form}"
    page.goto(site.hostile)
    page.evaluate("document.forms[0].submit()")
    page.wait_for_selector("#logout")
    page.goto(site.authorize(prompt="none"))
    assert "code" in site.heard[-1]
    page.goto(site.hostile)
    page.evaluate("document.forms[0].submit()")
    page.click("#logout button")
    page.wait_for_selector("#logged-out")
    page.goto(site.authorize(prompt="none"))
    assert site.heard[-1]["error"] == ["login_required"]
    assert "session.ended" in kinds_of(site, account)


def test_another_browser_cannot_go_on_with_a_login(site, browser, page):
    account = site.account("other-hoa")
    page.goto(site.authorize())
    log_in(page, account.username)
    page.wait_for_url("**/consent")
    thief = browser.new_context()
    stolen = thief.new_page()
    stolen.goto(page.url)
    assert stolen.inner_text("#error-code") == "interaction.other_browser"
    thief.close()


def test_every_page_is_accessible_and_fits_a_telephone(site, browser):
    """WCAG 2.2 AA by axe-core; no sideways scrolling at 360 pixels; targets of 24 and more."""
    account = site.account("axe-khanh")
    context = browser.new_context(
        locale="vi-VN", viewport={"width": 360, "height": 740}, color_scheme="light"
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    checked = []

    def check() -> None:
        path = urlsplit(page.url).path
        assert serious_issues(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        small = page.evaluate(
            "[...document.querySelectorAll('button, a.button, input:not([type=hidden]), select')]"
            ".filter(one => one.getBoundingClientRect().height < 24).map(one => one.outerHTML)"
        )
        assert small == [], path
        checked.append(path)

    secret = site.app_of(account)
    page.goto(site.authorize(acr_values="urn:eid:auth:2"))
    check()
    page.goto(page.url + "/cancel")
    check()
    page.go_back()
    page.click("#passkey-link")
    check()
    page.go_back()
    log_in(page, account.username)
    page.wait_for_url("**/consent")
    check()
    page.click("#totp-link")
    check()
    page.fill("#code", "00000x")
    page.click("#totp button")
    page.wait_for_selector("#error-code")
    check()
    for path in ("/sign-up", "/recover", "/nowhere", "/account?error=access_denied"):
        page.goto(site.issuer + path)
        check()
    page.goto(f"{site.issuer}/account/password")
    log_in(page, account.username)
    page.wait_for_selector("#totp-link")
    page.click("#totp-link")
    page.fill("#code", totp_code(secret, now() + timedelta(seconds=30)))
    page.click("#totp button")
    page.wait_for_url(f"{site.issuer}/account/password")
    check()
    for path in (
        "",
        "/methods",
        "/methods/pin",
        "/methods/app",
        "/methods/channel",
        "/methods/passkey",
    ):
        page.goto(f"{site.issuer}/account{path}")
        check()
    page.goto(f"{site.issuer}/account/methods")
    page.click("#remove-1")
    check()
    page.goto(f"{site.issuer}/account/methods/app")
    page.click("#add button")
    page.wait_for_selector("#secret")
    check()
    for path in ("/sessions", "/consents", "/log", "/data", "/close", "/level"):
        page.goto(f"{site.issuer}/account{path}")
        check()
    page.emulate_media(color_scheme="dark")
    page.goto(f"{site.issuer}/account/close?lang=en")
    check()
    assert len(checked) >= 24
    context.close()
