"""A card that only a remote verifier vouches for: what it raises, and what it is not (contracts §6)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from falcon import testing
from sqlalchemy import select

from eid.app.gateway import gateway_of
from eid.app.installation import LOGIN
from eid.app.settings import Settings
from eid.app.verifier import TrustFolder, Verifier
from eid.oidc.web import create_app
from eid.store.audit import _stored
from eid.store.schema import audit_rows
from eid.testing.authority import DocumentAuthority
from eid.testing.remote_gateway import FakeGateway
from tests.app.gateway_server import serving
from tests.oidc.conftest import NOW
from tests.oidc.test_sign_up import begin, give_code, named, show_card, without_level


@pytest.fixture
def gateway(home, images):
    made = FakeGateway.create(clock=lambda: home.now)
    for image in images.values():
        made.issue(image)
    with serving(made) as server:
        yield server


@pytest.fixture
def field(home, gateway, tmp_path):
    """The provider where no anchor of the state is known, and a gateway is asked."""
    nobody = DocumentAuthority.create(at=NOW)
    folder = nobody.trust_folder(tmp_path / "unanchored", crl=nobody.crl(at=NOW))

    def asking():
        settings = Settings(
            issuer="http://127.0.0.1:9",
            host="127.0.0.1",
            port=9,
            database="sqlite://",
            data_dir=tmp_path,
            trust=folder,
            agent_url="http://127.0.0.1:8",
            legal_entity="Example",
            role="own_services",
            gateway=gateway.settings,
        )
        found = gateway_of(settings, clock=lambda: home.now)
        return Verifier(trust=TrustFolder(folder), policy=LOGIN, gateway=found)

    home.store.subjects.erase("account-mau", by="test", reason="test", at=home.now)

    def judge(*asked):
        return asking()(*asked)

    provider = replace(home.provider, judge_evidence=judge)
    return replace(home, provider=provider, client=testing.TestClient(create_app(provider)))


def details(home, kind):
    """What the record's rows of a kind say."""
    with home.store.database.read() as connection:
        rows = [_stored(row) for row in connection.execute(select(audit_rows))]
    return [row.event.detail for row in rows if row.event.kind == kind]


def test_sign_up_reaches_level_1_by_a_confirmed_card(field):
    guest = field.browser()
    here, _ = named(field, guest)
    page = guest.get(f"{here}/code")
    form = {"csrf": page.field("csrf"), "code": field.sent()[-1]}
    assert guest.post(f"{here}/code", form).path == f"{here}/enter"
    account = field.store.accounts.by_username("mau.new")
    assert (account.level, account.source) == (1, "chip_remote_verifier")
    [detail] = details(field, "account.proofed_remotely")
    assert detail["source"] == "chip_remote_verifier"


def test_my_account_reaches_level_1_and_counts_no_possession(field):
    guest = field.browser()
    rise = without_level(field, guest)
    give_code(field, guest, rise)
    assert field.card(guest, rise, "mau").path == f"{rise}/enter"
    assert guest.get(f"{rise}/enter").path == "/account"
    assert '<dd id="level">1</dd>' in guest.get("/account").text
    account = field.store.accounts.by_username("mau.new")
    assert (account.level, account.source) == (1, "chip_remote_verifier")
    assert "login.card_confirmed" in field.events()
    assert "login.card" not in field.events()


def test_the_source_is_in_the_id_token(field):
    """Whose word an account rests on goes to the service as it was recorded."""
    thu = field.store.accounts.by_id(field.thu)
    field.store.accounts.update(replace(thu, source="chip_remote_verifier"), at=field.now)
    token = field.claims(field.redeem(field.code()).json()["id_token"])
    assert token["eid_source"] == "chip_remote_verifier"


@pytest.mark.parametrize(
    ("fault", "code", "remote"),
    [
        ("", "card.possession", None),
        ("block", "remote.refused", "remote.refused"),
        ("hang_up", "chain.unanchored", "remote.no_answer"),
        ("silent", "chain.unanchored", "remote.no_answer"),
        ("wrong_nonce", "chain.unanchored", "remote.other_nonce"),
        ("other_card", "chain.unanchored", "remote.other_card"),
        ("old", "chain.unanchored", "remote.too_old"),
    ],
)
def test_card_login_is_no_possession_by_anothers_word(field, gateway, images, fault, code, remote):
    """An anchored card is possession, a confirmed one is not; a refusal is told as one."""
    if fault == "block":
        gateway.gateway.block(images["thu"])
    else:
        gateway.break_as(fault)
    browser = field.browser()
    here = field.begin(browser)
    assert field.card(browser, here, "thu").code == code
    assert "login.card" not in field.events()
    [detail] = details(field, "card.refused")
    assert (detail["code"], detail.get("remote")) == (code, remote)
    assert len(gateway.seen) == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("block", "remote.refused"),
        ("hang_up", "chain.unanchored"),
        ("silent", "chain.unanchored"),
        ("wrong_nonce", "chain.unanchored"),
        ("other_card", "chain.unanchored"),
        ("old", "chain.unanchored"),
    ],
)
def test_sign_up_begins_with_nothing_less_than_a_confirmation(field, gateway, images, fault, code):
    if fault == "block":
        gateway.gateway.block(images["mau"])
    else:
        gateway.break_as(fault)
    guest = field.browser()
    here = begin(field, guest)
    assert show_card(field, guest, here).code == code
    assert guest.get(f"{here}/name").code == "interaction.impossible_step"


def test_a_gateway_that_falls_silent_before_the_code_raises_nobody(field, gateway):
    guest = field.browser()
    here, _ = named(field, guest)
    page = guest.get(f"{here}/code")
    gateway.break_as("hang_up")
    form = {"csrf": page.field("csrf"), "code": field.sent()[-1]}
    assert guest.post(f"{here}/code", form).code == "chain.unanchored"
    assert field.store.accounts.by_username("mau.new").level == 0
