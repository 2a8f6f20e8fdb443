"""The two portals in a real Chromium, at a real provider and card agent: every screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from examples.public_service.place import LEVEL_1, LEVEL_2, PERSON, Place, open_place

from ..examples.test_public_service import CHILD, four_ports
from .screens import Screens, screens


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with open_place(tmp_path_factory.mktemp("portal"), four_ports()) as opened:
        yield opened


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_screen_of_the_portals(place: Place, browser: Any, language: str) -> None:
    with screens(browser, language, "portal", hosts={"127.0.0.1"}) as walk:
        page = walk.page
        page.goto(f"{place.civil}/language/{language}")
        walk.look("procedures")
        page.click("#birth")
        through(walk, place, LEVEL_2)
        assert page.inner_text("#known-name") == PERSON.name
        for name, value in CHILD.items():
            page.fill(f"#{name}", value)
        walk.look("form")
        page.click("#send button")
        page.wait_for_selector("#done")
        walk.look("done")
        page.click("#onward")
        through(walk, place, LEVEL_2)
        assert page.input_value("#child_name") == CHILD["child_name"]
        walk.look("second-agency")
        page.goto(f"{place.civil}/p/criminal_record")
        through(walk, place, LEVEL_2)
        page.fill("#reason", "Xin việc")
        walk.look("step-up")
        page.click("#send button")
        through(walk, place, LEVEL_2)
        page.wait_for_selector("#receipt")
        page.goto(f"{place.insurance}/")
        walk.look("insurance")
    with screens(browser, language, "portal", hosts={"127.0.0.1"}) as walk:
        page = walk.page
        page.goto(f"{place.civil}/language/{language}")
        page.goto(f"{place.civil}/p/school")
        through(walk, place, LEVEL_1)
        if page.url.startswith(place.provider):
            page.click("#leave-link")
        page.wait_for_selector("#error-code")
        walk.look("level-too-low")


def through(walk: Screens, place: Place, username: str) -> None:
    """Do what the provider and the card agent ask, until a portal has its turn again."""
    page = walk.page
    for _ in range(12):
        page.wait_for_load_state("load")
        if page.url.startswith((place.civil, place.insurance)) or page.is_visible("#error-code"):
            return
        if page.is_visible("#login"):
            page.fill("#username", username)
            page.fill("#password", place.password)
            page.click("#login button[type=submit]")
        elif page.is_visible("#agree"):
            page.fill("[name=number]", PERSON.number)
            page.check("[name=agree]")
            page.click("#agree button[type=submit]")
        elif page.is_visible("#consent"):
            page.click("#consent button[type=submit]")
        elif page.is_visible("#card"):
            page.click("#card button[type=submit]")
        else:
            page.click("#card-link")
    raise AssertionError(page.url)
