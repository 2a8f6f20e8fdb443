"""The kiosk of the soak: the process that records and delivers, and that is killed meanwhile."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from eid.app.kiosk import open_kiosk
from eid.chip.access import personal_number
from eid.chip.evidence import ActiveAuthentication, Evidence
from eid.errors import Unavailable
from eid.kiosk.consent import ConsentRecord
from eid.kiosk.ports import FreshChallenge, Receipt
from eid.kiosk.screens import Session
from eid.kiosk.settings import AgentSettings
from eid.kiosk.visits import Visits, deliver_waiting
from eid.levels.visit import SealedVisit
from eid.testing.people import PEOPLE
from eid.testing.softcard_active import sign


class Down:
    """A line that is down."""

    def challenge(self) -> FreshChallenge:
        raise Unavailable("The line is down.", code="agent.provider_unreachable")

    def deliver(self, _visit: SealedVisit) -> Receipt:
        raise Unavailable("The line is down.", code="agent.provider_unreachable")


def work(folder: Path, task: str, wanted: int) -> None:
    """Record until the chain has ``wanted`` places, or deliver until nothing waits."""
    program = open_kiosk(AgentSettings.load(folder / "kiosk/kiosk.toml"))
    with (folder / "accepted").open("a") as log:
        if task == "record":
            _record(program.kiosk.visits, folder, wanted, log.fileno())
        else:
            while deliver_waiting(program.queue, program.line):
                pass
    program.queue.close()


def _record(visits: Visits, folder: Path, wanted: int, log: int) -> None:
    visits._line = Down()
    base = Evidence.from_json((folder / "evidence.json").read_bytes())
    key = (folder / "chip.der").read_bytes()
    number = personal_number(PEOPLE["thu"].number)
    consent = ConsentRecord(
        issuer=visits.identity.issuer, client_name="Soak", purpose="Soak", plan="kiosk",
        files=("EF.DG1",), text_version="vi/1", act="checkbox", request_id="",
        at=datetime.now(UTC),
    )  # fmt: skip
    session = Session(screen="reading", consent=consent, number=number)
    while True:
        head = visits.queue.head()
        if head is not None and head.counter >= wanted:
            return
        ticket = visits.ticket()
        answer = ActiveAuthentication(
            challenge=ticket.challenge,
            response=sign(key, ticket.challenge, rng=secrets.token_bytes),
            source="verifier",
        )
        _, outcome = visits.conclude(session, replace(base, active_authentication=answer), ticket)
        os.write(log, outcome.reference.encode() + b"\n")  # the person has seen the last screen
