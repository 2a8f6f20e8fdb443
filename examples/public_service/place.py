"""Everything around the portals, for a trial: provider, card agent, people, registrations.

`eid serve` and `eid kiosk` run as processes of their own; the portals know the provider by its
issuer alone. Everybody is fictional, and everything is gone at the end.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import requests

from eid.admin.counter import officer_login
from eid.app import Installation, ManualProof, Settings, open_installation
from eid.chip.access import can_from_number, personal_number
from eid.chip.read import read
from eid.oidc.clients import client_from_metadata
from eid.oidc.upstream import RelyingParty, RelyingPartySettings
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.softcard import SoftwareCard
from eid.testing.stream_card import StreamCard

from ..kit.pages import server
from .portal import HandedOn, Portal, create_app
from .procedures import CIVIL, INSURANCE

PERSON = PEOPLE["thu"]
LEVEL_2, LEVEL_1 = "nguyen-van-thu", "tran-thi-mau"
SCOPES = "openid profile address eid:number"
CIVIL_NAME, INSURANCE_NAME = "Cổng dịch vụ công Thử Nghiệm", "Bảo hiểm xã hội Thử Nghiệm"
START_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where everything is, and the one password of everybody in it."""

    provider: str
    civil: str
    insurance: str
    password: str = field(repr=False)
    portals: Mapping[str, Portal] = field(repr=False)
    processes: tuple[subprocess.Popen[bytes], ...] = field(default=(), repr=False)


@contextmanager
def open_place(folder: Path, ports: tuple[int, int, int, int]) -> Iterator[Place]:
    """Start it all on loopback: provider, card agent and two portals, in this order of ports."""
    at, password = datetime.now(UTC), secrets.token_urlsafe(12)
    provider, agent, civil, insurance = (f"http://127.0.0.1:{port}" for port in ports)
    with ExitStack() as stack:
        authority = DocumentAuthority.create(at=at)
        authority.trust_folder(folder / "trust", crl=authority.crl(at=at))
        image = personalise(PERSON, authority, at=at)
        stack.enter_context(StreamCard(SoftwareCard(image), folder / "card.sock"))
        settings = _settings(folder, provider, agent)
        parties = [
            RelyingPartySettings(
                issuer=provider,
                client_id=name,
                client_secret=secrets.token_urlsafe(24),
                redirect_uri=f"{origin}/callback",
                scope=SCOPES,
            )
            for name, origin in (("civil", civil), ("insurance", insurance))
        ]
        with open_installation(settings) as installation:
            _register(installation, parties, at)
            _enrol(installation, image, password, at)
        bus = HandedOn()
        portals = {
            civil: Portal(CIVIL_NAME, RelyingParty(parties[0]), CIVIL, bus, insurance),
            insurance: Portal(INSURANCE_NAME, RelyingParty(parties[1]), INSURANCE, bus, civil),
        }
        for origin, portal in portals.items():
            stack.enter_context(_served(portal, origin))
        processes = tuple(
            stack.enter_context(_process(folder, command, config))
            for command, config in (("serve", "eid.toml"), ("kiosk", "kiosk.toml"))
        )
        _await(processes, (f"{provider}/health/ready", f"{agent}/health/live"))
        yield Place(
            provider=provider,
            civil=civil,
            insurance=insurance,
            password=password,
            portals=portals,
            processes=processes,
        )


def _settings(folder: Path, provider: str, agent: str) -> Settings:
    listen, agent_listen = provider.removeprefix("http://"), agent.removeprefix("http://")
    (folder / "eid.toml").write_text(
        f'issuer = "{provider}"\nlisten = "{listen}"\ndatabase = "sqlite:///eid.db"\n'
        f'data_dir = "data"\ntrust = "trust"\n[agent]\nurl = "{agent}"\n'
        f'[operator]\nlegal_entity = "{CIVIL_NAME}"\nrole = "state_body"\n'
    )
    (folder / "kiosk.toml").write_text(
        f'listen = "{agent_listen}"\nreader = "stream:{folder / "card.sock"}"\n'
        f'insecure_virtual_reader = true\n[[issuers]]\nissuer = "{provider}"\n'
    )
    return Settings.load(folder / "eid.toml")


def _register(
    installation: Installation, parties: list[RelyingPartySettings], at: datetime
) -> None:
    """Two clients of two legal entities: nobody's ``sub`` at one is the same at the other."""
    entities = {"civil": CIVIL_NAME, "insurance": INSURANCE_NAME}
    clients = [
        client_from_metadata(
            {
                "client_id": party.client_id,
                "client_secret": party.client_secret,
                "client_name": entities[party.client_id],
                "redirect_uris": [party.redirect_uri],
                "scope": SCOPES,
                "eid_legal_entity": entities[party.client_id],
                "eid_legal_basis": "Decree 69/2024, a trial",
            },
            legal_entity=CIVIL_NAME,
        )
        for party in parties
    ]
    installation.add_clients(clients, at=at)


def _enrol(installation: Installation, image: CardImage, password: str, at: datetime) -> None:
    """One person at the counter with a card: level 2. One on an officer's word: level 1."""
    installation.add_account(username="can-bo", password=password, roles=["officer"], at=at)
    officer = officer_login(installation.accounts, "can-bo", password, address="counter", at=at)
    desk = installation.counter()
    appointment = desk.begin(officer, at=at)
    key = can_from_number(personal_number(PERSON.number))
    with closing(SoftwareCard(image)) as card:
        evidence = read(card, key, challenge=appointment.challenge, at=at)
    desk.enrol(
        officer,
        appointment.id,
        evidence,
        username=LEVEL_2,
        password=password,
        matched_by_hand=True,
        at=at,
    )
    proof = ManualProof(level=1, officer="can-bo", reason="a trial")
    installation.add_account(username=LEVEL_1, password=password, proof=proof, at=at)


@contextmanager
def _served(portal: Portal, origin: str) -> Iterator[None]:
    port = int(origin.rpartition(":")[2])
    with server("127.0.0.1", port, create_app(portal, origin=origin)) as running:
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield
        finally:
            running.shutdown()


@contextmanager
def _process(folder: Path, command: str, config: str) -> Iterator[subprocess.Popen[bytes]]:
    arguments = [sys.executable, "-m", "eid.cli", command, "--config", config]
    with (folder / f"{command}.log").open("wb") as log:
        process = subprocess.Popen(
            arguments, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _await(processes: tuple[subprocess.Popen[bytes], ...], urls: tuple[str, ...]) -> None:
    deadline = time.monotonic() + START_S
    for process, url in zip(processes, urls, strict=True):
        while process.poll() is None and time.monotonic() < deadline:
            try:
                if requests.get(url, timeout=2).ok:
                    break
            except requests.RequestException:
                time.sleep(0.1)
        else:
            raise RuntimeError(f"{url} does not answer; its log is in the trial's folder")


def describe(place: Place) -> str:
    """What a person at the keyboard needs to know."""
    return json.dumps(
        {
            "portal": place.civil,
            "second agency": place.insurance,
            "level 2": LEVEL_2,
            "level 1": LEVEL_1,
            "password": place.password,
            "number on the card": PERSON.number,
        },
        indent=2,
        ensure_ascii=False,
    )
