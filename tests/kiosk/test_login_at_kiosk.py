"""Card login on an enrolled kiosk: signed by the kiosk, no session left, over with the card."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from eid.keys import SigningKey
from eid.testing.browser import Browser, Page

from .field import (
    CALLBACK,
    NUMBER,
    PASSWORD,
    SECRET,
    Field,
    add_portal,
    authorize_url,
    in_the_field,
    wait_until,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with in_the_field(tmp_path_factory.mktemp("login"), serve=True) as field:
        add_portal(field)
        yield field


@dataclass
class Login:
    field: Field
    browser: Browser
    page: Page

    def to_agent(self) -> None:
        self.page = self.browser.submit(
            self.page, self.page.form("login"), username="nguoi-thu", password=PASSWORD
        )
        if "card-link" in self.page.links:
            self.page = self.browser.follow(self.page, self.page.links["card-link"])
        self.page = self.browser.submit(self.page, self.page.form("card"))

    def read(self) -> None:
        self.field.cards[:] = [self.field.card()]
        form = self.page.form("agree")
        self.page = self.browser.submit(self.page, form, number=NUMBER, agree="yes")

    def consent(self) -> dict[str, Any]:
        """Agree; the token response, whose code comes back in an address nobody serves."""
        with pytest.raises(requests.ConnectionError) as caught:
            self.browser.submit(self.page, self.page.form("consent"))
        assert caught.value.request is not None
        code = parse_qs(urlsplit(caught.value.request.url or "").query)["code"][0]
        answer = requests.post(
            f"{self.field.issuer}/token",
            data={
                "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
                "code_verifier": "v" * 43,
            },
            auth=("portal", SECRET),
            timeout=60,
        )  # fmt: skip
        return dict(json.loads(answer.text))


@pytest.fixture
def login(shared: Field) -> Login:
    return begin(shared)


def begin(field: Field, browser: Browser | None = None) -> Login:
    browser = browser or Browser()
    return Login(field, browser, browser.open(authorize_url(field)))


def test_a_login_at_a_kiosk_leaves_nothing_behind(login: Login) -> None:
    login.to_agent()
    login.read()
    tokens = login.consent()
    assert "id_token" in tokens
    assert "refresh_token" not in tokens
    assert not [name for _, _, name in login.browser._cookies if "session" in name]
    again = begin(login.field, login.browser)
    assert again.page.form("login")  # no single sign-on


def test_elsewhere_the_same_login_has_a_session_and_refreshes(login: Login) -> None:
    """The control: without the kiosk's own signature it is an ordinary agent."""
    agent = login.field.kiosk.agent
    identity, agent._identity = agent._identity, None
    try:
        login.to_agent()
        login.read()
        tokens = login.consent()
    finally:
        agent._identity = identity
    assert "refresh_token" in tokens
    assert [name for _, _, name in login.browser._cookies if "session" in name]


def test_my_account_does_not_open_at_a_kiosk(shared: Field) -> None:
    """Its session would still be there for the next person, and outlive the card."""
    browser = Browser()
    login = Login(shared, browser, browser.open(f"{shared.issuer}/account"))
    login.page = browser.follow(login.page, login.page.links["card-link"])
    login.page = browser.submit(login.page, login.page.form("card"))
    before = {name for _, _, name in browser._cookies}
    login.read()
    assert login.page.error_code == "account.at_kiosk"
    assert {name for _, _, name in browser._cookies} <= before


def test_taking_the_card_away_ends_the_login(login: Login) -> None:
    login.to_agent()
    program = login.field.kiosk
    program.reader_changed("card")
    login.read()
    assert login.page.form("consent")
    count = login.field.installation.audit.count
    before = count("kiosk.card_gone")
    program.reader_changed("ready")
    wait_until(lambda: count("kiosk.card_gone") == before + 1)
    over = login.browser.submit(login.page, login.page.form("consent"))
    assert over.error_code == "interaction.over"


def test_a_finished_login_is_not_touched(login: Login) -> None:
    login.to_agent()
    login.read()
    jti = login.field.kiosk.agent.delivered
    assert jti is not None
    assert "id_token" in login.consent()
    assert login.field.kiosk.line._call("gone", more={"card_request": jti})["ended"] is False


def test_a_kiosk_ends_only_its_own_logins(login: Login) -> None:
    agent = login.field.kiosk.agent
    identity, agent._identity = agent._identity, None
    try:
        login.to_agent()
        login.read()
    finally:
        agent._identity = identity
    jti = agent.delivered
    assert jti is not None
    assert login.field.kiosk.line._call("gone", more={"card_request": jti})["ended"] is False
    assert "id_token" in login.consent()


@pytest.mark.parametrize("lie", ["key", "id", "revoked", "evidence"])
def test_a_kiosks_signature_that_does_not_hold(login: Login, lie: str) -> None:
    agent = login.field.kiosk.agent
    identity = agent._identity
    assert identity is not None
    changed = {
        "key": lambda: replace(identity, key=SigningKey.generate("kiosk")),
        "id": lambda: replace(identity, id="n" * 22),
        "revoked": lambda: _revoked(login.field),
        "evidence": lambda: _Liar(identity),
    }[lie]()
    agent._identity = changed  # type: ignore[assignment]
    try:
        login.to_agent()
        login.read()
    finally:
        agent._identity = identity
    assert login.page.error_code == "agent.evidence_refused"
    assert urlsplit(login.page.url).netloc == login.field.listen


def _revoked(field: Field) -> Any:
    from .test_chain import Liar  # noqa: PLC0415

    liar = Liar(field)
    field.installation.store.kiosks.revoke(liar.id, at=field.clock.server())
    return liar.line._identity


class _Liar:
    """Signs another evidence than the one that it sends."""

    def __init__(self, identity: Any) -> None:
        self._identity = identity
        self.id, self.issuer = identity.id, identity.issuer

    def statement(self, evidence: Any, jti: str, *, at: datetime) -> str:
        other = replace(evidence, read_at=datetime(2020, 1, 1, tzinfo=UTC))
        return str(self._identity.statement(other, jti, at=at))
