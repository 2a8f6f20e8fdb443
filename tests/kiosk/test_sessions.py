from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eid.errors import RequestRefused, Unavailable
from eid.kiosk.request import CardRequest
from eid.kiosk.sessions import MAX_WAITING, SeenOnce, WaitingRoom

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.fixture
def request_(provider: Any) -> CardRequest:
    return provider.accepted()


@pytest.fixture
def room() -> WaitingRoom:
    tokens: Iterator[int] = iter(range(10_000))
    return WaitingRoom(token=lambda: f"t{next(tokens)}")


def test_a_form_works_once(room: WaitingRoom, request_: CardRequest) -> None:
    waiting = room.add(request_, at=NOW)
    assert room.take(waiting.id, waiting.form_token, at=NOW) == waiting
    with pytest.raises(RequestRefused) as caught:
        room.take(waiting.id, waiting.form_token, at=NOW)
    assert caught.value.code == "agent.form_used"


@pytest.mark.parametrize("token", ["", "t0", "t2", "ộ", "\ud800"])
def test_a_wrong_token_spends_nothing(
    room: WaitingRoom, request_: CardRequest, token: str
) -> None:
    waiting = room.add(request_, at=NOW)
    with pytest.raises(RequestRefused):
        room.take(waiting.id, token, at=NOW)
    assert room.take(waiting.id, waiting.form_token, at=NOW) == waiting


def test_an_old_request_is_refused(room: WaitingRoom, request_: CardRequest) -> None:
    waiting = room.add(request_, at=NOW)
    with pytest.raises(RequestRefused) as caught:
        room.take(waiting.id, waiting.form_token, at=waiting.request.useful_until)
    assert caught.value.code == "agent.request_old"


def test_renew_gives_a_new_token_for_the_same_request(
    room: WaitingRoom, request_: CardRequest
) -> None:
    waiting = room.add(request_, at=NOW)
    room.take(waiting.id, waiting.form_token, at=NOW)
    again = room.renew(waiting)
    assert (again.id, again.request) == (waiting.id, waiting.request)
    assert again.form_token != waiting.form_token
    assert room.take(again.id, again.form_token, at=NOW) == again


def test_the_room_is_bounded_and_forgets_old_requests(
    room: WaitingRoom, request_: CardRequest
) -> None:
    for _ in range(MAX_WAITING):
        room.add(request_, at=NOW)
    with pytest.raises(Unavailable) as caught:
        room.add(request_, at=NOW)
    assert caught.value.code == "agent.busy"
    later = NOW + timedelta(minutes=3)
    fresh = replace(request_, useful_until=later + timedelta(minutes=2))
    assert room.add(fresh, at=later).request == fresh


def test_seen_once_is_bounded_and_never_forgets_a_live_name() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    seen = SeenOnce(limit=2)
    assert seen.first("a", until=now, at=now)
    assert seen.first("b", until=now, at=now)
    assert not seen.first("a", until=now, at=now)
    with pytest.raises(Unavailable):
        seen.first("c", until=now, at=now)
    later = now + timedelta(minutes=6)
    assert seen.first("c", until=later, at=later)


def test_the_form_token_is_in_no_repr(room: WaitingRoom, request_: CardRequest) -> None:
    assert "t1" not in repr(room.add(request_, at=NOW))
