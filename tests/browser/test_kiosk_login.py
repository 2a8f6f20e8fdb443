"""Card login on a kiosk in a real Chromium: from the provider's page to the agent's and back."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..kiosk.field import (
    NUMBER,
    PASSWORD,
    Field,
    add_portal,
    authorize_url,
    in_the_field,
)
from .accessible import serious_issues
from .test_kiosk_screens import save


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with in_the_field(tmp_path_factory.mktemp("kiosk-login"), serve=True) as found:
        add_portal(found)
        yield found


@pytest.fixture
def page(browser: Any, field: Field) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 768, "height": 1024}, bypass_csp=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(authorize_url(field))
    page.fill("input[type=password]", PASSWORD)
    page.fill("input[name=username]", "nguoi-thu")
    page.press("input[type=password]", "Enter")
    page.wait_for_selector("form#card, a#card-link")
    if page.locator("form#card").count() == 0:
        page.click("a#card-link")
    page.locator("form#card button").first.click()
    page.wait_for_selector("#agree")
    assert page.url == f"http://{field.listen}/card"
    yield page
    context.close()


def test_the_agents_pages_in_both_languages(page: Any, field: Field) -> None:
    keep = os.environ.get("EID_SCREENSHOTS")
    assert serious_issues(page) == []
    for words in ("Tôi đồng ý", "I agree"):
        assert words in page.inner_text("main")
    if keep:
        save(page, Path(keep) / "kiosk-login-vi.png")
    page.fill("#number", "123")
    page.check("input[name=agree]")
    page.locator("#agree button").click()
    page.wait_for_selector("#error-code")
    assert page.inner_text("#error-code") == "agent.number"
    assert serious_issues(page) == []
    page.click("#decline button")
    page.wait_for_selector("#declined-vi")
    assert serious_issues(page) == []


def test_reader_and_progress_are_live_while_the_card_is_read(page: Any, field: Field) -> None:
    """The page tells by its console: Playwright itself waits while a form is under way."""
    field.kiosk.kiosk.desk.show(reader="ready")
    page.wait_for_function("document.getElementById('reader-state').textContent.includes('ready')")
    field.gate.clear()
    field.cards[:] = [field.card()]
    told: list[str] = []
    page.on("console", lambda said: told.append(said.text))
    page.evaluate(
        """() => new MutationObserver(() => console.log("progress shown")).observe(
             document.querySelector("#progress").parentElement, { attributes: true })"""
    )
    page.fill("#number", NUMBER)
    page.check("input[name=agree]")
    opened = threading.Timer(2.0, field.gate.set)
    opened.start()
    page.locator("#agree > button").click(no_wait_after=True)
    page.wait_for_url(f"{field.issuer}/**")
    opened.join()
    page.wait_for_selector("form#consent")
    assert "progress shown" in told
    assert field.kiosk.agent.delivered is not None
    assert field.kiosk.kiosk.desk.live.done > 3
