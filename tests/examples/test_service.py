"""The service's program and the README's third way, at a real provider with a software card."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import falcon
import pytest

from eid.oidc.upstream import RelyingParty

from .place import Place, open_place

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.fixture
def place(today, tmp_path: Path) -> Iterator[Place]:
    with open_place(tmp_path, today.trust, today.image, today.number) as place:
        yield place


@pytest.fixture
def service(place: Place, program: Callable[[str], ModuleType]) -> Place:
    module = program("service/service.py")
    place.service.serve(module.create_app(RelyingParty(place.party)))
    return place


def test_card_and_password_let_in_at_level_two(service: Place) -> None:
    page = service.log_in(service.service.origin + "/")
    assert page.status == 200
    assert page.codes["subject"]
    assert "account level 2, authentication level 2" in page.text
    assert service.number not in page.text


def test_an_answer_counts_once_and_for_its_own_browser(service: Place) -> None:
    page = service.log_in(service.service.origin + "/")
    again = service.browser.open(page.url)
    assert again.status == 400
    assert "has not begun" in again.text


def test_who_gives_up_is_not_let_in(service: Place) -> None:
    page = service.log_in(service.service.origin + "/", with_card=False)
    assert page.status == 403
    assert "access_denied" in page.text


class Callback:
    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        response.text = "back"


def test_the_third_way_of_the_readme(place: Place) -> None:
    app = falcon.App()
    app.add_route("/callback", Callback())
    place.service.serve(app)
    block = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)[2]
    *lines, last = block.strip().splitlines()
    names: dict[str, object] = {
        "issuer": place.party.issuer,
        "client_id": place.party.client_id,
        "secret": place.party.client_secret,
        "redirect_uri": place.party.redirect_uri,
        "browse": lambda url: place.log_in(url).url,
    }
    exec("\n".join(lines), names)
    subject, level, auth_level = eval(last, names)
    assert subject
    assert (level, auth_level) == (2, 2)
