"""A counter on loopback: its pages, a card agent with a software card, and officers to be."""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from eid.admin.sessions import link
from eid.admin.site import Counter
from eid.admin.web import create_counter_app
from eid.app import Installation, Settings, open_installation
from eid.app.counter import counter_of
from eid.app.settings import CounterPlace
from eid.kiosk.app import create_app as create_agent
from eid.kiosk.settings import AgentSettings, PinnedIssuer
from eid.levels.account import Account
from eid.testing.browser import Browser, Page
from eid.testing.card_image import CardImage
from eid.testing.softcard import SoftwareCard

from ..store.authenticator import Authenticator

PASSWORD = "một mật khẩu đủ dài"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_words: object) -> None:
        pass


class Listening:
    """A server that has its port before it has its application."""

    def __init__(self, name: str = "127.0.0.1") -> None:
        self.server = make_server("127.0.0.1", 0, None, server_class=_Server, handler_class=_Quiet)
        self.host = f"{name}:{self.server.server_port}"
        self.origin = f"http://{self.host}"
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def serve(self, app: object) -> None:
        self.server.set_app(app)
        self.thread.start()

    def close(self) -> None:
        if self.thread.is_alive():
            self.server.shutdown()
            self.thread.join()
        self.server.server_close()


@dataclass
class Place:
    """The counter, what lies on the reader of its officers, and the clock they work by."""

    installation: Installation
    counter: Counter
    url: str
    image: CardImage
    ahead: Callable[[], datetime] = lambda: datetime.now(UTC)

    def now(self) -> datetime:
        return self.ahead()

    def add(self, username: str, *roles: str, **changes: Any) -> Account:
        at = datetime.now(UTC)
        account = self.installation.add_account(
            username=username, password=PASSWORD, roles=roles, at=at
        )
        if not changes:
            return account
        return self.installation.accounts.update(replace(account, **changes), at=at)

    def link(self, username: str) -> str:
        account = self.installation.accounts.by_username(username)
        assert account is not None
        return link(self.counter, account, by="operator", at=datetime.now(UTC))

    def kinds(self, account_id: str | None = None) -> list[str]:
        """What the record says of an account, oldest first."""
        rows = self.installation.audit.of_account(account_id or "", limit=1000)
        return [row.event.kind for row in reversed(rows)]


@contextmanager
def open_place(
    folder: Path, trust: Path, image: CardImage, *, second_officer: bool = False
) -> Iterator[Place]:
    with ExitStack() as stack:
        desk, agent = Listening("localhost"), Listening()
        for server in (desk, agent):
            stack.callback(server.close)
        settings = Settings(
            issuer="http://127.0.0.1:9",
            host="127.0.0.1",
            port=9,
            database=f"sqlite:///{folder / 'eid.db'}",
            data_dir=folder / "data",
            trust=trust,
            agent_url=agent.origin,
            legal_entity="Quầy Thử Nghiệm",
            role="own_services",
            insecure_fast_hash=True,
            counter=CounterPlace(
                url=desk.origin,
                host="127.0.0.1",
                port=desk.server.server_port,
                second_officer=second_officer,
            ),
        )
        installation = stack.enter_context(open_installation(settings))
        place = Place(installation=installation, counter=None, url=desk.origin, image=image)  # type: ignore[arg-type]
        place.counter = counter_of(installation, clock=place.now)
        desk.serve(create_counter_app(place.counter))
        agent_settings = AgentSettings(
            listen=agent.host, issuers=(PinnedIssuer(issuer=desk.origin),)
        )
        connect = lambda _wait: SoftwareCard(place.image)  # noqa: E731
        agent.serve(create_agent(agent_settings, connect=connect))
        yield place


@dataclass
class Officer:
    """An officer with a browser and a passkey, without a screen."""

    place: Place
    username: str
    browser: Browser = field(default_factory=Browser)
    passkey: Authenticator = field(default_factory=lambda: Authenticator(verifies_user=True))

    def open(self, path: str) -> Page:
        return self.browser.open(self.place.url + path)

    def submit(self, page: Page, form: str, **values: str) -> Page:
        return self.browser.submit(page, page.form(form), **values)

    def answer(self, page: Page) -> Page:
        """Let the passkey answer the page's question."""
        found = re.search(r'data-options="([^"]*)"', page.text)
        assert found, page.text
        options = json.loads(html.unescape(found[1]))
        use = self.passkey.create if 'data-kind="create"' in page.text else self.passkey.get
        response = json.dumps(use(options, self.place.url))
        return self.submit(page, "passkey", response=response)

    def enrol(self) -> Page:
        code = self.place.link(self.username).partition("#")[2]
        page = self.open("/enrol")
        page = self.submit(page, "enrol", code=code, username=self.username, password=PASSWORD)
        return self.answer(page)

    def log_in(self) -> Page:
        page = self.open("/login")
        page = self.submit(page, "login", username=self.username, password=PASSWORD)
        return self.answer(page)

    def ready(self) -> Officer:
        self.enrol()
        assert "officer" in self.log_in().text
        return self

    def read(self, number: str) -> Page:
        """Begin a visit and let the agent read the card; ends on the visit's page."""
        page = self.submit(self.open("/"), "visit")
        return self.read_again(page, number)

    def read_again(self, page: Page, number: str) -> Page:
        page = self.submit(page, "read")
        page = self.submit(page, "card")
        return self.submit(page, "agree", number=number, agree="yes")
