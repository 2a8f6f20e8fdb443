from pathlib import Path

import pytest

from eid.errors import SettingsError
from eid.kiosk.settings import AgentSettings, PinnedIssuer

GOOD = """
listen = "127.0.0.1:35970"
name = "Quầy 1"
reader = "ACS ACR1252"
card_wait_s = 20
[[issuers]]
issuer = "https://id.example.vn"
[[issuers]]
issuer = "http://127.0.0.1:8080"
jwks_uri = "http://127.0.0.1:8080/keys"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "kiosk.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_load(tmp_path: Path) -> None:
    settings = AgentSettings.load(write(tmp_path, GOOD))
    assert settings == AgentSettings(
        listen="127.0.0.1:35970",
        name="Quầy 1",
        reader="ACS ACR1252",
        card_wait_s=20.0,
        issuers=(
            PinnedIssuer(issuer="https://id.example.vn", jwks_uri="https://id.example.vn/jwks"),
            PinnedIssuer(issuer="http://127.0.0.1:8080", jwks_uri="http://127.0.0.1:8080/keys"),
        ),
    )
    assert settings.address == ("127.0.0.1", 35970)
    assert settings.origin == "http://127.0.0.1:35970"
    assert settings.pinned("https://id.example.vn") == settings.issuers[0]
    assert settings.pinned("https://evil.example") is None
    assert settings.pinned("") is None


def test_ipv6_address() -> None:
    settings = AgentSettings(
        listen="[::1]:1", issuers=(PinnedIssuer(issuer="https://id.example.vn"),)
    )
    assert settings.address == ("::1", 1)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (("listen =", "listn ="), "listn"),
        (("127.0.0.1:35970", "0.0.0.0:35970"), "listen"),
        (("127.0.0.1:35970", "192.168.0.2:35970"), "listen"),
        (("127.0.0.1:35970", "localhost:35970"), "listen"),
        (("127.0.0.1:35970", "::1:35970"), "listen"),
        (("127.0.0.1:35970", "127.0.0.1"), "listen"),
        (("127.0.0.1:35970", "127.0.0.1:0"), "listen"),
        (("127.0.0.1:35970", "127.0.0.1:070"), "listen"),
        (("127.0.0.1:35970", "127.0.0.1:65536"), "listen"),
        (("127.0.0.1:35970", "127.0.0.1:x"), "listen"),
        (('"127.0.0.1:35970"', "7"), "listen"),
        (("card_wait_s = 20", "card_wait_s = 0"), "card_wait_s"),
        (("card_wait_s = 20", "card_wait_s = true"), "card_wait_s"),
        (("card_wait_s = 20", 'card_wait_s = "20"'), "card_wait_s"),
        (("card_wait_s = 20", "insecure_virtual_reader = 1"), "insecure_virtual_reader"),
        (("ACS ACR1252", "stream:/run/card.sock"), "reader"),
        (("https://id.example.vn", "http://id.example.vn"), "issuers.issuer"),
        (("http://127.0.0.1:8080/keys", "http://example.vn/keys"), "issuers.jwks_uri"),
        (("http://127.0.0.1:8080", "https://id.example.vn"), "issuers"),
        (("jwks_uri =", "jwks ="), "issuers.jwks"),
        (("[[issuers]]", "[[others]]"), "others"),
    ],
)
def test_wrong_settings_name_file_and_key(
    tmp_path: Path, change: tuple[str, str], key: str
) -> None:
    path = write(tmp_path, GOOD.replace(*change))
    with pytest.raises(SettingsError) as caught:
        AgentSettings.load(path)
    assert caught.value.facts["key"] == key
    assert caught.value.facts["file"] == str(path)


@pytest.mark.parametrize("issuers", ["", "issuers = []", "issuers = 3", "issuers = [3]"])
def test_an_issuer_must_be_pinned(tmp_path: Path, issuers: str) -> None:
    path = write(tmp_path, f'listen = "127.0.0.1:1"\n{issuers}')
    with pytest.raises(SettingsError):
        AgentSettings.load(path)


def test_stream_reader_needs_the_insecure_switch(tmp_path: Path) -> None:
    text = GOOD.replace("ACS ACR1252", "stream:/x").replace(
        "card_wait_s = 20", "insecure_virtual_reader = true"
    )
    assert AgentSettings.load(write(tmp_path, text)).insecure_virtual_reader


@pytest.mark.parametrize("data", [b"a = ", b"\xff", b"#" * 70_000])
def test_unusable_files(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_bytes(data)
    with pytest.raises(SettingsError):
        AgentSettings.load(path)


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        AgentSettings.load(tmp_path / "none.toml")
