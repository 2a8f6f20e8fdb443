"""A kiosk in the field, in one process: a real provider behind HTTP, a real queue, a software card."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import urlencode
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from falcon import testing

from eid.admin.counter import officer_login
from eid.app.installation import Installation, open_installation
from eid.app.kiosk import KioskProgram, open_kiosk
from eid.app.kiosk_setup import Wanted, set_up
from eid.app.settings import Settings
from eid.chip.access import can_from_number, personal_number
from eid.chip.read import read
from eid.chip.transport import Transport
from eid.errors import CardError, DeadlineExceeded
from eid.keys import encode_base64url
from eid.kiosk.settings import AgentSettings
from eid.oidc.clients import client_from_metadata
from eid.oidc.kiosks import invite
from eid.oidc.web import create_app
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.softcard import SoftwareCard

LISTEN = "127.0.0.1:35970"
NUMBER = PEOPLE["thu"].number
PASSWORD = "một mật khẩu đủ dài"
SECRET = "a secret of the example"
CALLBACK = "http://127.0.0.1:9/callback"


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


@dataclass
class Clock:
    """The one clock of provider and kiosk; ``kiosk_off`` sets the kiosk's wrong."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    ahead: timedelta = timedelta(0)
    kiosk_off: timedelta = timedelta(0)

    def server(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def kiosk(self) -> datetime:
        return self.server() + self.kiosk_off


@dataclass
class Field:
    """Everything at hand: the operator's installation, the line, the kiosk, and the cards."""

    installation: Installation
    authority: DocumentAuthority
    image: CardImage
    issuer: str
    folder: Path
    clock: Clock
    up: list[bool]
    listen: str = LISTEN
    cards: list[Transport | Exception] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    program: KioskProgram | None = None
    settings: AgentSettings | None = None

    @property
    def kiosk(self) -> KioskProgram:
        assert self.program is not None
        return self.program

    @property
    def client(self) -> testing.TestClient:
        return testing.TestClient(self.kiosk.app)

    def line(self, *, up: bool) -> None:
        self.up[0] = up

    def card(self, name: str = "thu", **changes: Any) -> SoftwareCard:
        image = self.image if name == "thu" and not changes else self.personal(name, **changes)
        return SoftwareCard(image)

    def personal(self, name: str, **changes: Any) -> CardImage:
        return personalise(PEOPLE[name], self.authority, at=self.clock.started, **changes)

    def wait_for_card(self, _timeout: float, cancelled: Callable[[], bool]) -> Transport:
        limit = time.monotonic() + 120
        while not self.gate.wait(0.02) and time.monotonic() < limit:
            if cancelled():
                raise CardError("Given up.", code="card.cancelled")
        if not self.cards:
            raise DeadlineExceeded("Nobody came.", code="card.none")
        card = self.cards.pop(0)
        if cancelled():
            raise CardError("Given up.", code="card.cancelled")
        if isinstance(card, Exception):
            raise card
        return card

    def open(self) -> KioskProgram:
        """Start the program anew, as after a loss of power."""
        if self.program is not None:
            self.program.queue.close()
        assert self.settings is not None
        self.program = open_kiosk(
            self.settings, wait_for_card=self.wait_for_card, clock=self.clock.kiosk
        )
        return self.program

    # what a person does ----------------------------------------------------------------------

    def screen(self) -> testing.Result:
        return self.client.simulate_get("/", headers={"Host": self.listen})

    @property
    def shown(self) -> str:
        found = re.search(r'data-screen="([a-z_]+)"', self.screen().text)
        assert found
        return found[1]

    @property
    def token(self) -> str:
        found = re.search(r'name="form_token" value="([^"]+)"', self.screen().text)
        assert found
        return found[1]

    def act(self, act_: str, /, *, token: str | None = None, **form: str) -> testing.Result:
        answer = self.client.simulate_post(
            f"/do/{act_}",
            body=urlencode({"form_token": token or self.token, **form}),
            headers={
                "Host": self.listen,
                "Origin": f"http://{self.listen}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        self.kiosk.kiosk.join(60)
        return answer

    def come(self, *cards: Transport | Exception, number: str = NUMBER, agree: bool = True) -> str:
        """From the first screen to the last of one visit; the screen that is shown then."""
        self.cards[:] = list(cards)
        self.act("begin")
        if agree:
            self.act("agree", agree="yes")
            if self.shown == "portrait":
                self.act("portrait", answer="no")
            self.act("number", number=number)
        return self.shown

    def received(self) -> tuple[Any, ...]:
        return self.installation.store.kiosks.visits(
            since=datetime(2020, 1, 1, tzinfo=UTC), most=5_000
        )


@contextmanager
def in_the_field(folder: Path, *, portrait: bool = False, serve: bool = False) -> Iterator[Field]:
    """A provider that serves on loopback and a kiosk that was set up at it.

    With ``serve`` the kiosk's pages are served, too, on a free port.
    """
    clock = Clock()
    authority = DocumentAuthority.create(at=clock.started)
    image = personalise(PEOPLE["thu"], authority, at=clock.started)
    trust = authority.trust_folder(folder / "trust", crl=authority.crl(at=clock.started))
    up = [True]
    with ExitStack() as stack:
        server = stack.enter_context(
            make_server("127.0.0.1", 0, _away, server_class=_Server, handler_class=_Quiet)
        )
        issuer = f"http://127.0.0.1:{server.server_address[1]}"
        pages, listen = None, LISTEN
        if serve:
            pages = stack.enter_context(
                make_server("127.0.0.1", 0, _away, server_class=_Server, handler_class=_Quiet)
            )
            listen = f"127.0.0.1:{pages.server_address[1]}"
        settings = Settings(
            issuer=issuer, host="127.0.0.1", port=server.server_address[1],
            database=f"sqlite:///{folder}/eid.db", data_dir=folder / "data", trust=trust,
            agent_url=f"http://{listen}", legal_entity="Example", role="own_services",
            insecure_fast_hash=True,
        )  # fmt: skip
        installation = stack.enter_context(open_installation(settings))
        provider = installation.provider(clock=clock.server)
        app = create_app(provider)
        server.set_app(lambda env, start: app(env, start) if up[0] else _away(env, start))
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        code = invite(provider, "Sảnh A", by="test", at=clock.server())
        field_ = Field(
            installation=installation, authority=authority, image=image, issuer=issuer,
            folder=folder, clock=clock, up=up, listen=listen,
        )  # fmt: skip
        wanted = Wanted(
            issuer=issuer, folder=folder / "kiosk", organisation="Bệnh viện Thử",
            purpose="Tiếp đón", portrait=portrait, listen=listen,
        )  # fmt: skip
        field_.settings = set_up(wanted, code, clock=clock.kiosk)
        field_.gate.set()
        field_.open()
        stack.callback(lambda: field_.kiosk.queue.close())  # noqa: PLW0108 - the last one opened
        if pages is not None:
            pages.set_app(lambda env, start: field_.kiosk.app(env, start))  # noqa: PLW0108 - the last one
            running = threading.Thread(target=pages.serve_forever, args=(0.02,), daemon=True)
            running.start()
            stack.callback(running.join)
            stack.callback(pages.shutdown)
        yield field_


def _away(_environ: Any, start: Any) -> list[bytes]:
    start("503 Service Unavailable", [("Content-Length", "0")])
    return [b""]


def wait_until(holds: Callable[[], bool], *, seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, "waited too long"
        time.sleep(0.02)


def add_portal(field_: Field) -> None:
    """A service, and an account of level 2 for the card's holder."""
    client = client_from_metadata(
        {
            "client_id": "portal", "client_secret": SECRET, "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid offline_access",
        },
        legal_entity="Example",
    )  # fmt: skip
    at, installation = datetime.now(UTC), field_.installation
    installation.add_clients([client], at=at)
    installation.add_account(username="can-bo", password=PASSWORD, roles=["officer"], at=at)
    officer = officer_login(installation.accounts, "can-bo", PASSWORD, address="c", at=at)
    desk = installation.counter()
    appointment = desk.begin(officer, at=at)
    key = can_from_number(personal_number(NUMBER))
    evidence = read(field_.card(), key, challenge=appointment.challenge, at=at)
    desk.enrol(
        officer, appointment.id, evidence, username="nguoi-thu", password=PASSWORD,
        matched_by_hand=True, at=at,
    )  # fmt: skip


def authorize_url(field_: Field) -> str:
    """Where a login at the portal begins; its verifier is 43 times v."""
    digest = hashlib.sha256(b"v" * 43).digest()
    query = {
        "response_type": "code", "client_id": "portal", "redirect_uri": CALLBACK,
        "scope": "openid offline_access", "state": "s" * 22, "nonce": "n" * 22,
        "code_challenge": encode_base64url(digest), "code_challenge_method": "S256",
        "acr_values": "urn:eid:level:2",
    }  # fmt: skip
    return f"{field_.issuer}/authorize?{urlencode(query)}"
