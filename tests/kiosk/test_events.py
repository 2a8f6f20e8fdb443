"""Live events: what the pages hear, and that listening cannot wear the kiosk out."""

from __future__ import annotations

import json
import threading
from typing import Any

import falcon
import pytest
from falcon import testing

from eid.chip.pcsc import Event
from eid.errors import RequestRefused
from eid.kiosk.desk import Desk
from eid.kiosk.screen_app import MAX_STREAMS, Events
from eid.kiosk.settings import AgentSettings, PinnedIssuer
from eid.kiosk.watch import Readers

ISSUER = PinnedIssuer(issuer="https://id.example.vn")


def lines_of(events: Events) -> Any:
    return events._lines()


def test_a_listener_hears_the_state_and_each_change() -> None:
    desk = Desk()
    stream = lines_of(Events(desk, stream_s=60, beat_s=5))
    assert next(stream).startswith(b"retry:")
    first = next(stream)
    assert first.startswith(b"event: live\n")
    live = json.loads(first.decode().split("data: ")[1])
    assert live["screen"] == "welcome"
    desk.show(reader="ready", done=3, total=9)
    live = json.loads(next(stream).decode().split("data: ")[1])
    assert (live["reader"], live["done"], live["total"]) == ("ready", 3, 9)


def test_between_changes_it_hears_a_beat() -> None:
    desk = Desk()
    stream = lines_of(Events(desk, stream_s=60, beat_s=0.01))
    next(stream)
    assert next(stream).startswith(b"event: live")
    assert next(stream) == b": beat\n\n"


def test_a_stream_ends_by_itself() -> None:
    assert len(list(lines_of(Events(Desk(), stream_s=0.05, beat_s=0.01)))) >= 2


def test_the_places_are_bounded_and_given_back() -> None:
    events = Events(Desk(), stream_s=0.01, beat_s=0.01)
    streams = []
    for _ in range(MAX_STREAMS):
        response = falcon.Response()
        events.on_get(testing.create_req(), response)
        streams.append(response.stream)
    with pytest.raises(falcon.HTTPServiceUnavailable):
        events.on_get(testing.create_req(), falcon.Response())
    for stream in streams:
        list(stream)  # type: ignore[call-overload]
    events.on_get(testing.create_req(), falcon.Response())


def test_nothing_personal_is_told() -> None:
    desk = Desk()
    desk.fire("begin")
    told = b"".join(lines_of(Events(desk, stream_s=0.02, beat_s=0.01))).decode()
    assert set(json.loads(told.split("data: ")[1].splitlines()[0])) == {
        "version", "screen", "reader", "online", "done", "total",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("site", "status"),
    [("same-origin", 200), ("none", 200), (None, 200), ("cross-site", 403), ("same-site", 403)],
)
def test_pages_of_other_sites_get_no_place(site: str | None, status: int) -> None:
    app = falcon.App()
    app.add_route("/events", Events(Desk(), stream_s=0.01, beat_s=0.01))
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    answer = testing.TestClient(app).simulate_get("/events", headers=headers)
    assert answer.status_code == status


def test_a_wait_ends_with_a_change() -> None:
    desk = Desk()
    timer = threading.Timer(0.05, lambda: desk.show(reader="card"))
    timer.start()
    assert desk.wait(desk.live.version, 60).reader == "card"
    timer.join()


def heard(*events: Event, reader: str | None = None, virtual: bool = False) -> list[Any]:
    told: list[Any] = []
    settings = AgentSettings(
        listen="127.0.0.1:35970", issuers=(ISSUER,), reader=reader,
        insecure_virtual_reader=virtual,
    )  # fmt: skip
    readers = Readers(settings, lambda state, *, came_back: told.append((state, came_back)))
    for event in events:
        readers(event)
    return told


def test_the_readers_state_from_the_monitors_events() -> None:
    assert heard(
        Event("service_up"), Event("reader_added", "A"), Event("card_inserted", "A"),
        Event("card_removed", "A"), Event("reader_removed", "A"), Event("reader_added", "A"),
        Event("service_down"), Event("service_up"),
    ) == [
        ("none", False), ("ready", True), ("card", False), ("ready", False), ("none", False),
        ("ready", True), ("down", False), ("ready", True),
    ]  # fmt: skip


def test_only_the_reader_that_counts() -> None:
    up = Event("service_up")
    assert heard(up, Event("card_inserted", "B"), reader="A") == [("none", False)]
    assert heard(up, Event("reader_added", "Virtual PCD 00 00")) == [("none", False)]
    assert heard(up, Event("reader_added", "Virtual PCD 00 00"), virtual=True)[-1][0] == "ready"


def test_a_late_event_of_an_older_person_changes_nothing() -> None:
    desk = Desk()
    desk.fire("begin")
    generation = desk.generation
    desk.fire("over")
    desk.fire("begin")
    assert desk.fire("decline", generation=generation).screen == "consent"
    desk.happened("card_away")
    assert desk.session.screen == "consent"


def test_a_form_of_another_screen_is_refused() -> None:
    desk = Desk()
    token = desk.form_token
    desk.step(token, "begin")
    for bad in (token, "", "\ud800", "x" * 10_000):
        with pytest.raises(RequestRefused):
            desk.step(bad, "decline")
    desk.speak("nonsense", "en")
    assert desk.language is None
