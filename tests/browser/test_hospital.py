"""The hospital example in a real Chromium: every screen of the reception, both languages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from eid.testing.people import PEOPLE
from examples.hospital.book import Book
from examples.hospital.insurance import FakePortal
from examples.hospital.reception import Reception, create_app
from examples.hospital.trial import Trial, printed_code

from ..admin.desk import Listening
from .screens import screens

THU = PEOPLE["thu"]


@pytest.fixture(scope="module")
def trial() -> Trial:
    return Trial(datetime.now(UTC))


@pytest.fixture
def listening() -> Iterator[Listening]:
    made = Listening()
    yield made
    made.close()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_screen_of_the_reception(
    trial: Trial, listening: Listening, browser: Any, language: str
) -> None:
    portal = FakePortal(shares=())
    reception = Reception(
        trial.checkin(Book(":memory:"), portal), trial.put_down, clerk="Lê Tiếp Đón"
    )
    listening.serve(create_app(reception, origin=listening.origin))
    with screens(browser, language, "hospital", hosts={"127.0.0.1"}) as walk:
        page = walk.page
        page.goto(listening.origin)
        if language == "en":
            page.goto(f"{listening.origin}/language/en")
        page.fill("#number", THU.number)
        page.check("[name=consent]")
        page.click("#card button")
        page.wait_for_selector("#established")
        assert page.inner_text("#patient") == THU.name
        walk.look("visit")
        page.goto(listening.origin)
        page.fill("#code", printed_code(PEOPLE["mau"]))
        portal.fault = "two_answers"
        page.click("#printed button")
        page.wait_for_selector("#settle")
        walk.look("two-answers")
        portal.fault = "down"
        page.goto(listening.origin)
        page.fill("#number", PEOPLE["gia"].number)
        page.check("[name=consent]")
        page.click("#card button")
        page.wait_for_selector("#settle")
        walk.look("portal-down")
        page.goto(listening.origin)
        page.fill("#name", "con của Trần Thị Mẫu")
        page.click("#without button")
        page.wait_for_selector("#temporary")
        walk.look("newborn")
        page.goto(f"{listening.origin}/presence")
        assert page.evaluate("document.getElementById('question').naturalWidth") > 100
        walk.look("presence")
        page.goto(listening.origin)
        walk.look("reception")
        page.fill("#number", "001090000000")
        page.check("[name=consent]")
        page.click("#card button")
        page.wait_for_selector("#error-code")
        walk.look("walked-away")
