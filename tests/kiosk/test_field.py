"""Visits from the first screen to the provider's record: line up, line down, and both in turn."""

from __future__ import annotations

import html
import logging
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eid.errors import CardRemoved, DeadlineExceeded, ReaderError, SettingsError, Unavailable
from eid.testing.faults import Fault, cloned, pulled, tampered_dg1
from eid.testing.people import PEOPLE
from eid.testing.profiles import PROFILES
from eid.testing.softcard import SoftwareCard

from .field import LISTEN, NUMBER, Field, in_the_field

YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with in_the_field(tmp_path_factory.mktemp("field")) as found:
        yield found


@pytest.fixture
def field(shared: Field) -> Field:
    """The kiosk at its first screen, the line up, nothing waiting, and the clocks right."""
    shared.line(up=True)
    shared.clock.kiosk_off = shared.clock.ahead = timedelta(0)
    shared.kiosk.renew()
    shared.kiosk.deliver()
    shared.kiosk.kiosk.desk.happened("idle")
    assert shared.shown == "welcome"
    return shared


def code_shown(field: Field) -> str:
    found = re.search(r'id="error-code">([^<]+)<', field.screen().text)
    return found[1] if found else ""


def last(field: Field) -> Any:
    return field.received()[-1]


def test_a_visit_with_the_line_up(field: Field, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert field.come(field.card()) == "done"
    page = html.unescape(field.screen().text)
    assert "NGUYEN" in page or "Nguyễn" in page
    visit = last(field)
    assert (visit.verdict, visit.record.freshness, visit.place) == ("accepted", "verifier", None)
    assert (visit.record.mode, visit.record.established) == ("self", "chip")
    assert len(field.kiosk.queue) == 0
    for text in (page, caplog.text):
        assert NUMBER not in text
        assert NUMBER[-6:] not in text
    assert "Nguyễn" not in caplog.text
    assert "consent issuer=" in caplog.text


def test_a_visit_with_the_line_down_waits_sealed_and_arrives_once(field: Field) -> None:
    before = len(field.received())
    field.line(up=False)
    assert field.come(field.card()) == "recorded"
    page = html.unescape(field.screen().text)
    assert "Mất kết nối" in page
    assert 'id="offline"' in page
    assert len(field.kiosk.queue) == 1
    with pytest.raises(Unavailable):
        field.kiosk.deliver()
    assert len(field.kiosk.queue) == 1
    field.line(up=True)
    assert field.kiosk.deliver() == 1
    assert field.kiosk.deliver() == 0
    assert len(field.received()) == before + 1
    visit = last(field)
    assert (visit.verdict, visit.record.freshness, visit.place) == ("accepted", "kiosk", "next")


def test_an_offline_visit_is_no_login(field: Field) -> None:
    """Nothing about it names a level, an acr, a subject or a token, here or at the provider."""
    field.line(up=False)
    field.come(field.card())
    field.line(up=True)
    field.kiosk.deliver()
    record = last(field).record.to_json()
    words = " ".join([*record, *map(str, record.values())]).lower()
    for word in ("level", "acr", "subject", "id_token", "assertion", "amr"):
        assert word not in words, word


def test_offline_visits_form_a_chain(field: Field) -> None:
    field.line(up=False)
    for _ in range(3):
        assert field.come(field.card()) == "recorded"
        field.act("over")
    field.line(up=True)
    assert field.kiosk.deliver() == 3
    three = sorted(field.received()[-3:], key=lambda visit: visit.record.counter)
    first, second, third = (visit.record for visit in three)
    assert second.counter == first.counter + 1 == third.counter - 1
    assert second.previous == first.link
    assert third.previous == second.link
    assert {visit.place for visit in three} == {"next"}
    challenges = {
        field.kiosk.day.batch().challenge(field.issuer, _head(v)) for v in (first, second)
    }  # type: ignore[union-attr]
    assert len(challenges) == 2


def _head(record: Any) -> Any:
    from eid.levels.visit import Head  # noqa: PLC0415

    return Head(counter=record.counter - 1, link=record.previous)


def test_the_line_breaks_between_reading_and_delivery(field: Field) -> None:
    """Nothing was accepted, so the person is asked to present the card again, and it is kept."""
    card = field.card()
    original = card.transmit

    def transmit(command: bytes) -> bytes:
        field.line(up=False)
        return original(command)

    card.transmit = transmit  # type: ignore[method-assign]
    before = len(field.received())
    assert field.come(card) == "unreachable"
    assert len(field.kiosk.queue) == 0
    field.cards[:] = [field.card()]
    field.act("again")
    assert field.shown == "recorded"
    field.line(up=True)
    field.kiosk.deliver()
    assert len(field.received()) == before + 1


@pytest.mark.parametrize(
    ("problem", "screen", "code"),
    [
        (CardRemoved("x"), "lifted", "card.removed"),
        (DeadlineExceeded("x", code="card.none"), "no_card", "card.none"),
        (ReaderError("x", code="reader.ambiguous"), "two_cards", "reader.ambiguous"),
        (ReaderError("x", code="reader.gone"), "unplugged", "reader.gone"),
        (ReaderError("x", code="reader.none"), "unplugged", "reader.none"),
        (ReaderError("x", code="reader.no_service"), "service_down", "reader.no_service"),
        (ReaderError("x", code="reader.virtual"), "unplugged", "reader.virtual"),
        (Unavailable("x", code="queue.full"), "storage", "queue.full"),
        (Unavailable("x", code="queue.disk"), "storage", "queue.disk"),
        (SettingsError("x"), "out_of_service", "settings"),
        (RuntimeError(NUMBER), "defect", "error"),
    ],
)
@pytest.mark.parametrize("up", [True, False])
def test_trouble_has_a_calm_screen_and_a_typed_line_in_the_log(
    field: Field,
    caplog: pytest.LogCaptureFixture,
    problem: Exception,
    screen: str,
    code: str,
    up: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    field.line(up=up)
    before = len(field.received()), len(field.kiosk.queue)
    assert field.come(problem) == screen
    page = field.screen()
    assert page.status_code == 200
    assert code_shown(field) == code
    assert f"code={code}" in caplog.text or "defect type=RuntimeError" in caplog.text
    assert NUMBER not in caplog.text + page.text
    assert (len(field.received()), len(field.kiosk.queue)) == before
    if 'action="/do/again"' in page.text:
        field.cards[:] = [field.card()]
        field.act("again")
        assert field.shown == ("done" if up else "recorded")
    field.act("over")
    assert field.shown == "welcome"


def test_a_card_lifted_too_early(field: Field) -> None:
    assert field.come(SoftwareCard(field.image, faults=[pulled(9)])) == "lifted"
    field.cards[:] = [field.card()]
    field.act("again")
    assert field.shown == "done"


@pytest.mark.parametrize("kind", ["random", "flip", "naked", "short", "long", "missing_status"])
@pytest.mark.parametrize("place", [3, 9])
def test_a_card_that_answers_nonsense(field: Field, kind: Any, place: int) -> None:
    before = len(field.received())
    screen = field.come(SoftwareCard(field.image, faults=[Fault(kind, place)]))
    assert screen in {"unreadable", "lifted", "wrong_card", "foreign", "refused", "done"}, screen
    assert len(field.received()) == before + (screen == "done")
    assert NUMBER not in field.screen().text


def test_another_persons_card(field: Field) -> None:
    assert field.come(field.card("mau")) == "wrong_card"
    field.cards[:] = [field.card()]
    field.act("again")
    assert field.shown == "number"
    field.act("number", number=NUMBER)
    assert field.shown == "done"


def test_a_card_with_the_same_can_of_another_person(field: Field) -> None:
    """The chip opens (six digits), but the signed number is not the one that was typed."""
    other = "079301" + NUMBER[-6:]
    assert field.come(field.card(), number=other) == "wrong_card"


def test_an_expired_card(field: Field) -> None:
    person = replace(PEOPLE["thu"], expiry=(field.clock.started - timedelta(days=3)).date())
    from eid.testing.personalise import personalise  # noqa: PLC0415

    image = personalise(person, field.authority, at=field.clock.started)
    assert field.come(SoftwareCard(image)) == "expired"
    assert "again" not in field.screen().text


@pytest.mark.parametrize("up", [True, False])
def test_a_card_of_another_country(
    field: Field, monkeypatch: pytest.MonkeyPatch, up: bool
) -> None:
    """It opens by the same six digits and is well signed, but another state's document."""
    from eid.testing import data_groups as maker  # noqa: PLC0415

    ours = maker.zone_lines
    monkeypatch.setattr(
        maker, "zone_lines", lambda *a: [line.replace("VNM", "UTO") for line in ours(*a)]
    )
    image = field.personal("thu")
    field.line(up=up)
    assert field.come(SoftwareCard(image)) == "foreign"
    assert code_shown(field) == "mrz.issuing_state"


def test_a_passport_that_knows_no_number(field: Field) -> None:
    image = field.personal("thu", profile=PROFILES["bac-passport"])
    assert field.come(SoftwareCard(image)) == "unreadable"


def test_forged_and_cloned_cards(field: Field) -> None:
    before = len(field.received())
    assert field.come(SoftwareCard(tampered_dg1(field.image))) == "refused"
    field.act("over")
    assert field.come(SoftwareCard(cloned(field.image))) in {"refused", "unreadable"}
    field.act("over")
    field.line(up=False)
    assert field.come(SoftwareCard(cloned(field.image))) in {"refused", "unreadable"}
    assert (len(field.received()), len(field.kiosk.queue)) == (before, 0)


@pytest.mark.parametrize("off", [YEAR, -YEAR])
@pytest.mark.parametrize("up", [True, False])
def test_a_clock_that_is_wrong_by_a_year(field: Field, off: timedelta, up: bool) -> None:
    field.clock.kiosk_off = off
    field.line(up=up)
    assert field.come(field.card()) == "clock"
    assert code_shown(field) == "kiosk.clock"
    assert len(field.cards) == 1  # the card was not touched
    field.clock.kiosk_off = timedelta(0)
    field.act("over")
    assert field.come(field.card()) == ("done" if up else "recorded")


def test_a_wrong_clock_is_told_by_the_server(field: Field, tmp_path: Path) -> None:
    """Without a cached day the server's word decides."""
    day = field.kiosk.day.folder / "day.json"
    kept = day.rename(tmp_path / "day.json")
    try:
        field.clock.kiosk_off = -YEAR
        assert field.come(field.card()) == "clock"
    finally:
        shutil.copy(kept, day)


def test_without_line_and_without_a_batch(field: Field) -> None:
    field.line(up=False)
    field.clock.ahead = timedelta(days=3)
    assert field.come(field.card()) == "unreachable"
    assert code_shown(field) == "kiosk.no_challenge"
    field.line(up=True)
    field.kiosk.renew()
    field.cards[:] = [field.card()]
    field.act("again")
    assert field.shown == "done"


def test_a_person_who_walks_away(field: Field) -> None:
    """In the middle of it, with the number typed: everything is forgotten, nothing is read."""
    desk = field.kiosk.kiosk.desk
    field.act("begin")
    field.act("agree", agree="yes")
    desk.fire("number", number=NUMBER)
    assert desk.session.number is not None
    desk._touched -= desk._idle_s
    assert field.shown == "welcome"
    assert desk.session.number is None
    assert desk.session.consent is None
    assert desk.session == type(desk.session)()


def test_who_types_is_not_wiped(field: Field) -> None:
    desk = field.kiosk.kiosk.desk
    field.act("begin")
    desk._touched -= desk._idle_s - 1
    own = {"Host": LISTEN, "Origin": f"http://{LISTEN}"}
    assert field.client.simulate_post("/stay", headers=own).status_code == 204
    assert desk.idle_left() > 1
    foreign = {"Host": LISTEN, "Origin": "https://evil.example"}
    assert field.client.simulate_post("/stay", headers=foreign).status_code == 403
    assert field.shown == "consent"


def test_a_full_disk(field: Field) -> None:
    """The queue's own database says that it cannot grow: nothing is accepted, nothing is lost."""
    known = {visit.record.id for visit in field.received()}
    field.line(up=False)
    connection = field.kiosk.queue._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    seen = 0
    while field.come(field.card()) == "recorded":  # until the free pages are used up
        seen += 1
        field.act("over")
        assert seen < 50
    assert field.shown == "storage"
    assert code_shown(field) == "queue.disk"
    assert len(field.kiosk.queue) == seen
    connection.execute("PRAGMA max_page_count = 1000000")
    field.act("over")
    assert field.come(field.card()) == "recorded"
    field.line(up=True)
    assert field.kiosk.deliver() == seen + 1
    fresh = [visit for visit in field.received() if visit.record.id not in known]
    assert [visit.place for visit in fresh] == ["next"] * (seen + 1)


def test_walking_away_ends_the_reading(field: Field) -> None:
    before = len(field.received()), len(field.kiosk.queue)
    card = field.card()
    original, count = card.transmit, [0]

    def transmit(command: bytes) -> bytes:
        count[0] += 1
        if count[0] == 8:
            field.kiosk.kiosk.desk.happened("idle")
        return original(command)

    card.transmit = transmit  # type: ignore[method-assign]
    assert field.come(card) == "welcome"
    assert count[0] < 20
    assert (len(field.received()), len(field.kiosk.queue)) == before


def test_taking_the_card_away_ends_the_visit(field: Field) -> None:
    kiosk = field.kiosk.kiosk
    kiosk.reader_changed("card")
    assert field.come(field.card()) == "done"
    kiosk.reader_changed("ready")
    assert field.shown == "welcome"
    assert kiosk.desk.session.outcome is None


def test_the_reader_comes_back_by_itself(field: Field) -> None:
    assert field.come(ReaderError("x", code="reader.gone")) == "unplugged"
    field.cards[:] = [field.card()]
    field.kiosk.kiosk.reader_changed("none")
    field.kiosk.kiosk.reader_changed("ready", came_back=True)
    field.kiosk.kiosk.join(60)
    assert field.shown == "done"


def test_declining(field: Field) -> None:
    field.cards[:] = [field.card()]
    field.act("begin")
    field.act("decline")
    assert field.shown == "declined"
    assert len(field.cards) == 1


@pytest.mark.parametrize("agree", [{}, {"agree": "no"}, {"agree": ""}])
def test_without_the_tick_the_screen_stays(field: Field, agree: dict[str, str]) -> None:
    field.act("begin")
    answer = field.act("agree", **agree)
    assert answer.status_code == 403
    assert field.shown == "consent"


def test_an_old_form_leads_to_the_screen_as_it_is(field: Field) -> None:
    old = field.token
    field.act("begin")
    answer = field.act("begin", token=old)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert field.shown == "consent"
    for act in ("number", "again", "portrait", "note", "sign_out", "agree"):
        field.act(act, token="x" * 32, agree="yes", number=NUMBER)
    assert field.shown == "consent"


def test_a_strange_page_can_do_nothing(field: Field) -> None:
    for headers in (
        {"Host": LISTEN, "Origin": "https://evil.example"},
        {"Host": LISTEN},
        {"Host": "evil.example", "Origin": "http://evil.example"},
    ):
        answer = field.client.simulate_post(
            "/do/begin",
            body=f"form_token={field.token}",
            headers={**headers, "Content-Type": "application/x-www-form-urlencoded"},
        )
        assert answer.status_code == 403
    assert field.client.simulate_get("/do/begin", headers={"Host": LISTEN}).status_code == 405
    assert field.client.simulate_get("/", headers={"Host": "evil.example"}).status_code == 403
    assert field.shown == "welcome"


@pytest.mark.parametrize("number", ["", "123", "0" * 13, "x" * 500, "<script>", "\u0660" * 12])
def test_a_slip_of_the_number(field: Field, number: str) -> None:
    field.cards[:] = [field.card()]
    field.act("begin")
    field.act("agree", agree="yes")
    field.act("number", number=number)
    assert field.shown == "number"
    assert code_shown(field) == "agent.number"
    assert "<script>" not in field.screen().text
    field.act("number", number=f"{NUMBER}|x|Nguyễn|02031990")
    assert field.shown == "done"


HOSTILE = [
    "<script>alert(1)</script><b>",
    "\u202eNguyễn\u2066\u200f Văn",
    "N" * 500,
    "' onmouseover=alert(1) x='",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_with_markup_bidi_or_500_characters(field: Field, name: str) -> None:
    """On the last screen, as the chip's text could be; it stays text, short and without marks."""
    from eid.kiosk.screens import Outcome  # noqa: PLC0415

    kiosk = field.kiosk.kiosk
    kiosk.desk._session = replace(
        kiosk.desk.session, screen="done", outcome=Outcome(reference="r", name=name)
    )
    page = field.screen().text
    found = re.search(r'<dd id="name"><bdi>(.*?)</bdi>', page)
    assert found
    text = html.unescape(found[1])
    assert "<" not in found[1]
    assert "'" not in found[1]
    assert len(text) <= 120
    assert not set(text) & set("\u202e\u2066\u200f")
    field.act("over")


def test_the_language_is_the_persons_and_is_forgotten(field: Field) -> None:
    assert '<html lang="vi">' in field.screen().text
    field.act("language", language="en")
    assert '<html lang="en">' in field.screen().text
    field.act("language", language="xx")
    assert '<html lang="en">' in field.screen().text
    field.act("begin")
    page = field.screen().text
    assert "Do you agree?" in page
    assert 'id="text-version">en/' in page
    field.act("agree", agree="yes")
    consent = field.kiosk.kiosk.desk.session.consent
    assert consent is not None
    assert consent.text_version.startswith("en/")
    field.act("over")
    assert '<html lang="vi">' in field.screen().text


def test_every_screen_is_small_and_asks_no_other_host(field: Field) -> None:
    style, script = (
        field.client.simulate_get(path, headers={"Host": LISTEN})
        for path in ("/style.css", "/live.js")
    )
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert "//" not in script.text.replace("// Live", "")
    kiosk = field.kiosk.kiosk
    for screen in _ALL:
        for language in ("vi", "en"):
            kiosk.desk._session = replace(_FULL, screen=screen)
            kiosk.desk.language = language
            page = field.screen()
            assert page.status_code == 200
            assert len(page.content) + len(style.content) + len(script.content) < 100_000
            links = re.findall(r'(?:src|href|action)="([^"]*)"', page.text)
            assert all(link.startswith("/") and not link.startswith("//") for link in links)
            policy = page.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "connect-src 'self'" in policy
            assert NUMBER not in page.text
    kiosk.desk._session = replace(_FULL, screen="done")
    field.act("over")
    kiosk.desk.happened("idle")


def _full() -> Any:
    from eid.kiosk.screens import SCREENS, Outcome, Problem, Session  # noqa: PLC0415

    shown = tuple(name for name in SCREENS if not name.startswith("login"))
    return shown, Session(
        number=NUMBER,  # type: ignore[arg-type]
        clerk="statement",
        kind="newborn",
        outcome=Outcome(reference="r" * 22, name="Nguyễn Văn Thử", verdict="unanchored"),
        problem=Problem(code="login.refused", correlation="0" * 12),
    )


_ALL, _FULL = _full()
