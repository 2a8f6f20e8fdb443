"""The public-service portals at a real provider and a real card agent, each a process of its own."""

from __future__ import annotations

import html
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eid.oidc.upstream import RelyingParty
from eid.testing.browser import Browser, Page
from eid.testing.people import PEOPLE
from examples.kit.pages import Site
from examples.public_service.place import LEVEL_1, LEVEL_2, PERSON, Place, open_place
from examples.public_service.procedures import CIVIL, INSURANCE

from .ports import free_block


def four_ports() -> tuple[int, int, int, int]:
    first = free_block(4)
    return (first, first + 1, first + 2, first + 3)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with open_place(tmp_path_factory.mktemp("portal"), four_ports()) as opened:
        yield opened


@dataclass
class Citizen:
    """A person with a browser, and what the way to a login was."""

    place: Place
    username: str = LEVEL_2
    browser: Browser = field(default_factory=Browser)
    way: list[str] = field(default_factory=list)

    def go(self, page: Page) -> Page:
        """Do what the provider's pages ask, until it is the portal's turn again."""
        self.way.clear()
        while page.url.startswith(self.place.provider) and page.error_code is None:
            forms = {form.id for form in page.forms}
            if "login" in forms:
                self.way.append("password")
                page = self.browser.submit(
                    page, page.form("login"), username=self.username, password=self.place.password
                )
            elif "consent" in forms:
                self.way.append("consent")
                page = self.browser.submit(page, page.form("consent"))
            elif "card" in forms:
                self.way.append("card")
                page = self.browser.submit(page, page.form("card"))
                page = self.browser.submit(
                    page, page.form("agree"), number=PERSON.number, agree="yes"
                )
            elif "card-link" in page.links:
                page = self.browser.follow(page, page.links["card-link"])
            else:
                return page
        return page

    def open(self, portal: str, procedure: str) -> Page:
        return self.go(self.browser.open(f"{portal}/p/{procedure}"))

    def send(self, page: Page, **values: str) -> Page:
        return self.go(self.browser.submit(page, page.form("send"), **values))


@pytest.fixture
def citizen(place: Place) -> Citizen:
    return Citizen(place)


CHILD = {"child_name": "Nguyễn Thị Bé", "child_birth_date": "01/11/2026", "child_sex": "Nữ"}


def test_ones_own_data_take_level_one(citizen: Citizen) -> None:
    page = citizen.open(citizen.place.civil, "own_data")
    assert citizen.way == ["password", "consent"]
    assert PERSON.name in html.unescape(page.text)
    assert page.codes["auth-level"] == "1"
    assert "send" not in {form.id for form in page.forms}


def test_a_school_is_told_the_residence_and_nothing_is_typed_twice(citizen: Citizen) -> None:
    page = citizen.open(citizen.place.civil, "school")
    assert sorted(citizen.way) == ["card", "consent", "password"]
    assert PERSON.residence in html.unescape(page.text)
    assert PERSON.number not in page.text
    assert set(page.form("send").fields) == set(CIVIL["school"].typed)
    page = citizen.send(
        page, **{name: CHILD.get(name, "Trường Thử") for name in CIVIL["school"].typed}
    )
    assert page.codes["receipt"]


def test_level_one_is_told_what_to_do_at_level_two(place: Place) -> None:
    citizen = Citizen(place, username=LEVEL_1)
    page = citizen.open(place.civil, "school")
    if page.url.startswith(place.provider):
        page = citizen.browser.follow(page, page.links["leave-link"])
    assert page.error_code == "unmet_authentication_requirements"
    assert "quầy định danh" in page.text


def test_sending_takes_fresh_factors_and_the_same_person(citizen: Citizen) -> None:
    page = citizen.open(citizen.place.civil, "criminal_record")
    assert page.codes["auth-level"] == "1"
    page = citizen.send(page, reason="Xin việc")
    assert sorted(citizen.way) == ["card", "consent", "password"]
    assert page.codes["receipt"]


def test_another_person_cannot_send_it(place: Place) -> None:
    citizen = Citizen(place, username=LEVEL_1)
    page = citizen.open(place.civil, "criminal_record")
    citizen.username = LEVEL_2
    page = citizen.send(page, reason="Xin việc")
    assert page.error_code == "portal.other_person"


def test_a_birth_is_registered_once_and_goes_on_at_the_second_agency(citizen: Citizen) -> None:
    place = citizen.place
    page = citizen.open(place.civil, "birth")
    for known in (PERSON.name, PERSON.residence, PERSON.number[:6]):
        assert known in html.unescape(page.text)
    assert PERSON.number not in page.text
    page = citizen.send(page, **CHILD)
    page = citizen.go(citizen.browser.follow(page, page.links["onward"]))
    assert sorted(citizen.way) == ["card", "consent", "password"]
    assert page.url.startswith(place.insurance)
    assert page.form("send").fields == CHILD
    page = citizen.send(page)
    assert page.codes["receipt"]


def test_what_was_handed_on_opens_to_nobody_else(place: Place) -> None:
    citizen = Citizen(place)
    page = citizen.send(citizen.open(place.civil, "birth"), **CHILD)
    onward = page.links["onward"]
    stranger = Citizen(place, username=LEVEL_1)
    page = stranger.go(stranger.browser.open(onward))
    assert CHILD["child_name"] not in html.unescape(page.text)
    made_up = onward.replace("ref=", "ref=A")
    page = citizen.go(citizen.browser.open(made_up))
    assert set(page.form("send").fields.values()) == {""}


def test_the_second_agency_has_its_own_consent_and_the_original_time(place: Place) -> None:
    citizen = Citizen(place)
    citizen.open(place.civil, "own_data")
    first = claims_of(citizen, place.civil, "own_data")
    time.sleep(1.1)
    citizen.open(place.insurance, "own_record")
    assert citizen.way == ["consent"]
    second = claims_of(citizen, place.insurance, "own_record")
    assert second["auth_time"] == first["auth_time"]
    assert second["sub"] != first["sub"]
    assert second["eid_auth_level"] == 1
    citizen.open(place.insurance, "insurance_card")
    assert sorted(citizen.way) == ["card", "consent", "password"]
    fresh = claims_of(citizen, place.insurance, "insurance_card")
    assert fresh["auth_time"] > first["auth_time"]
    assert fresh["sub"] == second["sub"]


def claims_of(citizen: Citizen, portal: str, procedure: str) -> dict:
    """What the portal was told in this browser, from its own memory."""
    kept = citizen.place.portals[portal]
    (session,) = {
        morsel.value
        for (_, _, key), morsel in citizen.browser._cookies.items()
        if key == kept.cookie
    }
    return dict(kept.visitors[session].logins[procedure].claims)


def test_a_login_gives_the_browser_a_new_name(citizen: Citizen) -> None:
    portal = citizen.place.portals[citizen.place.civil]
    citizen.browser.open(f"{citizen.place.civil}/p/own_data")
    before = set(portal.visitors)
    citizen.open(citizen.place.civil, "own_data")
    assert len(before - set(portal.visitors)) == 1


def test_an_assertion_is_for_one_procedure(citizen: Citizen) -> None:
    citizen.open(citizen.place.civil, "own_data")
    citizen.open(citizen.place.civil, "school")
    assert "consent" in citizen.way


def test_a_login_that_waited_too_long_is_asked_for_again(citizen: Citizen) -> None:
    portal = citizen.place.portals[citizen.place.civil]
    citizen.open(citizen.place.civil, "own_data")
    (visitor,) = [one for one in portal.visitors.values() if "own_data" in one.logins][-1:]
    assert portal._login_for(visitor, "own_data") is not None
    portal.clock = lambda: datetime.now(UTC) + timedelta(minutes=16)
    try:
        assert portal._login_for(visitor, "own_data") is None
    finally:
        portal.clock = lambda: datetime.now(UTC)
    assert "own_data" not in visitor.logins


def test_who_does_not_agree_sends_nothing(citizen: Citizen) -> None:
    page = citizen.browser.open(f"{citizen.place.civil}/p/own_data")
    page = citizen.browser.follow(page, page.links["cancel-link"])
    page = citizen.browser.submit(page, page.form("cancel"))
    assert page.error_code == "access_denied"


def test_an_answer_nobody_asked_for_is_calm(citizen: Citizen) -> None:
    page = citizen.browser.open(f"{citizen.place.civil}/callback?code=x&state=y")
    assert page.error_code == "portal.no_login"


def test_long_and_marked_up_input_is_kept_as_text(citizen: Citizen) -> None:
    page = citizen.open(citizen.place.civil, "school")
    page = citizen.send(page, child_name="<b>x</b>\u202e" + "Đ" * 500, school="")
    assert page.error_code == "portal.incomplete"
    assert "<b>x" not in page.text
    assert "\u202e" not in page.text
    assert "Đ" * 200 not in page.text


def test_a_provider_that_is_down_costs_nothing_that_was_typed(citizen: Citizen) -> None:
    portal = citizen.place.portals[citizen.place.civil]
    page = citizen.open(citizen.place.civil, "criminal_record")
    working = portal.party
    portal.party = RelyingParty(replace(working.settings, issuer="http://127.0.0.1:1"))
    try:
        page = citizen.send(page, reason="Xin việc")
    finally:
        portal.party = working
    assert page.error_code == "rp.http"
    page = citizen.browser.follow(page, page.links["again"])
    assert page.form("send").fields == {"reason": "Xin việc"}


def test_every_procedure_has_its_words() -> None:
    site = Site(Path(__file__).resolve().parents[2] / "examples/public_service")
    vi, en = site.texts["vi"], site.texts["en"]
    assert vi.keys() == en.keys()
    assert vi["errors"].keys() == en["errors"].keys()
    for procedure in (*CIVIL.values(), *INSURANCE.values()):
        keys = [f"p_{procedure.name}", *(f"c_{name}" for name in procedure.known)]
        keys += [f"f_{name}" for name in procedure.typed]
        keys += [f"r_{name}" for name in procedure.results]
        assert set(keys) <= vi.keys()


def test_only_fictional_people() -> None:
    assert PERSON in PEOPLE.values()
