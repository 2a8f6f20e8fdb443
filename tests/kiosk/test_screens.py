"""The state table: what no row may allow, and that every screen has a way on."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from eid.chip.access import personal_number
from eid.errors import (
    AccessDenied,
    CardRemoved,
    EidError,
    Expired,
    FormatError,
    Inconsistent,
    NotGenuine,
    ReaderError,
    RequestRefused,
    SettingsError,
    Unavailable,
)
from eid.kiosk.consent import ConsentRecord
from eid.kiosk.screens import (
    EDGES,
    EVERYTHING,
    READING,
    SCREENS,
    TROUBLES,
    Outcome,
    Problem,
    Session,
    advance,
    diagram,
    offers,
    trouble_of,
    troubles_table,
)

NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
CONSENT = ConsentRecord(
    issuer="https://id.example.vn", client_name="Clinic", purpose="Check-in", plan="kiosk",
    files=("EF.DG1",), text_version="vi/1", act="checkbox", request_id="-", at=NOW,
)  # fmt: skip
VALUES: dict[str, Any] = {
    "consent": CONSENT,
    "portrait": CONSENT,
    "number": personal_number("079199000001"),
    "clerk": "statement",
    "kind": "newborn",
    "outcome": Outcome(reference="r"),
    "problem": Problem(code="c", correlation="d"),
}


def reachable() -> dict[Session, tuple[str, ...]]:
    """Every session that the table can lead to, and the way there."""
    found: dict[Session, tuple[str, ...]] = {Session(): (), Session(screen="login"): ()}
    todo = list(found)
    while todo:
        session = todo.pop()
        for edge in EDGES:
            if edge.source == session.screen and offers(session, edge.event):
                given = next(
                    other.gives
                    for other in EDGES
                    if (other.source, other.event) == (session.screen, edge.event)
                    and session.has(other.needs)
                )
                after = advance(session, edge.event, **{name: VALUES[name] for name in given})
                if after not in found:
                    found[after] = (*found[session], edge.event)
                    todo.append(after)
    return found


REACHABLE = reachable()


def test_no_way_leads_to_reading_without_a_consent_record() -> None:
    reading = [session for session in REACHABLE if session.screen in READING]
    assert {session.screen for session in reading} == set(READING)
    for session in reading:
        assert isinstance(session.consent, ConsentRecord), REACHABLE[session]
        assert session.number is not None, REACHABLE[session]


def test_rows_into_reading_need_or_bring_the_consent_themselves() -> None:
    for edge in EDGES:
        if edge.target in READING:
            assert "consent" in edge.needs | edge.gives, edge


def test_without_the_acts_of_consent_reading_is_out_of_reach() -> None:
    """Cut the rows that bring a consent: the rest of the graph does not touch the card."""
    rows = [edge for edge in EDGES if "consent" not in edge.gives]
    known, grown = {"welcome", "login"}, True
    while grown:
        more = {edge.target for edge in rows if edge.source in known} - known
        grown = bool(more)
        known |= more
    assert not known & READING
    assert {edge.event for edge in EDGES if "consent" in edge.gives} == {
        "agree", "agree_ask", "login_agree",
    }  # fmt: skip


def test_the_portrait_is_an_agreement_of_its_own() -> None:
    (giving,) = [edge for edge in EDGES if "portrait" in edge.gives]
    assert (giving.source, giving.event) == ("portrait", "portrait_yes")
    assert "consent" in giving.needs
    assert "consent" not in giving.gives


def test_the_welcome_screen_knows_nothing() -> None:
    blank = {session for session in REACHABLE if session.screen == "welcome"}
    assert blank == {Session()}


@pytest.mark.parametrize("screen", [s for s in SCREENS if not s.startswith("login")])
def test_idle_wipes_everything_from_everywhere(screen: str) -> None:
    for session in REACHABLE:
        if session.screen == screen != "welcome":
            assert advance(session, "idle") == Session()


def test_the_desk_of_a_clerk_keeps_nothing_of_the_last_person() -> None:
    for session in REACHABLE:
        if session.screen == "desk":
            assert session == Session(screen="desk", clerk=VALUES["clerk"])


def test_every_screen_is_reached_and_has_a_way_on() -> None:
    assert {session.screen for session in REACHABLE} == set(SCREENS)
    for session in REACHABLE:
        if session.screen not in {"login_back"}:
            assert any(offers(session, edge.event) for edge in EDGES), session


@pytest.mark.parametrize("screen", TROUBLES)
def test_trouble_leads_on(screen: str) -> None:
    sessions = [session for session in REACHABLE if session.screen == screen]
    assert sessions
    for session in sessions:
        assert offers(session, "over")
        assert offers(session, "again") == (TROUBLES[screen].again is not None)


def test_after_the_reading_the_number_is_forgotten() -> None:
    for session in REACHABLE:
        if session.screen in {"done", "recorded", "noted", "declined", "refused", "expired"}:
            assert session.number is None, session


def test_a_step_out_of_order_changes_nothing() -> None:
    for event in ("agree", "card", "number", "accepted", "portrait_yes", "sign_out", "nonsense"):
        with pytest.raises(RequestRefused) as caught:
            advance(Session(), event)
        assert caught.value.code == "kiosk.step"


@pytest.mark.parametrize("given", [{}, {"consent": None}, {"consent": CONSENT, "number": "1"}])
def test_an_event_brings_exactly_what_it_must(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        advance(Session(screen="consent"), "agree", **given)


def test_a_session_shows_nothing_personal() -> None:
    text = repr(Session(**{f.name: VALUES[f.name] for f in fields(Session) if f.name in VALUES}))
    assert "079199000001" not in text
    assert "statement" not in text


@pytest.mark.parametrize(
    ("error", "screen"),
    [
        (CardRemoved("x"), "lifted"),
        (AccessDenied("x", code="access.wrong_password"), "wrong_card"),
        (AccessDenied("x", code="access.refused"), "unreadable"),
        (Expired("x", code="document.expired"), "expired"),
        (Expired("x", code="chain.expired"), "refused"),
        (Inconsistent("x", code="mrz.issuing_state"), "foreign"),
        (NotGenuine("x", code="aa.signature"), "refused"),
        (ReaderError("x", code="reader.gone"), "unplugged"),
        (ReaderError("x", code="reader.no_service"), "service_down"),
        (ReaderError("x", code="reader.ambiguous"), "two_cards"),
        (FormatError("x", code="dg1.form"), "unreadable"),
        (Unavailable("x", code="kiosk.no_challenge"), "unreachable"),
        (Unavailable("x", code="queue.full"), "storage"),
        (SettingsError("x"), "out_of_service"),
        (RequestRefused("x", code="kiosk.revoked"), "out_of_service"),
        (EidError("x"), "defect"),
    ],
)  # fmt: skip
def test_each_error_has_its_screen(error: EidError, screen: str) -> None:
    assert trouble_of(error) == screen


def test_the_table_is_drawn_for_the_documentation() -> None:
    assert "consent --> number: agree + consent" in diagram()
    assert len(troubles_table().splitlines()) == 2 + len(TROUBLES)
    assert (
        frozenset(field.name for field in fields(Session) if field.name != "screen") == EVERYTHING
    )
