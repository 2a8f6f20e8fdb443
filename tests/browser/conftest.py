"""A real Chromium, the verifier page on loopback, and what a clerk's device would know.

Without Chromium or Playwright these tests are skipped with the reason.
"""

from __future__ import annotations

import io
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from eid.errors import Unavailable
from eid.qr.claim169 import Identity
from eid.qr.credential import StatusReference
from eid.qr.issue import Terms, issue
from eid.qr.issuers import IssuerKey
from eid.qr.presence import Asked, issue_presence
from eid.qr.question import read_question
from eid.qr.render import render_png
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
SUBJECT = bytes(range(16))
HOUR = timedelta(hours=1)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Threading(ThreadingMixIn, WSGIServer):
    daemon_threads = True


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
    sites: dict[bytes, Any] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def settings(self) -> PageSettings:
        return PageSettings(
            publishers=(IssuerKey.of(PUBLISHER, self.root.public_key),),
            status_uris=(LIST,),
            audience=CLINIC,
            place="Khoa Cấp cứu, bàn 3",
            purpose="Nhận bệnh <b>",
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

    def credential(
        self,
        *,
        index: int | None = 6,
        signer: SoftwareSigner | None = None,
        ends: timedelta = 24 * HOUR,
        **fields: Any,
    ) -> str:
        """A credential issued two hours ago, with the status at *index*."""
        place = None if index is None else StatusReference(uri=LIST, index=index)
        terms = Terms(
            issuer=ISSUER, issued_at=self.now - 2 * HOUR, expires_at=self.now + ends,
            subject=SUBJECT, status=place,
        )  # fmt: skip
        identity = Identity(**{"name": "NGUYỄN VĂN THỬ", "sex": "M", **fields})
        return issue(identity, terms, signer or self.signer)

    def presence(self, asked: Asked, *, subject: bytes = SUBJECT, age_s: int = 0) -> str:
        at = self.now - timedelta(seconds=age_s)
        return issue_presence(asked, subject=subject, key=self.signer, at=at)

    def application(self, environ: Any, start: Any) -> Any:
        config = self.settings().to_json()
        if config not in self.sites:
            lists = {TRUST_PATH: self.trust_list, "lists/status-0": self.status_list}
            self.sites[config] = create_site(config, lists)
        return self.sites[config](environ, start)


@contextmanager
def served() -> Iterator[Clinic]:
    """A server on a port of its own, so that the browser keeps nothing from another test."""
    clinic = Clinic()
    server = make_server("127.0.0.1", 0, clinic.application, Threading, handler_class=_Quiet)
    clinic.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield clinic
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def clinic() -> Iterator[Clinic]:
    """For tests that change nothing on the server."""
    with served() as clinic:
        yield clinic


@pytest.fixture
def own_clinic() -> Iterator[Clinic]:
    with served() as clinic:
        yield clinic


class _QuietFiles(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def static_host(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and where a plain file server shows it."""
    handler = partial(_QuietFiles, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield tmp_path, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


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


@dataclass
class Desk:
    """A clerk's open page. Errors on it and requests to other hosts count as problems."""

    page: Any
    clinic: Clinic
    problems: list[str] = field(default_factory=list)

    def visit(self) -> None:
        self.page.goto(self.clinic.url)
        self.page.wait_for_selector("html[data-ready]", state="attached")

    def show(self, text: str) -> tuple[str, str]:
        """Hand in a picture of that code; the verdict's level and its code."""
        return self.show_picture(picture(text))

    def show_picture(self, png: bytes) -> tuple[str, str]:
        self.page.set_input_files(
            "#file", {"name": "code.png", "mimeType": "image/png", "buffer": png}
        )
        return self.verdict()

    def verdict(self) -> tuple[str, str]:
        self.page.wait_for_selector("#verdict:not([hidden])")
        level, code = self.page.eval_on_selector(
            "#verdict", "one => [one.className, one.dataset.code]"
        )
        return level, code

    def next(self) -> None:
        self.page.click("#next")

    def until(self, expression: str) -> None:
        """Wait for a condition; Playwright's own waiting would need eval, which the page forbids."""
        end = time.monotonic() + 60
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, expression
            self.page.wait_for_timeout(20)

    def words(self, selector: str) -> str:
        return str(self.page.inner_text(selector))

    def question(self) -> Asked:
        """Read the question from the screen, as the person's telephone would."""
        shot = self.page.locator("#question-code").screenshot()
        [code] = zxingcpp.read_barcodes(Image.open(io.BytesIO(shot)))
        return read_question(code.text)


def picture(text: str) -> bytes:
    return render_png(text, module_px=5)


@contextmanager
def opened(browser: Any, clinic: Clinic) -> Iterator[Desk]:
    """Open the page; what went wrong on it fails at the end."""
    context = browser.new_context(locale="vi-VN", service_workers="allow")
    desk = Desk(page=context.new_page(), clinic=clinic)
    desk.page.set_default_timeout(10_000)
    desk.page.on("pageerror", lambda error: desk.problems.append(f"error: {error}"))
    desk.page.on("console", lambda said: _note(desk, said.text))
    context.on("request", lambda request: _watch(desk, request.url))
    desk.visit()
    yield desk
    context.close()
    assert desk.problems == []


def _note(desk: Desk, said: str) -> None:
    if "Content Security Policy" in said or "Trusted" in said:
        desk.problems.append(said)


def _watch(desk: Desk, url: str) -> None:
    if not url.startswith((desk.clinic.url, f"blob:{desk.clinic.url}")):
        desk.problems.append(f"foreign: {url}")


@pytest.fixture(scope="session")
def first_desk(browser: Any, clinic: Clinic) -> Iterator[Desk]:
    with opened(browser, clinic) as desk:
        yield desk


@pytest.fixture
def desk(first_desk: Desk) -> Desk:
    """A page at its start, shared by the tests that change nothing on the server."""
    for button in ("#next", "#cancel-question", "#stop"):
        if first_desk.page.is_visible(button):
            first_desk.page.click(button)
    if first_desk.page.evaluate("document.documentElement.lang") != "vi":
        first_desk.page.click("#language")
    return first_desk


@pytest.fixture
def desk_in() -> Iterator[Callable[[Any, Clinic], Desk]]:
    """A page of one's own: ``desk_in(browser, clinic)``."""
    with ExitStack() as stack:
        yield lambda browser, clinic: stack.enter_context(opened(browser, clinic))
