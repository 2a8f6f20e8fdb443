"""A remote verifier in the settings, and its word in the judgement of provider and counter."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from eid.app.gateway import gateway_of
from eid.app.installation import Installation, open_installation
from eid.app.settings import Settings
from eid.chip.evidence import UNKNOWN_ACCESS, ActiveAuthentication, Evidence
from eid.cli.doctor import _settings as doctor
from eid.errors import EidError, SettingsError, VerificationError
from eid.keys import SigningKey
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.faults import tampered_dg1
from eid.testing.remote_gateway import FakeGateway
from eid.testing.softcard_active import sign
from tests.app.gateway_server import CREDENTIAL, GatewayServer, serving

CHALLENGE = bytes(range(8))
MINIMUM = """
issuer = "http://127.0.0.1:8400"
listen = "127.0.0.1:8400"
database = "sqlite:///eid.db"
data_dir = "data"
trust = "trust"
[agent]
url = "http://127.0.0.1:8350"
[password]
insecure_fast_hash = true
"""
GATEWAY = '[gateway]\nurl = "https://gateway.example/verdicts"\nissuer = "https://gateway.example"\nkeys = "gateway.json"\n'


def load(tmp_path: Path, tables: str, **environ: str) -> Settings:
    path = tmp_path / "eid.toml"
    path.write_text(MINIMUM + tables)
    return Settings.load(path, environ)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    jwk = SigningKey.generate("gateway").public_jwk()
    (tmp_path / "set.json").write_text(json.dumps({"keys": [jwk]}))
    (tmp_path / "empty.json").write_text('{"keys": []}')
    (tmp_path / "secret.json").write_text(json.dumps(jwk | {"d": "AAAA"}))
    (tmp_path / "token").write_text("token-in-a-file\n")
    (tmp_path / "two lines").write_text("one\ntwo")
    (tmp_path / "gateway.json").write_text(json.dumps(jwk))
    return tmp_path / "gateway.json"


def test_nobody_is_asked_by_default(tmp_path: Path, keys: Path) -> None:
    assert load(tmp_path, "").gateway is None


def test_a_gateway_by_file_and_environment(tmp_path: Path, keys: Path) -> None:
    gateway = load(tmp_path, GATEWAY, EID_GATEWAY_CREDENTIAL="token.of.ours").gateway
    assert gateway is not None
    assert (gateway.audience, gateway.timeout_s, gateway.max_age_s) == (
        "http://127.0.0.1:8400",
        5,
        300,
    )
    assert gateway.credential == "token.of.ours"
    assert "token.of.ours" not in repr(gateway)
    assert len(gateway.key_set().keys) == 1
    more = 'credential_file = "token"\ntimeout_s = 2\nmax_age_s = 60\naudience = "us"\n'
    gateway = load(tmp_path, GATEWAY.replace("gateway.json", "set.json") + more).gateway
    assert gateway is not None
    assert (gateway.credential, gateway.timeout_s) == ("token-in-a-file", 2)
    assert (gateway.audience, gateway.max_age_s) == ("us", 60)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("https://gateway.example/v", "http://gateway.example/v", "gateway.url"),
        ("https://gateway.example/v", "https://a:b@gateway.example/v", "gateway.url"),
        ('url = "https://gateway.example/verdicts"\n', "", "gateway.url"),
        ('issuer = "https://gateway.example"\n', "", "gateway.issuer"),
        ('keys = "gateway.json"\n', "", "gateway.keys"),
        ("gateway.json", "nowhere.json", "gateway.keys"),
        ("gateway.json", "empty.json", "gateway.keys"),
        ("gateway.json", "secret.json", "gateway.keys"),
        ("gateway.json", "token", "gateway.keys"),
        ("[gateway]", "[gateway]\ntimeout_s = 0", "gateway.timeout_s"),
        ("[gateway]", "[gateway]\ntimeout_s = 16", "gateway.timeout_s"),
        ("[gateway]", "[gateway]\nmax_age_s = 301", "gateway.max_age_s"),
        ("[gateway]", '[gateway]\nmax_age_s = "60"', "gateway.max_age_s"),
        ("[gateway]", '[gateway]\ncredential = "two words"', "gateway.credential"),
        ("[gateway]", '[gateway]\ncredential_file = "two lines"', "gateway.credential_file"),
        ("[gateway]", '[gateway]\ncredential_file = "none"', "gateway.credential_file"),
        (
            "[gateway]",
            '[gateway]\ncredential = "a"\ncredential_file = "token"',
            "gateway.credential_file",
        ),
        ("[gateway]", "[gateway]\nretries = 3", "gateway.retries"),
    ],
)
def test_a_bad_setting_is_told_by_its_key(
    tmp_path: Path, keys: Path, old: str, new: str, key: str
) -> None:
    assert old in GATEWAY
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, GATEWAY.replace(old, new))
    assert caught.value.facts["key"] == key
    [finding] = doctor(tmp_path / "eid.toml")
    assert finding.status == "failed"
    assert key in finding.message


# -- its word ------------------------------------------------------------------------------------


@pytest.fixture
def server(card_image: CardImage, at: datetime) -> Iterator[GatewayServer]:
    gateway = FakeGateway.create(clock=lambda: at)
    gateway.issue(card_image)
    with serving(gateway) as state:
        yield state


@pytest.fixture
def evidence(card_image: CardImage, at: datetime) -> Evidence:
    response = sign(card_image.aa_private_key, CHALLENGE, rng=secrets.token_bytes)
    proof = ActiveAuthentication(challenge=CHALLENGE, response=response, source="verifier")
    return Evidence(
        files=card_image.files, access=UNKNOWN_ACCESS, active_authentication=proof, read_at=at
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One installation's folder: its keys are made once."""
    return tmp_path_factory.mktemp("installation")


@pytest.fixture
def anchored(authority: DocumentAuthority, tmp_path: Path, at: datetime) -> Path:
    return authority.trust_folder(tmp_path / "anchored", crl=authority.crl(at=at))


@pytest.fixture(scope="module")
def unanchored(place: Path, at: datetime) -> Path:
    nobody = DocumentAuthority.create(at=at)
    return nobody.trust_folder(place / "unanchored", crl=nobody.crl(at=at))


def opened(place: Path, trust: Path, server: GatewayServer | None) -> Settings:
    settings = replace(load(place, ""), trust=trust)
    return replace(settings, gateway=server.settings if server else None)


def judged(installation: Installation, door: str, evidence: Evidence, at: datetime) -> str:
    """What came of it at one of the doors: the source, or the error and the gateway's part."""
    try:
        if door == "counter":
            desk = installation.counter(clock=lambda: at)
            return desk.judge(evidence, CHALLENGE, at=at).source
        provider = installation.provider(clock=lambda: at)
        judge = provider.judge_visit if door == "visit" else provider.judge_evidence
        assert judge is not None
        return judge(evidence, CHALLENGE, at, None).source
    except VerificationError as error:
        verdict = error.verdict
        return f"{error.code} {verdict.check('remote').code}"  # type: ignore[attr-defined]


NO_WORD = [
    ("hang_up", "remote.no_answer"),
    ("status", "remote.no_answer"),
    ("redirect", "remote.no_answer"),
    ("garbage", "remote.no_answer"),
    ("huge", "remote.no_answer"),
    ("other_key", "remote.no_answer"),
    ("silent", "remote.no_answer"),
    ("drip", "remote.no_answer"),
    ("wrong_nonce", "remote.other_nonce"),
    ("other_card", "remote.other_card"),
    ("old", "remote.too_old"),
    ("undecided", "remote.undecided"),
]


@pytest.mark.parametrize("door", ["login", "counter"])
def test_a_word_counts_for_a_card_without_an_anchor(
    place: Path,
    unanchored: Path,
    server: GatewayServer,
    evidence: Evidence,
    card_image: CardImage,
    at: datetime,
    door: str,
) -> None:
    with open_installation(opened(place, unanchored, server)) as installation:
        assert judged(installation, door, evidence, at) == "chip_remote_verifier"
        assert server.seen[-1]["Authorization"] == f"Bearer {CREDENTIAL}"
        assert "EF.DG2" not in server.files[-1]
        server.gateway.block(card_image)
        assert judged(installation, door, evidence, at) == "remote.refused remote.refused"
    with open_installation(opened(place, unanchored, None)) as installation:
        assert judged(installation, door, evidence, at) == "chain.unanchored remote.not_asked"


@pytest.mark.parametrize(("fault", "code"), NO_WORD)
@pytest.mark.parametrize("door", ["login", "counter"])
def test_no_word_is_a_state_of_its_own_and_accepts_nobody(
    place: Path,
    unanchored: Path,
    server: GatewayServer,
    evidence: Evidence,
    at: datetime,
    door: str,
    fault: str,
    code: str,
) -> None:
    server.break_as(fault)
    with open_installation(opened(place, unanchored, server)) as installation:
        assert judged(installation, door, evidence, at) == f"chain.unanchored {code}"
    assert len(server.seen) == 1
    # whoever keeps silent still does: nobody waited for him
    assert not server.released.is_set()


@pytest.mark.parametrize("door", ["login", "counter"])
def test_an_anchor_needs_no_word_but_yields_to_a_refusal(
    place: Path,
    anchored: Path,
    server: GatewayServer,
    evidence: Evidence,
    card_image: CardImage,
    at: datetime,
    door: str,
) -> None:
    with open_installation(opened(place, anchored, server)) as installation:
        for fault in ("", "hang_up", "undecided"):
            server.break_as(fault)
            assert judged(installation, door, evidence, at) == "chip_local"
        server.break_as("")
        server.gateway.block(card_image)
        assert judged(installation, door, evidence, at).startswith("remote.refused")


def test_what_we_find_wrong_ourselves_is_sent_to_nobody(
    place: Path,
    anchored: Path,
    unanchored: Path,
    authority: DocumentAuthority,
    server: GatewayServer,
    evidence: Evidence,
    card_image: CardImage,
    at: datetime,
) -> None:
    forged = replace(evidence, files=tampered_dg1(card_image).files)
    copied = replace(evidence, active_authentication=None)
    server.gateway.issue(tampered_dg1(card_image))
    with open_installation(opened(place, unanchored, server)) as installation:
        for door in ("login", "counter"):
            for bad in (forged, copied):
                assert judged(installation, door, bad, at).endswith("remote.not_asked")
    authority.trust_folder(anchored, crl=authority.crl(revoked=[authority.ds_serial], at=at))
    with open_installation(opened(place, anchored, server)) as installation:
        assert judged(installation, "login", evidence, at) == "chain.revoked remote.not_asked"
    assert server.gateway.asked == 0


def test_a_kiosks_visit_is_judged_without_it(
    place: Path, unanchored: Path, server: GatewayServer, evidence: Evidence, at: datetime
) -> None:
    with open_installation(opened(place, unanchored, server)) as installation:
        assert judged(installation, "visit", evidence, at) == "chain.unanchored remote.not_asked"
    assert server.seen == []


def test_a_private_address_is_called_only_if_it_is_listed(
    tmp_path: Path, keys: Path, at: datetime
) -> None:
    table = GATEWAY.replace("gateway.example/", "10.0.0.1:1/")
    gateway = gateway_of(load(tmp_path, table), clock=lambda: at)
    assert gateway is not None
    with pytest.raises(EidError) as caught:
        gateway.verifier.post(b"{}")  # type: ignore[attr-defined]
    assert caught.value.code == "outbound.forbidden"
