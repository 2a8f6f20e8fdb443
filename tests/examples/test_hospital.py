"""The hospital: five ways in, a portal that fails, people who walk away, and the morning rush."""

from __future__ import annotations

import html
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import CardError, EidError
from eid.testing import data_groups
from eid.testing.authority import DocumentAuthority
from eid.testing.browser import Browser, Page
from eid.testing.faults import cloned, tampered_dg1
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.softcard import SoftwareCard
from eid.trust.store import TrustStore
from examples.hospital.book import Book
from examples.hospital.checkin import WITHOUT_NUMBER, CheckIn
from examples.hospital.insurance import REST_S, Breaker, FakePortal, PortalDown
from examples.hospital.kiosk import create_kiosk
from examples.hospital.reception import Reception, create_app
from examples.hospital.rush import Morning, play, play_waiting
from examples.hospital.trial import Trial, fictional, printed_code

from .place import Listening

THU, MAU = PEOPLE["thu"], PEOPLE["mau"]
AT = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def trial() -> Trial:
    return Trial(datetime.now(UTC))


class Desk:
    """The reception of a trial, in a browser without a screen."""

    def __init__(self, trial: Trial) -> None:
        self.trial, self.book, self.portal = trial, Book(":memory:"), FakePortal(shares=())
        self.checkin = trial.checkin(self.book, self.portal)
        self.listening, self.browser = Listening(), Browser()
        self.reception = Reception(self.checkin, trial.put_down, clerk="Lê Tiếp Đón")
        self.listening.serve(create_app(self.reception, origin=self.listening.origin))

    def open(self, path: str = "/") -> Page:
        return self.browser.open(self.listening.origin + path)

    def send(self, form: str, **values: str) -> Page:
        page = self.open()
        return self.browser.submit(page, page.form(form), **values)

    def card(self, number: str) -> Page:
        return self.send("card", number=number, consent="yes")


@pytest.fixture
def desk(trial: Trial) -> Iterator[Desk]:
    made = Desk(trial)
    yield made
    made.listening.close()


def visit_of(desk: Desk):
    (visit,) = desk.book.latest(1)
    return visit


# -- the ways in --------------------------------------------------------------------------------


def test_a_card_is_read_for_our_own_challenge(desk: Desk) -> None:
    page = desk.card(THU.number)
    assert THU.name in html.unescape(page.text)
    visit = visit_of(desk)
    assert (visit.established, visit.insurance, visit.by) == ("chip", "covered", "Lê Tiếp Đón")
    assert len(visit.proof) == 32


def test_the_scan_of_the_printed_code_opens_the_chip_too(desk: Desk) -> None:
    desk.card(printed_code(THU))
    assert visit_of(desk).established == "chip"


def test_a_printed_code_says_whom_to_look_for_and_no_more(desk: Desk) -> None:
    page = desk.send("printed", code=printed_code(MAU))
    assert visit_of(desk).established == "printed"
    assert "chưa chứng minh" in page.text


def test_a_telephone_is_enough_after_a_chip_introduced_the_person(desk: Desk) -> None:
    at = datetime.now(UTC)
    page = desk.open("/presence")
    (asked,) = desk.reception.asked.values()
    answer = desk.trial.answer(asked, THU, at=at)
    page = desk.browser.submit(page, page.form("answer"), code=answer)
    assert page.error_code == "hospital.unknown_subject"
    page = desk.card(THU.number)
    page = desk.browser.follow(page, page.links["introduce"])
    (asked,) = desk.reception.asked.values()
    desk.browser.submit(page, page.form("answer"), code=desk.trial.answer(asked, THU, at=at))
    page = desk.open("/presence")
    (asked,) = desk.reception.asked.values()
    code = desk.trial.answer(asked, THU, at=datetime.now(UTC))
    page = desk.browser.submit(page, page.form("answer"), code=code)
    assert {visit.established for visit in desk.book.latest(2)} == {"chip", "presence"}
    page = desk.open("/presence")
    assert desk.browser.submit(page, page.form("answer"), code=code).error_code == "qr.challenge"


@pytest.mark.parametrize("kind", WITHOUT_NUMBER)
def test_nobody_gets_a_number_that_was_made_up(desk: Desk, kind: str) -> None:
    page = desk.send("without", kind=kind, name="con của Trần Thị Mẫu")
    patient = desk.book.by_id(visit_of(desk).patient)
    assert patient.number is None
    assert not any(char.isdigit() for char in page.codes["temporary"])
    assert visit_of(desk).insurance == "not_asked"


def test_an_emergency_needs_no_name(desk: Desk) -> None:
    desk.send("without", kind="emergency", name="")
    assert visit_of(desk).established == "nobody"
    assert desk.send("without", kind="newborn", name="").error_code == "hospital.declared"


# -- what goes wrong ----------------------------------------------------------------------------


def test_without_consent_nothing_is_read(desk: Desk) -> None:
    page = desk.send("card", number=THU.number)
    assert page.error_code == "hospital.consent"
    assert desk.book.latest(1) == ()


@pytest.mark.parametrize(("spoil", "family"), [(tampered_dg1, "dg."), (cloned, "aa.")])
def test_a_false_card_lets_nobody_in(desk: Desk, spoil, family: str) -> None:
    false = spoil(desk.trial.image(THU))
    desk.reception.reader = lambda _number: SoftwareCard(false)
    assert desk.card(THU.number).error_code.startswith(family)
    assert desk.book.latest(1) == ()


def test_a_card_of_another_authority_is_no_proof(desk: Desk) -> None:
    other = Trial(datetime.now(UTC))
    desk.reception.reader = other.put_down
    assert desk.card(THU.number).error_code.startswith("chain")


def test_a_card_of_another_country_is_another_paper(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = data_groups.zone_lines
    monkeypatch.setattr(
        data_groups,
        "zone_lines",
        lambda *given: tuple(line.replace("VNM", "LAO") for line in lines(*given)),
    )
    laos = DocumentAuthority.create(country="LA", at=desk.trial.at)
    desk.checkin.trust = TrustStore.of(csca=[laos.csca_der])
    foreign = personalise(MAU, laos, at=desk.trial.at)
    desk.reception.reader = lambda _number: SoftwareCard(foreign)
    page = desk.card(MAU.number)
    assert page.error_code == "mrz.issuing_state"
    assert "nước khác" in page.text
    assert desk.book.latest(1) == ()


def test_a_person_who_walked_away_leaves_a_calm_page(desk: Desk) -> None:
    page = desk.card("001090000000")
    assert page.error_code == "card.none"
    assert "mời người tiếp theo" in page.text
    assert desk.card(THU.number).error_code is None


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "Nguyễn\u202e gnouhT", "Đ" * 500, "a\u2066b\u2069c"]
)
def test_any_name_is_shown_and_none_is_believed(desk: Desk, name: str) -> None:
    code = printed_code(replace(MAU, name=name))
    page = desk.send("printed", code=code)
    if page.error_code:
        assert page.error_code.startswith("qr.text")
        page = desk.send("without", kind="no_papers", name=name)
    home = desk.open()
    for shown in (page.text, home.text):
        assert "<script>" not in shown
        assert "\u202e" not in shown
        assert "\u2066" not in shown
        assert "Đ" * 200 not in shown


def test_an_insurance_cards_code_is_named(desk: Desk) -> None:
    code = "GD4010123456789|4e6775|01/01/1990|1|486|01 - 001|01/01/2026|31/12/2026"
    assert desk.send("printed", code=code).error_code == "printed.health_insurance"


def test_a_form_of_another_site_is_refused(desk: Desk) -> None:
    page = desk.open()
    foreign = replace(page, url="http://127.0.0.1:1/", headers={"referrer-policy": "origin"})
    form = page.form("without")
    assert desk.browser.submit(foreign, form, kind="emergency").status == 403
    assert desk.book.latest(1) == ()


# -- the portal ---------------------------------------------------------------------------------


def test_a_portal_that_is_down_holds_nobody_up_and_loses_nothing(desk: Desk) -> None:
    desk.portal.fault = "down"
    for number in (THU.number, MAU.number):
        desk.card(number)
    assert len(desk.book.pending()) == 2
    desk.portal.fault = ""
    desk.send("retry")
    assert desk.book.pending() == ()
    assert {visit.insurance for visit in desk.book.latest(9)} == {"covered"}


def test_two_answers_are_settled_by_the_paper_card(desk: Desk) -> None:
    desk.portal.fault = "two_answers"
    page = desk.card(THU.number)
    wrong = desk.browser.submit(page, page.form("settle"), card="GD4000000000000")
    assert wrong.error_code == "hospital.card"
    card = visit_of(desk).cards[1]
    desk.browser.submit(page, page.form("settle"), card=card)
    assert (visit_of(desk).insurance, visit_of(desk).cards) == ("settled", (card,))


def test_no_data_asks_for_another_paper(desk: Desk) -> None:
    desk.portal.fault = "no_data"
    page = desk.card(THU.number)
    assert "giấy tờ khác" in page.text
    desk.browser.submit(page, page.form("settle"), card="GD4012345678901")
    assert visit_of(desk).insurance == "settled"


def test_after_no_answer_the_next_ones_do_not_wait() -> None:
    portal = FakePortal(fault="down")
    breaker, waits = Breaker(portal), []
    for second in (0, 1, REST_S - 1, REST_S):
        with pytest.raises(PortalDown) as refused:
            breaker("1", "", "", at=AT + timedelta(seconds=second))
        waits.append(refused.value.took_s > 0)
    assert waits == [True, False, False, True]


# -- the kiosk ----------------------------------------------------------------------------------


def test_the_kiosk_checks_a_person_in(desk: Desk, tmp_path) -> None:
    listening, browser = Listening(), Browser()
    kiosk = create_kiosk(
        desk.checkin, listen=listening.host, folder=tmp_path, put_down=desk.trial.put_down
    )
    listening.serve(kiosk)
    try:
        page = browser.open(listening.origin + "/")
        page = browser.submit(page, next(f for f in page.forms if f.action.endswith("/begin")))
        page = browser.submit(
            page, next(f for f in page.forms if f.action.endswith("/agree")), agree="yes"
        )
        form = next(f for f in page.forms if f.action.endswith("/number"))
        browser.submit(page, form, number=THU.number)
        deadline = time.monotonic() + 60
        while not desk.book.latest(1) and time.monotonic() < deadline:
            time.sleep(0.05)
        visit = visit_of(desk)
        assert (visit.established, visit.by, visit.insurance) == ("chip", "kiosk", "covered")
    finally:
        listening.close()


# -- the rush -----------------------------------------------------------------------------------


def test_a_small_rush_is_the_same_for_the_same_seed_and_loses_nobody() -> None:
    morning = Morning(patients=24, minutes=6, seed=7)
    first = play(morning)
    assert first == play(morning)
    assert sum(first.established.values()) == len(first.waits) == 24
    assert first.at_the_desk["pending"] > 0
    assert first.in_the_end["pending"] == 0
    assert sum(first.in_the_end.values()) == 24


def test_who_waits_for_the_line_waits_longer() -> None:
    morning = Morning()
    waiting = play_waiting(morning)
    assert max(waiting.waits) > 8 * 60
    assert len(waiting.waits) == 300


def test_the_people_of_the_rush_are_300_and_consistent(trial: Trial) -> None:
    people = [fictional(index) for index in range(300)]
    assert len({person.number for person in people}) == 300
    checkin: CheckIn = trial.checkin(Book(":memory:"), FakePortal())
    for person in people:
        checkin.by_printed(printed_code(person), by="test", at=AT)


def test_personal_data_stay_out_of_a_failed_reading(desk: Desk) -> None:
    card = desk.trial.image(THU)
    desk.reception.reader = lambda _number: SoftwareCard(card)
    page = desk.card(MAU.number)
    assert page.status == 400
    assert THU.name not in html.unescape(page.text)
    with pytest.raises((CardError, EidError)):
        desk.trial.put_down("000000000000")
