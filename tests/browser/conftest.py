"""A real Chromium, the verifier page on loopback, and what a clerk's device would know.

Without Chromium or Playwright these tests are skipped with the reason.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eid.errors import Unavailable
from eid.qr.issuers import IssuerKey
from eid.qr.signers import SoftwareSigner
from eid.qr.status import ListTerms, issue_list, pack_statuses
from eid.qr.trust_list import Edition, issue_trust_list
from eid.qr.verifier.settings import TRUST_PATH, PageSettings
from eid.qr.verifier.site import create_site

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
]  # fmt: skip
ISSUER, PUBLISHER = "https://id.example.vn", "https://trust.example.vn"
LIST = "https://id.example.vn/status/1"
CLINIC = "https://clinic.example.vn"
HOUR = timedelta(hours=1)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Clinic:
    """The page's server and the issuer behind it. Lists are signed anew for every request."""

    signer: SoftwareSigner = field(
        default_factory=lambda: SoftwareSigner.of(ec.generate_private_key(ec.SECP256R1()))
    )
    root: SoftwareSigner = field(
        default_factory=lambda: SoftwareSigner.of(Ed25519PrivateKey.generate())
    )
    revoked: Mapping[int, int] = field(default_factory=lambda: {7: 1})
    version: int = 1
    lists_from: datetime = field(default_factory=lambda: datetime.now(UTC))
    max_stale: timedelta = timedelta(0)
    listed: bool = True
    reachable: bool = True
    url: str = ""

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def settings(self) -> PageSettings:
        return PageSettings(
            publishers=(IssuerKey.of(PUBLISHER, self.root.public_key),),
            status_uris=(LIST,),
            audience=CLINIC,
            max_stale=self.max_stale,
        )

    def trust_list(self) -> bytes:
        self._check_line()
        keys = [IssuerKey.of(ISSUER, self.signer.public_key)] if self.listed else []
        edition = Edition(
            publisher=PUBLISHER,
            version=self.version,
            issued_at=self.lists_from,
            expires_at=self.lists_from + 4 * HOUR,
        )
        return issue_trust_list(keys, self.root, edition=edition)

    def status_list(self) -> bytes:
        self._check_line()
        terms = ListTerms(
            uri=LIST, issuer=ISSUER, issued_at=self.lists_from,
            expires_at=self.lists_from + 48 * HOUR, ttl=4 * HOUR,
        )  # fmt: skip
        return issue_list(pack_statuses(self.revoked, size=1 << 20), terms, self.signer)

    def _check_line(self) -> None:
        if not self.reachable:
            raise Unavailable("The line is broken.")

    def application(self, environ: Any, start: Any) -> Any:
        lists = {TRUST_PATH: self.trust_list, "lists/status-0": self.status_list}
        return create_site(self.settings().to_json(), lists)(environ, start)


@pytest.fixture
def clinic() -> Iterator[Clinic]:
    """A server of its own per test: storage of the browser is per origin, too."""
    clinic = Clinic()
    server: WSGIServer = make_server("127.0.0.1", 0, clinic.application, handler_class=_Quiet)
    clinic.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield clinic
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: sudo apt-get install chromium")
    with sync_api.sync_playwright() as running:
        yield running


Launch = Callable[..., Any]


@pytest.fixture(scope="session")
def launch(playwright: Any) -> Iterator[Launch]:
    """Start a Chromium; ``camera`` is the file that its fake camera shows."""
    running = []

    def start(*, camera: Path | None = None) -> Any:
        shown = [] if camera is None else [f"--use-file-for-fake-video-capture={camera}"]
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, *shown], timeout=20_000
        )
        running.append(browser)
        return browser

    yield start
    for browser in running:
        browser.close()


@pytest.fixture(scope="session")
def browser(launch: Launch) -> Any:
    return launch()


@pytest.fixture
def page(browser: Any, clinic: Clinic) -> Iterator[Any]:
    """The verifier page, open and ready; errors on it and requests elsewhere fail the test."""
    context = browser.new_context(locale="vi-VN", service_workers="allow")
    yield from opened(context, clinic)


def opened(context: Any, clinic: Clinic) -> Iterator[Any]:
    page, problems = context.new_page(), []
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("console", lambda said: problems.append(said.text) if violates(said.text) else None)
    context.on(
        "request",
        lambda request: (
            problems.append(f"foreign: {request.url}")
            if not request.url.startswith((clinic.url, "blob:", "data:"))
            else None
        ),
    )
    ready(page, clinic)
    yield page
    context.close()
    assert problems == []


def violates(said: str) -> bool:
    return "Content Security Policy" in said or "Trusted" in said


def ready(page: Any, clinic: Clinic) -> None:
    page.goto(clinic.url)
    page.wait_for_selector("html[data-ready]", state="attached")


def as_json(value: object) -> str:
    return json.dumps(value)
