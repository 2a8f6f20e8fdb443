"""The kiosk's screens in a real Chromium: every screen in both languages, by keyboard, live.

With ``EID_SCREENSHOTS=FOLDER`` (``make screenshots``) a picture of each screen is kept.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from eid.kiosk.screens import SCREENS, TROUBLES, Outcome, Problem, Session

from ..kiosk.field import NUMBER, Field, in_the_field, wait_until
from .accessible import serious_issues

SHOWN = tuple(name for name in SCREENS if not name.startswith("login"))
ENGLISH_TOO = {"welcome", "consent", "present", "done", "recorded", "unplugged"}
CODES = {
    "lifted": "card.removed", "no_card": "card.none", "wrong_card": "access.wrong_password",
    "expired": "document.expired", "foreign": "mrz.issuing_state", "refused": "aa.signature",
    "unreadable": "card.secure_messaging", "two_cards": "reader.ambiguous",
    "unplugged": "reader.gone", "service_down": "reader.no_service",
    "unreachable": "kiosk.no_challenge", "storage": "queue.full", "clock": "kiosk.clock",
    "out_of_service": "kiosk.revoked", "defect": "error", "number": "agent.number",
    "clerk": "login.refused", "manual": "kiosk.declared",
}  # fmt: skip


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with in_the_field(tmp_path_factory.mktemp("screens"), portrait=True, serve=True) as found:
        found.kiosk.kiosk.desk._idle_s = 3_600.0
        yield found


@pytest.fixture(autouse=True)
def _start(field: Field) -> None:
    field.gate.set()
    field.line(up=True)
    field.kiosk.kiosk.desk.happened("idle")
    field.kiosk.kiosk.desk.show(reader="ready", online=True)


@contextmanager
def page_of(browser: Any, field: Field, **options: Any) -> Iterator[Any]:
    """A page of the kiosk; requests to any other host, and errors on it, fail at the end."""
    context = browser.new_context(viewport={"width": 768, "height": 1024}, **options)
    problems: list[str] = []
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    allowed = f"http://{field.listen}/"
    context.on(
        "request",
        lambda request: None if request.url.startswith(allowed) else problems.append(request.url),
    )
    try:
        yield page
    finally:
        context.close()
    assert problems == []


def put(field: Field, screen: str, language: str) -> None:
    """Show a screen as it is met, without the way there (which other tests go)."""
    desk = field.kiosk.kiosk.desk
    code = CODES.get(screen)
    verdict = "accepted" if screen == "done" else "unanchored"
    desk._session = Session(
        screen=screen,
        kind="newborn",
        clerk="statement" if screen in {"desk", "manual", "noted"} else None,
        outcome=Outcome(reference="Zx3kT9w2QmB7rLp0VnY5cA", name="NGUYEN VAN THU", verdict=verdict)
        if screen in {"done", "recorded", "noted"}
        else None,
        problem=Problem(code=code, correlation="5f2c9a0b1d3e") if code else None,
    )
    if screen == "noted":
        desk._session = replace(desk._session, outcome=Outcome(reference="Zx3kT9w2QmB7rLp0VnY5cA"))
    down = {"unplugged": "none", "service_down": "down"}.get(screen, "ready")
    desk._live = replace(
        desk._live, version=desk._live.version + 1, screen=screen, reader=down,
        online=screen != "recorded", done=7, total=9,
    )  # fmt: skip
    desk.language = language


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_screen_is_accessible_and_says_what_to_do(
    browser: Any, field: Field, language: str
) -> None:
    keep = os.environ.get("EID_SCREENSHOTS")
    with page_of(browser, field, bypass_csp=True, java_script_enabled=True) as page:
        for screen in SHOWN:
            put(field, screen, language)
            page.goto(f"http://{field.listen}/")
            assert page.evaluate("document.documentElement.lang") == language
            assert page.inner_text(".do").strip(), screen
            assert page.inner_text("h1").strip(), screen
            assert serious_issues(page) == [], screen
            if screen in TROUBLES or screen not in {"welcome", "desk"}:
                assert page.is_visible("#over"), screen
            if keep and (language == "vi" or screen in ENGLISH_TOO):
                save(page, Path(keep) / f"kiosk-{screen.replace('_', '-')}-{language}.png")
    field.kiosk.kiosk.desk._session = Session(screen="done")
    field.kiosk.kiosk.desk.happened("idle")


def save(page: Any, path: Path) -> None:
    """A small picture: a palette of 24 colours is enough for these screens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB").resize((576, 768))
    shot.quantize(24, dither=Image.Dither.NONE).save(path, optimize=True)


def test_a_whole_visit_by_keyboard_with_live_screens(browser: Any, field: Field) -> None:
    """No mouse, no reload by hand: the card is put down, and the screens change by themselves."""
    field.gate.clear()
    field.cards[:] = [field.card()]
    before = len(field.received())
    with page_of(browser, field) as page:
        page.goto(f"http://{field.listen}/")
        press(page, "#begin")
        page.wait_for_selector("#agree")
        page.focus("input[name=agree]")
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("#portrait-no")
        press(page, "#portrait-no")
        page.wait_for_selector("#number")
        page.keyboard.type(NUMBER)  # the field has the focus
        page.keyboard.press("Enter")
        page.wait_for_selector("main[data-screen=present]")
        wait_until(lambda: field.kiosk.kiosk.desk.session.screen == "present")
        field.gate.set()
        page.wait_for_selector("main[data-screen=done]")
        assert "NGUYEN" in page.inner_text("#name").upper() or page.inner_text("#name")
        assert NUMBER not in page.content()
    assert len(field.received()) == before + 1


def press(page: Any, selector: str) -> None:
    page.focus(selector)
    page.keyboard.press("Enter")


def test_the_reader_state_is_live(browser: Any, field: Field) -> None:
    with page_of(browser, field) as page:
        page.goto(f"http://{field.listen}/")
        for state, word in (("none", "Không thấy"), ("down", "không chạy"), ("ready", "sẵn sàng")):
            field.kiosk.kiosk.desk.show(reader=state)
            until(lambda word=word: word in page.inner_text("#reader-state"), page)


def test_progress_is_live(browser: Any, field: Field) -> None:
    with page_of(browser, field) as page:
        put(field, "reading", "vi")
        page.goto(f"http://{field.listen}/")
        field.kiosk.kiosk.desk.show(done=8, total=9)
        until(lambda: page.get_attribute("#progress", "value") == "8", page)
    field.kiosk.kiosk.desk._session = Session(screen="done")


def test_without_scripts_the_pages_refresh(browser: Any, field: Field) -> None:
    field.gate.clear()
    field.cards[:] = [field.card()]
    with page_of(browser, field, java_script_enabled=False) as page:
        page.goto(f"http://{field.listen}/")
        page.click("#begin")
        page.check("input[name=agree]")
        page.click("#agree button")
        page.click("#portrait-no")
        page.fill("#number", NUMBER)
        page.click("#number-form button")
        page.wait_for_selector("main[data-screen=present]")
        field.gate.set()
        page.wait_for_selector("main[data-screen=done]")


def test_the_language_buttons(browser: Any, field: Field) -> None:
    with page_of(browser, field) as page:
        page.goto(f"http://{field.listen}/")
        page.click("button[value=en]")
        page.wait_for_selector("html[lang=en]")
        assert page.inner_text("h1") == "Welcome"
        page.click("button[value=vi]")
        page.wait_for_selector("html[lang=vi]")


def test_idle_wipes_the_screen_by_itself(browser: Any, field: Field) -> None:
    desk = field.kiosk.kiosk.desk
    with page_of(browser, field) as page:
        page.goto(f"http://{field.listen}/")
        page.click("#begin")
        page.wait_for_selector("main[data-screen=consent]")
        desk._touched -= desk._idle_s
        desk.tick()
        page.wait_for_selector("main[data-screen=welcome]")


def until(holds: Any, page: Any) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        page.wait_for_timeout(20)
