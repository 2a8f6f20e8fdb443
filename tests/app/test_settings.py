from pathlib import Path

import pytest

from eid.app.settings import Settings
from eid.errors import SettingsError

MINIMUM = """
issuer = "http://127.0.0.1:8400"
listen = "127.0.0.1:8400"
database = "sqlite:///eid.db"
data_dir = "data"
trust = "trust"

[agent]
url = "http://127.0.0.1:8350"
"""
PRODUCTION = MINIMUM.replace("http://127.0.0.1:8400", "https://id.example")


def load(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    path = tmp_path / "eid.toml"
    path.write_text(text)
    return Settings.load(path, environ)


def test_the_minimum_is_enough_for_development(tmp_path: Path) -> None:
    settings = load(tmp_path, MINIMUM)
    assert settings.development
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8400, 1)
    assert settings.role == "own_services"
    assert settings.data_dir == tmp_path / "data"
    assert settings.database == f"sqlite:///{tmp_path / 'eid.db'}"


def test_the_environment_wins(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        MINIMUM,
        {"EID_WORKERS": "3", "EID_AGENT_URL": "http://127.0.0.1:9", "EID_OTHER": "x"},
    )
    assert (settings.workers, settings.agent_url) == (3, "http://127.0.0.1:9")


def test_a_full_production_file(tmp_path: Path) -> None:
    text = (
        PRODUCTION.replace(
            'database = "sqlite:///eid.db"', 'database = "postgresql+psycopg://db/eid"'
        )
        + '[operator]\nlegal_entity = "Clinic"\nrole = "state_body"\n'
    )
    settings = load(tmp_path, text)
    assert not settings.development
    assert settings.database == "postgresql+psycopg://db/eid"
    assert (settings.legal_entity, settings.role) == ("Clinic", "state_body")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('listen = "127.0.0.1:8400"', "", "listen"),
        ('listen = "127.0.0.1:8400"', 'listen = "127.0.0.1:0"', "listen"),
        ('listen = "127.0.0.1:8400"', 'listen = "127.0.0.1:65536"', "listen"),
        ('listen = "127.0.0.1:8400"', 'listen = "here"', "listen"),
        ('listen = "127.0.0.1:8400"', 'listen = "0.0.0.0:8400"', "listen"),
        ('listen = "127.0.0.1:8400"', 'listen = "[::]:8400"', "listen"),
        ('issuer = "http://127.0.0.1:8400"', 'issuer = "http://id.example"', "issuer"),
        ('issuer = "http://127.0.0.1:8400"', 'issuer = "https://id.example/"', "issuer"),
        ('issuer = "http://127.0.0.1:8400"', 'issuer = "https://me@id.example"', "issuer"),
        ('issuer = "http://127.0.0.1:8400"', 'issuer = "https://id.example?a"', "issuer"),
        ('issuer = "http://127.0.0.1:8400"', 'issuer = "https://id.example:x"', "issuer"),
        (
            'issuer = "http://127.0.0.1:8400"',
            'issuer = "https://id.example; script-src *"',
            "issuer",
        ),
        ('issuer = "http://127.0.0.1:8400"', 'issuer = "https://id.example\\nX-A: b"', "issuer"),
        ('url = "http://127.0.0.1:8350"', 'url = "http://127.0.0.1:8350/a\\tb"', "agent.url"),
        ('issuer = "http://127.0.0.1:8400"', "issuer = 1", "issuer"),
        ('trust = "trust"', 'trust = "trust"\nworkers = true', "workers"),
        ('trust = "trust"', 'trust = "trust"\nworkers = 0', "workers"),
        ('trust = "trust"', 'trust = "trust"\nacr_prefix = "mine"', "acr_prefix"),
        ('trust = "trust"', 'trust = "trust"\ncolour = "red"', "colour"),
        ("[agent]", '[operator]\nrole = "king"\n[agent]', "operator.role"),
        (
            "[agent]",
            '[traces]\nendpoint = "http://192.0.2.1/v1/traces"\n[agent]',
            "traces.endpoint",
        ),
        ("[agent]", '[traces]\nendpoint = "https://u:p@c.example/v1"\n[agent]', "traces.endpoint"),
        ("[agent]", '[traces]\nendpoint = "127.0.0.1:4318"\n[agent]', "traces.endpoint"),
        ("[agent]", '[traces]\nendpoint = ""\n[agent]', "traces.endpoint"),
        ("[agent]", "[traces]\nendpoint = true\n[agent]", "traces.endpoint"),
        ("[agent]", '[traces]\nheaders = "a"\n[agent]', "traces.headers"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, key: str) -> None:
    assert old in MINIMUM
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, MINIMUM.replace(old, new))
    assert caught.value.facts["key"] == key
    assert caught.value.facts["file"] == str(tmp_path / "eid.toml")
    assert caught.value.facts["expected"]


@pytest.mark.parametrize(
    ("extra", "key"),
    [
        ("", "operator.role"),
        ('[operator]\nrole = "state_body"\n', "operator.legal_entity"),
        (
            '[operator]\nrole = "state_body"\nlegal_entity = "C"\n[password]\n'
            "insecure_fast_hash = true\n",
            "password.insecure_fast_hash",
        ),
    ],
)
def test_production_has_no_defaults_that_decide_the_law(
    tmp_path: Path, extra: str, key: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, PRODUCTION + extra)
    assert caught.value.facts["key"] == key


@pytest.mark.parametrize(
    ("name", "value"),
    [("EID_WORKERS", "many"), ("EID_PASSWORD_INSECURE_FAST_HASH", "yes")],
)
def test_the_environment_is_checked_too(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError):
        load(tmp_path, MINIMUM, {name: value})


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings.load(tmp_path / "absent.toml")
    with pytest.raises(SettingsError, match="not TOML"):
        load(tmp_path, "issuer =")
    with pytest.raises(SettingsError, match="too large"):
        Settings.load(Path("/dev/zero"))


COUNTER = (
    PRODUCTION
    + """
[operator]
legal_entity = "Clinic"
role = "state_body"

[counter]
url = "https://counter.example"
listen = "127.0.0.1:8401"
second_officer = true
"""
)


def test_a_counter_has_an_origin_of_its_own(tmp_path: Path) -> None:
    place = load(tmp_path, COUNTER).counter
    assert place is not None
    assert (place.url, place.port, place.second_officer) == ("https://counter.example", 8401, True)
    assert (
        load(tmp_path, PRODUCTION.replace("https://id.example", "http://127.0.0.1:1")).counter
        is None
    )


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("https://counter.example", "https://id.example", "counter.url"),
        ("https://counter.example", "https://id.example:8443", "counter.url"),
        ("https://counter.example", "https://counter.example/desk", "counter.url"),
        ("https://counter.example", "http://counter.example", "counter.url"),
        ('url = "https://counter.example"\n', "", "counter.url"),
        ('listen = "127.0.0.1:8401"\n', "", "counter.listen"),
        ('"127.0.0.1:8401"', '"nowhere"', "counter.listen"),
    ],
)
def test_a_counter_that_would_not_be_apart(tmp_path: Path, old: str, new: str, key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, COUNTER.replace(old, new))
    assert refused.value.facts["key"] == key
