"""What `eid kiosk setup` writes, and what it never does twice."""

from __future__ import annotations

import configparser
import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from eid.app.kiosk import open_kiosk
from eid.app.kiosk_setup import LAUNCHER, POLICY, SCREEN_UNIT, UNIT, Wanted, machine_files, set_up
from eid.errors import EidError, SettingsError
from eid.kiosk.enrolled import from_table
from eid.kiosk.settings import AgentSettings
from eid.kiosk.texts import load_texts
from eid.oidc.kiosks import invite

from .field import Field, in_the_field

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with in_the_field(tmp_path_factory.mktemp("setup")) as found:
        yield found


def test_the_files_and_their_modes(field: Field) -> None:
    folder = field.folder / "kiosk"
    for name in (
        "kiosk.toml",
        "data/server.json",
        "data/day.json",
        "data/visits.db",
        UNIT,
        POLICY,
    ):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "data/keys/kiosk.pem").stat().st_mode) == 0o600
    assert os.access(folder / LAUNCHER, os.X_OK)


def test_a_second_set_up_touches_nothing(field: Field) -> None:
    key = field.folder / "kiosk/data/keys/kiosk.pem"
    before = key.read_bytes()
    provider = field.installation.provider(clock=field.clock.server)
    code = invite(provider, "B", by="test", at=field.clock.server())
    wanted = Wanted(
        issuer=field.issuer, folder=field.folder / "kiosk", organisation="X", purpose="Y"
    )
    with pytest.raises(SettingsError) as caught:
        set_up(wanted, code)
    assert caught.value.code == "kiosk.there"
    assert key.read_bytes() == before


@pytest.mark.parametrize(
    "changes", [{"listen": "0.0.0.0:80"}, {"organisation": ""}, {"issuer": "http://id.example"}]
)
def test_what_would_not_be_read_back_is_refused_before_the_invitation_is_used(
    field: Field, tmp_path: Path, changes: dict[str, str]
) -> None:
    values = {"issuer": field.issuer, "organisation": "X", "purpose": "Y", **changes}
    provider = field.installation.provider(clock=field.clock.server)
    code = invite(provider, "B", by="test", at=field.clock.server())
    with pytest.raises(EidError):
        set_up(Wanted(folder=tmp_path / "k", **values), code)  # type: ignore[arg-type]
    good = Wanted(issuer=field.issuer, folder=tmp_path / "k", organisation="X\"'\\", purpose="Y")
    settings = set_up(good, code)
    assert settings.kiosk is not None
    assert settings.kiosk.organisation == "X\"'\\"


def test_a_key_that_is_gone_is_not_made_anew(field: Field, tmp_path: Path) -> None:
    settings = field.settings
    assert settings is not None
    key = field.folder / "kiosk/data/keys/kiosk.pem"
    kept = key.rename(tmp_path / "kiosk.pem")
    with pytest.raises(SettingsError) as caught:
        open_kiosk(settings)
    assert caught.value.code == "kiosk.key"
    assert not key.exists()
    kept.rename(key)


def test_the_unit_is_narrow(field: Field) -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(field.folder / "kiosk" / UNIT)
    service = unit["Service"]
    assert service["User"] == "eid-kiosk"
    assert service["ProtectSystem"] == "strict"
    assert service["ReadWritePaths"] == str(field.folder / "kiosk/data")
    assert service["NoNewPrivileges"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert service["Restart"] == "always"
    assert "kiosk --config" in service["ExecStart"]
    assert UNIT in (field.folder / "kiosk" / SCREEN_UNIT).read_text()


def test_chromium_may_go_nowhere_else_and_keeps_nothing(field: Field) -> None:
    policy = json.loads((field.folder / "kiosk" / POLICY).read_text())
    assert policy["URLBlocklist"] == ["*"]
    assert policy["URLAllowlist"] == [f"http://{field.listen}", field.issuer]
    for name in ("PasswordManagerEnabled", "PrintingEnabled", "MetricsReportingEnabled"):
        assert policy[name] is False
    assert policy["IncognitoModeAvailability"] == 2
    assert policy["DeveloperToolsAvailability"] == 2


def test_the_launcher_is_a_shell_script(field: Field) -> None:
    launcher = field.folder / "kiosk" / LAUNCHER
    subprocess.run(["/bin/sh", "-n", str(launcher)], check=True)
    text = launcher.read_text()
    assert "--kiosk" in text
    assert f"http://{field.listen}/" in text
    assert field.settings is not None
    assert set(machine_files(field.settings, field.folder)) == {
        UNIT,
        SCREEN_UNIT,
        POLICY,
        LAUNCHER,
    }


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"id": ""}, "kiosk.id"),
        ({"idle_s": 5}, "kiosk.idle_s"),
        ({"idle_s": True}, "kiosk.idle_s"),
        ({"portrait": "yes"}, "kiosk.portrait"),
        ({"languages": []}, "kiosk.languages"),
        ({"languages": [1]}, "kiosk.languages"),
        ({"purposes": {"en": 1}}, "kiosk.purposes"),
        ({"most_visits": 0}, "kiosk.most_visits"),
        ({"surprise": 1}, "kiosk.surprise"),
    ],
)
def test_settings_that_are_wrong_are_named(changes: dict[str, object], key: str) -> None:
    table = {"id": "k" * 22, "organisation": "X", "purpose": "Y", "data_dir": "d", **changes}
    with pytest.raises(SettingsError) as caught:
        from_table(table)
    assert caught.value.facts["key"] == key


def test_a_third_language_is_one_file(field: Field) -> None:
    texts = load_texts(("vi", "en", "fr"), EXAMPLES / "kiosk/texts")
    assert [text.kiosk["language"] for text in texts] == ["Tiếng Việt", "English", "Français"]
    path = field.folder / "kiosk/kiosk.toml"
    settled = path.read_text()
    third = settled.replace('languages = ["vi", "en"]', 'languages = ["vi", "en", "fr"]')
    path.write_text(third + f'texts = "{EXAMPLES}/kiosk/texts"\n')
    field.settings = AgentSettings.load(path)
    field.open()
    field.act("language", language="fr")
    page = field.screen().text
    assert '<html lang="fr">' in page
    assert "Bienvenue" in page
    field.act("begin")
    field.act("agree", agree="yes")
    consent = field.kiosk.kiosk.desk.session.consent
    assert consent is not None
    assert consent.text_version.startswith("fr/")
    field.act("over")


@pytest.mark.parametrize("damage", ["[screens.welcome]", '[errors."error"]', "begin ="])
def test_a_language_that_lacks_a_text_says_which(tmp_path: Path, damage: str) -> None:
    text = (EXAMPLES / "kiosk/texts/fr.toml").read_text()
    (tmp_path / "fr.toml").write_text(text.replace(damage, damage.replace("e", "x", 1)))
    with pytest.raises(SettingsError) as caught:
        load_texts(("vi", "fr"), tmp_path)
    assert caught.value.code == "texts"


@pytest.mark.parametrize("name", ["../vi", "VI", "", "zz", "a/b"])
def test_languages_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError):
        load_texts((name,), tmp_path)
