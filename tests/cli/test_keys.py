import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from eid.app import Settings
from eid.app.live_keys import LiveKeys
from eid.app.serving import create_wsgi
from eid.cli import main
from eid.cli.development import development_keys, refuse_production
from eid.errors import SettingsError, Unavailable
from eid.keys import Envelope
from eid.keys.files import load_signing_key
from eid.keys.folder import KeyFolder
from eid.keys.ring import load_ring, rotate
from eid.oidc.provider import ProviderKeys


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "eid.toml"
    path.write_text(
        'issuer = "http://127.0.0.1:8080"\nlisten = "127.0.0.1:8080"\n'
        'database = "sqlite:///eid.db"\ndata_dir = "data"\ntrust = "trust"\n'
        '[agent]\nurl = "http://127.0.0.1:35970"\n[password]\ninsecure_fast_hash = true\n',
        encoding="utf-8",
    )
    (tmp_path / "trust").mkdir()
    return str(path)


def kids(config: str, capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    capsys.readouterr()
    assert main(["keys", "status", "--config", config]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    return {f"{row[0]} {row[1]}": row[2:] for row in rows}


def test_a_rotation_waits_until_the_key_was_published_long_enough(
    config: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = kids(config, capsys)
    assert before["tokens-rs256 current"][0] == "RS256"
    assert main(["keys", "rehearse", "--config", config]) == 1
    assert "too early, wait 24 h" in capsys.readouterr().out
    assert main(["keys", "rotate", "--config", config]) == 2
    assert "keys.too_early" in capsys.readouterr().err
    assert kids(config, capsys) == before
    for path in (tmp_path / "data" / "keys").glob("*.next.pem"):
        os.utime(path, (time.time() - 90000,) * 2)
    assert main(["keys", "rehearse", "--config", config]) == 0
    assert main(["keys", "rotate", "--config", config, "--purpose", "tokens"]) == 0
    after = kids(config, capsys)
    assert after["tokens current"][1] == before["tokens next"][1]
    assert after["tokens retired"][1] == before["tokens current"][1]
    assert after["tokens next"][1] not in {row[1] for row in before.values()}
    assert after["card-requests current"] == before["card-requests current"]
    assert main(["keys", "rotate", "--config", config, "--purpose", "x"]) == 2


def test_o062_a_compromised_key_goes_at_once(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = kids(config, capsys)
    given = ["--config", config, "--purpose", "tokens", "--compromised"]
    assert main(["keys", "rotate", *given]) == 0
    after = kids(config, capsys)
    assert after["tokens current"][1] == before["tokens next"][1]
    assert "tokens retired" not in after


def test_o062_a_running_provider_sees_it_within_twenty_seconds(tmp_path: Path) -> None:
    now = [0.0]
    keys = LiveKeys(tmp_path, clock=lambda: now[0])
    before, following = keys.tokens, load_ring(tmp_path, "tokens").next
    assert following.kid in {key.kid for key in keys.published}
    rotate(tmp_path, "tokens", at=datetime.now(UTC), overlap=timedelta(days=7))
    now[0] = 19.0
    assert keys.tokens == before
    now[0] = 20.0
    assert keys.tokens.kid == following.kid
    assert before.kid in {key.kid for key in keys.published}
    assert keys.token_key("PS256").alg == "PS256"


def test_retired_keys_leave_after_their_overlap(tmp_path: Path) -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    for day in range(3):
        load_ring(tmp_path, "tokens")
        rotate(tmp_path, "tokens", at=at + timedelta(days=day), overlap=timedelta(hours=30))
    assert len(load_ring(tmp_path, "tokens").retired) == 2
    (tmp_path / "keys" / "tokens.next.pem").unlink()
    with pytest.raises(SettingsError, match="no next key"):
        rotate(tmp_path, "tokens", at=at, overlap=timedelta(0))


def add(config: str, tmp_path: Path, *clients: dict[str, Any]) -> int:
    path = tmp_path / "clients.json"
    path.write_text(json.dumps(list(clients)), encoding="utf-8")
    return main(["client", "add", "--config", config, "--file", str(path)])


BASE = {"redirect_uris": ["http://127.0.0.1:9000/callback"]}


def test_what_a_client_lacks_is_made_and_shown_once(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = {**BASE, "client_id": "app", "token_endpoint_auth_method": "none"}
    assert add(config, tmp_path, BASE, public) == 0
    made, app = capsys.readouterr().out.splitlines()
    client_id, label, secret = made.split("\t")
    assert (label, app, len(secret)) == ("client_secret", "app", 43)
    assert main(["client", "rotate-secret", "--config", config, "--client-id", client_id]) == 0
    assert capsys.readouterr().out.strip() != secret
    for wrong in ("app", "nobody"):
        assert main(["client", "rotate-secret", "--config", config, "--client-id", wrong]) == 2
    assert main(["client", "disable", "--config", config, "--client-id", "app"]) == 0
    capsys.readouterr()
    assert main(["client", "list", "--config", config]) == 0
    assert '"eid_disabled": true' in capsys.readouterr().out
    assert main(["client", "disable", "--config", config, "--client-id", "app", "--undo"]) == 0


def test_the_doctor_explains_a_reference(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(config, tmp_path, {**BASE, "client_id": "shop", "client_secret": "a secret 1"}) == 0
    client = testing.TestClient(create_wsgi(Settings.load(Path(config), {})))
    wrong = "http://127.0.0.1:9000/Callback"
    page = client.simulate_get("/authorize", params={"client_id": "shop", "redirect_uri": wrong})
    assert wrong not in page.text
    correlation = page.text.split('id="correlation-id">')[1].split("<")[0]
    capsys.readouterr()
    assert main(["client", "doctor", "--config", config, "--correlation", correlation]) == 0
    told = capsys.readouterr().out
    assert f"received: {wrong}" in told
    assert "registered: http://127.0.0.1:9000/callback" in told
    assert "advice: The redirect_uri is not, character by character" in told
    refused = client.simulate_post(
        "/token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body="client_id=shop&client_secret=wrong&grant_type=authorization_code",
    ).json
    assert set(refused) == {"error", "error_description", "correlation_id"}
    reference = refused["correlation_id"]
    assert main(["client", "doctor", "--config", config, "--correlation", reference]) == 0
    told = capsys.readouterr().out
    assert "registered: client_secret_basic" in told
    assert "received: client_secret_post" in told
    assert main(["client", "doctor", "--config", config, "--correlation", "x%"]) == 1


@pytest.mark.parametrize("environ", [{"EID_ISSUER": "x"}, {"EID_DATABASE": "x"}])
def test_development_refuses_what_belongs_to_production(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        refuse_production(None, environ)
    assert caught.value.code == "settings.development"
    with pytest.raises(SettingsError):
        refuse_production(Path("eid.toml"), {})
    refuse_production(None, {"EID_NO_APT": "1", "PATH": "/bin"})


def test_development_keys_are_named_so() -> None:
    keys = development_keys(ProviderKeys.generate())
    assert all(key.kid.startswith("dev-") for key in keys.published)


def test_serving_needs_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve"]) == 2
    assert main(["serve", "--clients", "x.json", "--config", "eid.toml"]) == 2
    assert main(["serve", "--dev", "--config", "eid.toml"]) == 2
    assert "settings.development" in capsys.readouterr().err


def test_a_folder_that_cannot_be_read_for_a_moment_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    keys = LiveKeys(tmp_path, clock=lambda: now[0])
    before = keys.published
    broken = tmp_path / "keys" / "tokens.next.pem"
    sound = broken.read_bytes()
    broken.write_bytes(b"half a file")
    now[0] = 30.0
    assert keys.published == before
    assert keys.tokens in before
    assert "the keys stay" in caplog.text
    broken.write_bytes(sound)
    rotate(tmp_path, "tokens", at=datetime.now(UTC), overlap=timedelta(days=1))
    now[0] = 60.0
    assert keys.tokens.kid == before[1].kid


class Token:
    """What key files are sealed under, if it answers."""

    def __init__(self) -> None:
        self.here = True
        self._seal = Envelope(b"s" * 32)

    def seal(self, data: bytes, *, context: bytes) -> bytes:
        return self._seal.seal(data, context=context)

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        if not self.here:
            raise Unavailable("The token does not answer now.", code="keys.token")
        return self._seal.open(sealed, context=context)


def test_the_keys_stay_while_what_opens_their_files_is_away(tmp_path: Path) -> None:
    now, token = [0.0], Token()
    folder = KeyFolder(path=tmp_path, seal=token)
    keys = LiveKeys(folder, clock=lambda: now[0])
    before = keys.published
    rotate(tmp_path, "tokens", at=datetime.now(UTC), overlap=timedelta(days=1))
    token.here, now[0] = False, 30.0
    assert keys.published == before
    token.here, now[0] = True, 60.0
    assert keys.published != before
    assert keys.tokens.kid == before[1].kid


def test_a_retired_key_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    """A rotation may drop the file while a provider looks at the folder."""
    load_ring(tmp_path, "tokens")
    gone = tmp_path / "keys" / "tokens.old-1.pem"
    with pytest.raises(SettingsError):
        load_signing_key(gone, "tokens", "ES256", KeyFolder.of(tmp_path), retired=True)
    assert not gone.exists()
