from datetime import UTC, datetime
from pathlib import Path

import pytest

from eid.app import ManualProof, Settings, open_installation
from eid.app.installation import _node
from eid.app.serving import create_wsgi
from eid.errors import AccountError, FormatError, SettingsError
from eid.oidc.clients import client_from_metadata

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, trust_folder: Path) -> Settings:
    (tmp_path / "eid.toml").write_text(
        f"""
issuer = "http://127.0.0.1:8400"
listen = "127.0.0.1:8400"
database = "sqlite:///eid.db"
data_dir = "data"
trust = "{trust_folder}"
[agent]
url = "http://127.0.0.1:8350"
[password]
insecure_fast_hash = true
"""
    )
    return Settings.load(tmp_path / "eid.toml")


def test_an_empty_place_becomes_a_provider(settings: Settings) -> None:
    with open_installation(settings) as installation:
        assert installation.is_ready()
        provider = installation.provider()
        assert provider.settings.issuer == settings.issuer
        assert installation.counter() is not None
        keys = {installation.qr_key().kid, provider.keys.tokens.kid}
        assert len(keys | {provider.keys.card_requests.kid, provider.keys.evidence.kid}) == 4
    with open_installation(settings) as installation:
        assert installation.provider().keys.tokens.kid == provider.keys.tokens.kid
    assert (settings.data_dir / "keys").stat().st_mode & 0o777 == 0o700
    assert create_wsgi(settings) is not None


def test_a_level_by_hand_leaves_a_row_with_officer_and_reason(settings: Settings) -> None:
    with open_installation(settings) as installation:
        made = installation.add_account(
            username="an",
            password="correct horse battery",
            proof=ManualProof(level=2, officer="officer-1", reason="paper file 7"),
            at=NOW,
        )
        assert (made.level, made.source, made.holder_match) == (2, "manual", "officer")
        (row,) = installation.audit.of_account(made.id)
        assert row.event.kind == "account.added"
        assert row.event.detail["proofed_by"] == "officer-1"
        assert row.event.detail["reason"] == "paper file 7"
        assert installation.audit.verify().rows
        with pytest.raises(AccountError, match="taken"):
            installation.add_account(username="AN", password="correct horse battery", at=NOW)


def test_without_a_proof_there_is_no_level(settings: Settings) -> None:
    with open_installation(settings) as installation:
        made = installation.add_account(username="b", password="correct horse battery", at=NOW)
    assert (made.level, made.state) == (0, "registered")
    for officer, reason in (("", "why"), ("who", "")):
        with pytest.raises(FormatError) as caught:
            ManualProof(level=2, officer=officer, reason=reason)
        assert caught.value.code == "input.proofed_by"


def test_clients_are_kept_with_hashed_secrets(settings: Settings) -> None:
    metadata = {
        "client_id": "portal",
        "client_secret": "a-secret-of-the-portal",
        "redirect_uris": ["https://portal.example/callback"],
    }
    with open_installation(settings) as installation:
        for name in ("Portal", "The Portal"):
            client = client_from_metadata(
                {**metadata, "client_name": name}, legal_entity=settings.legal_entity
            )
            installation.add_clients([client], at=NOW)
        found = installation.clients.by_id("portal")
        assert found is not None
        assert found.name == "The Portal"
        assert installation.clients.by_id("nobody") is None
        assert [one.client_id for one in installation.clients.all()] == ["portal"]
        assert installation.audit.count("client.added") == 1
        assert installation.audit.count("client.changed") == 1
    database = Path(settings.database.removeprefix("sqlite:///"))
    for path in database.parent.glob("eid.db*"):
        assert b"a-secret-of-the-portal" not in path.read_bytes()


def test_not_ready_without_its_trust_folder(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "eid.toml"
    path.write_text(path.read_text().replace(str(settings.trust), str(tmp_path / "gone")))
    with open_installation(Settings.load(path)) as installation:
        assert not installation.is_ready()
        with pytest.raises(SettingsError):
            installation.counter()


def test_the_machines_name_is_a_nodes_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, node in (("Kiosk-7.local", "kiosk7"), ("ü", "node"), ("a" * 80, "a" * 63)):
        monkeypatch.setattr("socket.gethostname", lambda name=name: name)
        assert _node() == node
