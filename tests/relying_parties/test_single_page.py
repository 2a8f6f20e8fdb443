"""oidc-client-ts in a real Chromium: a public client with DPoP, its own page only (CORS)."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .conftest import Place
from .packages import LOG_IN, node_packages
from .place import AUTH_1, LEVEL_2, PATIENCE_S, free_port, running, without_level

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
TOLD = "#told:not(:empty)"


@pytest.fixture(scope="module")
def chromium(playwright: Any) -> Iterator[Any]:
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE_S * 1000
    )
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def site(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example as it stands, with the library beside it and the provider's address in it."""
    folder = tmp_path_factory.mktemp("page") / "site"
    shutil.copytree(LOG_IN / "single_page", folder)
    library = node_packages() / "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js"
    shutil.copy(library, folder)
    settings = {"issuer": place.issuer, "client_id": "page"}
    (folder / "settings.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture
def page(chromium: Any, site: Path, place: Place) -> Iterator[Any]:
    """The example's page, open in a browser that was never here before."""
    with served(site, place.clients["page"].port) as origin, opened(chromium, origin) as page:
        yield page


@contextmanager
def served(site: Path, port: int) -> Iterator[str]:
    origin = f"http://127.0.0.1:{port}"
    words = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "-d", site]
    with running(words, origin, cwd=site.parent):
        yield origin


@contextmanager
def opened(chromium: Any, origin: str) -> Iterator[Any]:
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.goto(origin)
    page.wait_for_selector("html[data-ready]", state="attached")
    yield page
    context.close()


def log_in(page: Any, username: str) -> None:
    page.fill("#login [name=username]", username)
    page.fill("#login [name=password]", "development")
    page.click("#login button")


def told(page: Any) -> dict[str, object]:
    page.wait_for_selector(TOLD)
    answer: dict[str, object] = json.loads(page.inner_text("#told"))
    page.evaluate("document.getElementById('told').textContent = ''")
    return answer


def test_tokens_are_bound_and_renewed(page: Any) -> None:
    page.click("#log-in")
    log_in(page, "level2")
    page.click("#consent button")
    first = told(page)
    assert first.pop("name")
    assert first.pop("sub")
    assert first == {"acr": AUTH_1, "token": "DPoP"}
    page.click("#renew")
    assert told(page)["renewed"] is True


def test_level_2_with_the_card(page: Any) -> None:
    page.click("#records")
    log_in(page, "level2")
    page.click("#card-link")
    page.click("#card button")
    page.click("#choose button:has-text('level2:')")
    page.click("#consent button")
    assert told(page)["acr"] == LEVEL_2


def test_a_level_that_cannot_be_reached(page: Any) -> None:
    page.click("#records")
    log_in(page, "level0")
    assert told(page) == {"refused": "unmet_authentication_requirements"}


def test_a_level_that_was_dropped_on_the_way(page: Any, place: Place) -> None:
    def drop(route: Any) -> None:
        route.continue_(url=without_level(route.request.url))

    page.route(f"{place.issuer}/authorize?*", drop)
    page.click("#records")
    log_in(page, "level1")
    page.click("#consent button")
    assert "not at the level" in str(told(page)["refused"])


def test_a_page_of_another_origin_reads_nothing(chromium: Any, site: Path, place: Place) -> None:
    """The same page elsewhere: it gets the metadata, and no answer of the token endpoint."""
    attempt = """async ([url, form]) => {
        try { return (await fetch(url, {method: 'POST', body: new URLSearchParams(form)})).status }
        catch (error) { return error.name }
    }"""
    form = {"client_id": "page", "grant_type": "authorization_code", "code": "A" * 43}
    asked = [f"{place.issuer}/token", form]
    with served(site, free_port()) as origin, opened(chromium, origin) as page:
        assert page.evaluate(attempt, asked) == "TypeError"
    with served(site, place.clients["page"].port) as own, opened(chromium, own) as page:
        assert page.evaluate(attempt, asked) == 400
