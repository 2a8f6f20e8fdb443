"""What people do in the demo, each as one function over the stage and the library's public API."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from eid.admin.counter import officer_login
from eid.app import ManualProof
from eid.chip.access import can_from_number, personal_number
from eid.chip.evidence import Evidence
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.chip.verify import LEVEL2, Verdict, VerifiedCard, judge, verify
from eid.cli.demo.readers import presented
from eid.cli.demo.stage import OFFICER, USERNAME, Stage
from eid.keys import JSON
from eid.levels.account import Account
from eid.testing.browser import Browser, Page
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault
from eid.testing.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What the counter has: the account, and the evidence with the challenge it answered."""

    account: Account
    evidence: Evidence = field(repr=False)
    challenge: bytes = field(repr=False)
    at: datetime


def enrol_at_counter(stage: Stage, image: CardImage) -> Enrolment:
    """An officer logs in, reads the card, looks at the holder, and raises the account."""
    installation, at = stage.installation, datetime.now(UTC)
    installation.add_account(
        username=OFFICER, password=stage.officer_password, roles=["officer"], at=at
    )
    officer = officer_login(
        installation.accounts, OFFICER, stage.officer_password, address="counter", at=at
    )
    desk = installation.counter()
    appointment = desk.begin(officer, at=at)
    stage.reader.insert(image)
    with closing(stage.reader.connect()) as transport:
        evidence = read(
            transport,
            can_from_number(personal_number(stage.person.number)),
            plan=PLANS["bank"],
            challenge=appointment.challenge,
            at=at,
        )
    stage.reader.remove()
    account = desk.enrol(
        officer,
        appointment.id,
        evidence,
        username=USERNAME,
        password=stage.password,
        matched_by_hand=True,
        at=datetime.now(UTC),
    )
    return Enrolment(account=account, evidence=evidence, challenge=appointment.challenge, at=at)


def enrol_on_paper(stage: Stage) -> Account:
    """An account of level 1 on an officer's word, for which no chip was ever read."""
    return stage.installation.add_account(
        username=USERNAME,
        password=stage.password,
        proof=ManualProof(level=1, officer=OFFICER, reason="demo: the chip was not read"),
        at=datetime.now(UTC),
    )


def judged(stage: Stage, enrolment: Enrolment) -> tuple[Verdict, VerifiedCard]:
    """The counter's evidence, judged once more from its bytes, for the report and the QR code."""
    trust = stage.installation.trust.current()
    verdict = judge(
        enrolment.evidence, trust, policy=LEVEL2, at=enrolment.at, challenge=enrolment.challenge
    )
    card = verify(
        enrolment.evidence, trust, policy=LEVEL2, at=enrolment.at, challenge=enrolment.challenge
    )
    return verdict, card


def visit_service(stage: Stage, browser: Browser) -> Page:
    """Open the service; it sends the browser to the provider's login page."""
    return browser.open(f"{stage.service_url}/login")


def open_card_page(browser: Browser, login_page: Page) -> Page:
    """Choose the card on the login page."""
    return browser.follow(login_page, login_page.links["card-link"])


def show_card(
    stage: Stage,
    browser: Browser,
    card_page: Page,
    image: CardImage,
    *,
    person: Person | None = None,
    faults: Collection[Fault] = (),
) -> Page:
    """Go to the card agent, agree there, present the card; ends where the agent sends us."""
    agent_page = browser.submit(card_page, card_page.form("card"))
    if agent_page.error_code is not None:
        return agent_page
    holder = person or stage.person
    with presented(stage.reader, image, faults):
        return browser.submit(
            agent_page, agent_page.form("agree"), number=holder.number, agree="yes"
        )


def give_password(stage: Stage, browser: Browser, login_page: Page) -> Page:
    """Fill the login form."""
    return browser.submit(
        login_page, login_page.form("login"), username=USERNAME, password=stage.password
    )


def consent(browser: Browser, page: Page) -> Page:
    """Agree to what the service will be told; ends on the service's own page."""
    return browser.submit(page, page.form("consent"))


def told(page: Page, name: str) -> Mapping[str, JSON]:
    """What the service's page shows it was told: ``claims`` or ``userinfo``."""
    shown = json.loads(page.codes[name])
    return dict(shown)
