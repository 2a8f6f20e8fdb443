"""The stage of the demo: a fictional authority, a provider, a card agent, a service, a reader.

Provider, agent and service are processes of their own and meet over loopback HTTP only.
"""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from eid.app import Installation, Settings, open_installation
from eid.cli.demo.processes import Process, free_port
from eid.cli.demo.readers import DemoReader, open_reader
from eid.oidc.clients import client_from_metadata
from eid.testing.authority import DocumentAuthority
from eid.testing.people import PEOPLE, Person

ACR = "urn:eid:level:2"
SERVICE = "Trạm y tế Thử Nghiệm"
OFFICER = "can-bo-thu"
USERNAME = "nguyen-van-thu"
_SCOPE = "openid profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that is up. Passwords are made for this run and known to nobody else."""

    folder: Path
    settings: Settings
    installation: Installation = field(repr=False)
    authority: DocumentAuthority = field(repr=False)
    reader: DemoReader
    note: str | None
    service_url: str
    person: Person
    other_person: Person
    password: str = field(repr=False)
    officer_password: str = field(repr=False)
    processes: tuple[Process, ...] = ()


@contextmanager
def open_stage() -> Iterator[Stage]:
    """Set everything up in a private folder, and leave nothing running and no file behind."""
    at = datetime.now(UTC)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eid-demo-")))
        authority = DocumentAuthority.create(at=at)
        authority.trust_folder(folder / "trust", crl=authority.crl(at=at))
        reader, note = open_reader(folder)
        stack.callback(reader.stop)
        ports = (free_port(), free_port(), free_port())
        settings = _provider_settings(folder, ports)
        installation = stack.enter_context(open_installation(settings))
        secret = secrets.token_urlsafe(24)
        _register(installation, ports[2], secret, at)
        processes = _start(folder, settings, ports, secret, reader)
        for process in processes:
            stack.callback(process.stop)
        _await(processes, ports)
        yield Stage(
            folder=folder,
            settings=settings,
            installation=installation,
            authority=authority,
            reader=reader,
            note=note,
            service_url=f"http://127.0.0.1:{ports[2]}",
            person=PEOPLE["thu"],
            other_person=next(person for name, person in PEOPLE.items() if name != "thu"),
            password=secrets.token_urlsafe(12),
            officer_password=secrets.token_urlsafe(12),
            processes=processes,
        )


def _provider_settings(folder: Path, ports: tuple[int, int, int]) -> Settings:
    provider, agent, _ = ports
    path = folder / "eid.toml"
    path.write_text(
        f'issuer = "http://127.0.0.1:{provider}"\n'
        f'listen = "127.0.0.1:{provider}"\n'
        'database = "sqlite:///eid.db"\n'
        'data_dir = "data"\n'
        'trust = "trust"\n'
        f'[agent]\nurl = "http://127.0.0.1:{agent}"\n'
    )
    return Settings.load(path)


def _register(installation: Installation, port: int, secret: str, at: datetime) -> None:
    metadata = {
        "client_id": "clinic",
        "client_secret": secret,
        "client_name": SERVICE,
        "redirect_uris": [f"http://127.0.0.1:{port}/callback"],
        "scope": _SCOPE,
    }
    entity = installation.settings.legal_entity
    installation.add_clients([client_from_metadata(metadata, legal_entity=entity)], at=at)


def _start(
    folder: Path,
    settings: Settings,
    ports: tuple[int, int, int],
    secret: str,
    reader: DemoReader,
) -> tuple[Process, ...]:
    _, agent, service = ports
    (folder / "kiosk.toml").write_text(
        f'listen = "127.0.0.1:{agent}"\n'
        f'reader = "{reader.setting}"\n'
        "insecure_virtual_reader = true\n"
        f'[[issuers]]\nissuer = "{settings.issuer}"\n'
    )
    wanted = {
        "issuer": settings.issuer,
        "client_id": "clinic",
        "client_secret": secret,
        "redirect_uri": f"http://127.0.0.1:{service}/callback",
        "scope": _SCOPE,
        "acr": ACR,
        "port": service,
    }
    return (
        Process.start(
            "provider", ["-m", "eid.cli", "serve", "--config", "eid.toml"], folder=folder
        ),
        Process.start(
            "agent",
            ["-m", "eid.cli", "kiosk", "--config", "kiosk.toml"],
            folder=folder,
            environ=reader.environment,
        ),
        Process.start(
            "service",
            ["-m", "eid.testing.relying_service"],
            folder=folder,
            stdin=json.dumps(wanted).encode(),
        ),
    )


def _await(processes: tuple[Process, ...], ports: tuple[int, int, int]) -> None:
    for process, port, path in zip(
        processes, ports, ("/health/ready", "/health/live", "/"), strict=True
    ):
        process.wait_until_it_answers(f"http://127.0.0.1:{port}{path}")


def keep_running(stage: Stage) -> None:
    """Print the addresses and wait; Enter presents the card or takes it away, Ctrl-C ends."""
    from eid.testing.personalise import personalise

    image = personalise(stage.person, stage.authority, at=datetime.now(UTC))
    sys.stdout.write(
        f"\nStill running (Ctrl-C ends everything):\n"
        f"  service    {stage.service_url}/login\n"
        f"  provider   {stage.settings.issuer}\n"
        f"  card agent {stage.settings.agent_url}\n"
        f"  log in as  {USERNAME} with the password {stage.password}\n"
        f"  the fictional card's number is {stage.person.number}\n"
        "Log in at the service. When you have agreed on the card agent's page, and only then,\n"
        "present the card: a card that lay there before is not read.\n"
        "Press Enter to present the card at the reader, and again to take it away.\n"
    )
    sys.stdout.flush()
    inserted = False
    for _ in sys.stdin:
        if inserted:
            stage.reader.remove()
        else:
            stage.reader.insert(image)
        inserted = not inserted
        sys.stdout.write("The card lies on the reader.\n" if inserted else "The card is away.\n")
        sys.stdout.flush()
    while True:
        stage.processes[0].handle.wait()
        return
