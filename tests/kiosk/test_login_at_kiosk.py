"""Card login on an enrolled kiosk: signed by the kiosk, no session left, over with the card."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from eid.admin.counter import officer_login
from eid.chip.access import can_from_number, personal_number
from eid.chip.read import read
from eid.keys import SigningKey
from eid.oidc.clients import client_from_metadata
from eid.testing.browser import Browser, Page

from .field import NUMBER, Field, in_the_field, wait_until

PASSWORD = "một mật khẩu đủ dài"
SECRET = "a secret of the example"
CALLBACK = "http://127.0.0.1:9/callback"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with in_the_field(tmp_path_factory.mktemp("login"), serve=True) as field:
        client = client_from_metadata(
            {
                "client_id": "portal", "client_secret": SECRET, "redirect_uris": [CALLBACK],
                "grant_types": ["authorization_code", "refresh_token"],
                "scope": "openid offline_access",
            },
            legal_entity="Example",
        )  # fmt: skip
        at = datetime.now(UTC)
        installation = field.installation
        installation.add_clients([client], at=at)
        installation.add_account(username="can-bo", password=PASSWORD, roles=["officer"], at=at)
        officer = officer_login(installation.accounts, "can-bo", PASSWORD, address="c", at=at)
        desk = installation.counter()
        appointment = desk.begin(officer, at=at)
        key = can_from_number(personal_number(NUMBER))
        evidence = read(field.card(), key, challenge=appointment.challenge, at=at)
        desk.enrol(
            officer, appointment.id, evidence, username="nguoi-thu", password=PASSWORD,
            matched_by_hand=True, at=at,
        )  # fmt: skip
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
    import hashlib  # noqa: PLC0415
    from base64 import urlsafe_b64encode  # noqa: PLC0415

    challenge = urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()
    query = urlencode(
        {
            "response_type": "code", "client_id": "portal", "redirect_uri": CALLBACK,
            "scope": "openid offline_access", "state": "s" * 22, "nonce": "n" * 22,
            "code_challenge": challenge, "code_challenge_method": "S256",
            "acr_values": "urn:eid:level:2",
        }
    )  # fmt: skip
    browser = browser or Browser()
    return Login(field, browser, browser.open(f"{field.issuer}/authorize?{query}"))


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
