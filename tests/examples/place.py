"""A whole place on loopback for the service: provider, card agent and an enrolled person."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from eid.admin.counter import officer_login
from eid.app import Installation, Settings, open_installation
from eid.chip.access import can_from_number, personal_number
from eid.chip.read import read
from eid.kiosk.app import create_app as create_agent
from eid.kiosk.settings import AgentSettings, PinnedIssuer
from eid.oidc.clients import client_from_metadata
from eid.oidc.upstream import RelyingPartySettings
from eid.oidc.web import create_app as create_provider
from eid.testing.browser import Browser, Page
from eid.testing.card_image import CardImage
from eid.testing.softcard import SoftwareCard

PASSWORD = "một mật khẩu đủ dài"
USERNAME = "nguoi-thu"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_words: object) -> None:
        pass


class Listening:
    """A server that has its port before it has its application."""

    def __init__(self) -> None:
        self.server = make_server("127.0.0.1", 0, None, server_class=_Server, handler_class=_Quiet)
        self.host = f"127.0.0.1:{self.server.server_port}"
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


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a service is told at registration, and the person who logs in."""

    service: Listening
    party: RelyingPartySettings
    number: str
    browser: Browser

    def log_in(self, url: str, *, with_card: bool = True) -> Page:
        """The person's way through the pages that begin at ``url``."""
        browser = self.browser
        page = browser.open(url)
        page = browser.submit(page, page.form("login"), username=USERNAME, password=PASSWORD)
        if not with_card:
            page = browser.follow(page, page.links["cancel-link"])
            return browser.submit(page, page.form("cancel"))
        if "card-link" in page.links:
            page = browser.follow(page, page.links["card-link"])
        page = browser.submit(page, page.form("card"))
        page = browser.submit(page, page.form("agree"), number=self.number, agree="yes")
        return browser.submit(page, page.form("consent"))


@contextmanager
def open_place(folder: Path, trust: Path, image: CardImage, number: str) -> Iterator[Place]:
    with ExitStack() as stack:
        provider, agent, service = (Listening() for _ in range(3))
        for server in (provider, agent, service):
            stack.callback(server.close)
        settings = Settings(
            issuer=provider.origin,
            host="127.0.0.1",
            port=provider.server.server_port,
            database=f"sqlite:///{folder / 'eid.db'}",
            data_dir=folder / "data",
            trust=trust,
            agent_url=agent.origin,
            legal_entity="development",
            role="own_services",
            insecure_fast_hash=True,
        )
        installation = stack.enter_context(open_installation(settings))
        party = _register(installation, service)
        _enrol(installation, image, number)
        provider.serve(create_provider(installation.provider()))
        pinned = PinnedIssuer(issuer=provider.origin)
        agent_settings = AgentSettings(listen=agent.host, issuers=(pinned,))
        agent.serve(create_agent(agent_settings, connect=lambda _wait: SoftwareCard(image)))
        yield Place(service=service, party=party, number=number, browser=Browser())


def _register(installation: Installation, service: Listening) -> RelyingPartySettings:
    party = RelyingPartySettings(
        issuer=installation.settings.issuer,
        client_id="example",
        client_secret="a secret of the example",
        redirect_uri=f"{service.origin}/callback",
    )
    metadata = {
        "client_id": party.client_id,
        "client_secret": party.client_secret,
        "redirect_uris": [party.redirect_uri],
    }
    client = client_from_metadata(metadata, legal_entity="development")
    installation.add_clients([client], at=datetime.now(UTC))
    return party


def _enrol(installation: Installation, image: CardImage, number: str) -> None:
    at = datetime.now(UTC)
    installation.add_account(username="can-bo", password=PASSWORD, roles=["officer"], at=at)
    officer = officer_login(installation.accounts, "can-bo", PASSWORD, address="counter", at=at)
    desk = installation.counter()
    appointment = desk.begin(officer, at=at)
    key = can_from_number(personal_number(number))
    evidence = read(SoftwareCard(image), key, challenge=appointment.challenge, at=at)
    desk.enrol(
        officer,
        appointment.id,
        evidence,
        username=USERNAME,
        password=PASSWORD,
        matched_by_hand=True,
        at=at,
    )
