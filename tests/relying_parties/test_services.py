"""The services of ``examples/log_in``: they let in at the level they need, and refuse the rest.

Each is a process of its own with its own library; the provider is one process for all.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Place
from .place import AUTH_1, LEVEL_2, without_level
from .services import service

SECRET_PAGE = "for level 2 only"


@pytest.mark.parametrize(
    "name", ["flask", "django", "fastapi", "idpyoidc", "node", "passport", "apache"]
)
def test_a_service(name: str, place: Place, tmp_path: Path) -> None:
    with service(name, place.clients[name], place.issuer, tmp_path) as origin:
        all_of_it(place, origin)


def all_of_it(place: Place, origin: str) -> None:
    lets_in_with_a_password(place, origin)
    lets_in_with_a_card(place, origin)
    refuses_whoever_cannot_reach_the_level(place, origin)
    refuses_a_login_whose_level_was_dropped(place, origin)
    refuses_an_answer_to_another_browser(place, origin)


def lets_in_with_a_password(place: Place, origin: str) -> None:
    page = place.person("level1").go(f"{origin}/")
    assert page.status == 200, page.text
    told = json.loads(page.text)
    assert (told["acr"], bool(told["sub"]), told["name"]) == (AUTH_1, True, "Trần Thị Mẫu")


def lets_in_with_a_card(place: Place, origin: str) -> None:
    """Signed on by password first: the records ask for more in the same browser."""
    person = place.person("level2")
    person.go(f"{origin}/")
    page = person.go(f"{origin}/records")
    assert page.status == 200, page.text
    assert json.loads(page.text) == {"acr": LEVEL_2, "records": SECRET_PAGE}


def refuses_whoever_cannot_reach_the_level(place: Place, origin: str) -> None:
    page = place.person("level1").go(f"{origin}/records")
    assert SECRET_PAGE not in page.text
    assert page.url.startswith(f"{origin}/"), page.text
    assert page.status in {401, 403} or "Error" in page.text


def refuses_a_login_whose_level_was_dropped(place: Place, origin: str) -> None:
    """The person takes the demand out of the request on its way through the browser."""
    person = place.person("level1")
    page = person.browser.open(without_level(person.asked_at(f"{origin}/records")))
    page = person.through(page)
    assert SECRET_PAGE not in page.text
    assert SECRET_PAGE not in person.browser.open(f"{origin}/records").text


def refuses_an_answer_to_another_browser(place: Place, origin: str) -> None:
    """A code of the attacker's own login, brought to the victim's browser (login CSRF)."""
    attacker, victim = place.person("level2"), place.person("level1")
    url = attacker.asked_at(f"{origin}/")
    answer = attacker.answer_to(url)
    victim.asked_at(f"{origin}/")
    page = victim.browser.open(answer)
    assert page.status in {400, 401, 403}, page.text
    assert "acr" not in page.text
