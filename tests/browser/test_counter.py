"""The counter's pages in a real Chromium: every screen, both languages, a passkey, a card."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eid.testing.authority import DocumentAuthority
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise

from ..admin.desk import PASSWORD, Officer, Place, open_place
from .screens import Screens, add_passkey_device, screens

THU = PEOPLE["thu"]
PORTRAIT = 1 << 20
"""A portrait is to be compared with a face: it is shown as the chip has it."""
HOSTS = {"localhost", "127.0.0.1"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    at = datetime.now(UTC)
    authority = DocumentAuthority.create(at=at)
    trust = authority.trust_folder(tmp_path / "trust", crl=authority.crl(at=at))
    image = personalise(THU, authority, at=at)
    with open_place(tmp_path, trust, image, second_officer=True) as place:
        place.add("can-bo", "officer", "supervisor")
        place.add("hai", "officer")
        yield place


def fill(page: Any, **values: str) -> None:
    for name, value in values.items():
        page.fill(f"#{name}", value)


def press(page: Any, form: str) -> None:
    page.click(f"#{form} button")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_screen_of_the_counter(place: Place, browser: Any, language: str) -> None:
    with screens(browser, language, "counter", hosts=HOSTS) as walk:
        add_passkey_device(walk.page)
        if language == "en":
            walk.page.goto(f"{place.url}/language/en")
        get_in(walk, place)
        visit = meet_the_holder(walk, place)
        second_officer_agrees(place, visit)
        raise_the_account(walk, place, visit)
        look_at_the_person(walk, place)
    assert len(walk.shown) == 20


def get_in(walk: Screens, place: Place) -> None:
    page = walk.page
    page.goto(place.link("can-bo"))
    page.wait_for_function("document.getElementById('code').value.length > 20")
    assert "#" not in page.url
    walk.look("enrol")
    fill(page, username="can-bo", password=PASSWORD)
    press(page, "enrol")
    walk.look("make-passkey")
    press(page, "passkey")
    page.wait_for_selector("#done")
    walk.look("enrolled")
    page.goto(f"{place.url}/login")
    walk.look("login")
    fill(page, username="can-bo", password="wrong")
    press(page, "login")
    page.wait_for_selector("#error-code")
    walk.look("login-refused")
    fill(page, username="can-bo", password=PASSWORD)
    press(page, "login")
    walk.look("passkey")
    press(page, "passkey")
    page.wait_for_selector("#officer")
    walk.look("home")


def meet_the_holder(walk: Screens, place: Place) -> str:
    page = walk.page
    press(page, "visit")
    walk.look("visit")
    visit = page.url.rpartition("/")[2]
    press(page, "read")
    walk.look("card")
    press(page, "card")
    page.wait_for_selector("#agree")
    page.fill("[name=number]", THU.number)
    page.check("[name=agree]")
    page.click("#agree button[type=submit]")
    page.wait_for_selector("#portrait")
    assert page.inner_text("#name") == THU.name
    assert page.evaluate("document.getElementById('portrait').naturalWidth") > 0
    walk.look("holder", max_weight=PORTRAIT)
    page.check("[name=matched]")
    press(page, "match")
    page.wait_for_selector("#waiting")
    walk.look("second-officer-wanted", max_weight=PORTRAIT)
    page.goto(f"{place.url}/second")
    walk.look("nothing-waits")
    return visit


def second_officer_agrees(place: Place, visit: str) -> None:
    second = Officer(place, "hai").ready()
    second.submit(second.open(f"/second/{visit}"), "agree", matched="yes")


def raise_the_account(walk: Screens, place: Place, visit: str) -> None:
    page = walk.page
    page.goto(f"{place.url}/visit/{visit}")
    fill(page, username="nguoi-thu", password=PASSWORD)
    walk.look("raise", max_weight=PORTRAIT)
    press(page, "raise")
    page.wait_for_selector("#done")
    walk.look("raised")
    assert place.installation.accounts.by_username("nguoi-thu").level == 2


def look_at_the_person(walk: Screens, place: Place) -> None:
    page = walk.page
    page.goto(place.url)
    fill(page, who="nguoi-thu")
    press(page, "find")
    page.wait_for_selector("#level")
    walk.look("person")
    page.click("#log")
    walk.look("log", language=False)
    page.go_back()
    page.check("[name=told]")
    press(page, "recovery")
    page.wait_for_selector("#done")
    walk.look("recovery-asked")
    page.goto(f"{place.url}/cases")
    walk.look("cases")
    page.goto(f"{place.url}/recover")
    walk.look("recover")
    page.goto(f"{place.url}/nothing")
    walk.look("unknown-page")
