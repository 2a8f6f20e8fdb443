"""The database's secrets from the environment and from a token, by settings alone."""

import io
import shutil

import pytest

from eid.cli import main
from eid.keys.sources import PURPOSES


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "eid.toml"
    path.write_text(
        'issuer = "http://127.0.0.1:8080"\nlisten = "127.0.0.1:8080"\n'
        'database = "sqlite:///eid.db"\ndata_dir = "data"\ntrust = "trust"\n'
        '[agent]\nurl = "http://127.0.0.1:35970"\n[password]\ninsecure_fast_hash = true\n',
        encoding="utf-8",
    )
    (tmp_path / "trust").mkdir()
    return path


def run(config, capsys, *arguments, code=0):
    capsys.readouterr()
    assert main([*arguments, "--config", str(config)]) == code
    out = capsys.readouterr()
    return out.out if code == 0 else out.err


def add(config, capsys, monkeypatch, code=0):
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    words = ("account", "add", "--username", "thu", "--password-stdin")
    return run(config, capsys, *words, code=code)


def test_from_the_environment(config, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("EID_SECRETS_SOURCE", "environment")
    assert "keys.environment" in add(config, capsys, monkeypatch, code=2)
    for index, purpose in enumerate(PURPOSES):
        monkeypatch.setenv(f"EID_SECRET_{purpose.upper()}", f"{index + 1:02x}" * 32)
    add(config, capsys, monkeypatch)
    run(config, capsys, "db", "check")
    assert not list((tmp_path / "data").rglob("*.secret"))
    monkeypatch.setenv("EID_SECRET_ENVELOPE", "ff" * 32)
    assert "database.key" in run(config, capsys, "db", "check", code=2)
    assert "database.key" in run(config, capsys, "account", "cases", code=2)


def test_from_a_token(config, capsys, monkeypatch, tmp_path, token_place):
    add(config, capsys, monkeypatch)
    config.write_text(
        config.read_text(encoding="utf-8")
        + f'[pkcs11]\nmodule = "{token_place.module}"\ntoken = "{token_place.token}"\n'
    )
    assert "pkcs11.pin" in run(config, capsys, "keys", "seal", code=2)
    monkeypatch.setenv("EID_PKCS11_PIN", token_place.pin)
    monkeypatch.setenv("EID_SECRETS_SOURCE", "token")
    assert "keys.not_sealed" in run(config, capsys, "db", "check", code=2)
    assert "keys.token_key" in run(config, capsys, "keys", "seal", code=2)
    assert "envelope" in run(config, capsys, "keys", "seal", "--make-key")
    assert "nothing" in run(config, capsys, "keys", "seal")
    keys = tmp_path / "data" / "keys"
    assert not list(keys.glob("*.secret"))
    run(config, capsys, "db", "check")
    assert "thu" in run(config, capsys, "account", "show", "--username", "thu")
    (keys / "envelope.sealed").unlink()
    assert "keys.missing" in run(config, capsys, "db", "check", code=2)
    shutil.copyfile(keys / "lookup.sealed", keys / "envelope.sealed")
    (keys / "envelope.sealed").chmod(0o600)
    assert "keys.sealed" in run(config, capsys, "db", "check", code=2)


def test_a_token_must_be_named(config, capsys, monkeypatch):
    monkeypatch.setenv("EID_SECRETS_SOURCE", "token")
    assert "pkcs11.module" in run(config, capsys, "db", "check", code=2)
    monkeypatch.setenv("EID_SECRETS_SOURCE", "elsewhere")
    assert "secrets.source" in run(config, capsys, "db", "check", code=2)
    monkeypatch.delenv("EID_SECRETS_SOURCE")
    assert "keys.token" in run(config, capsys, "keys", "seal", code=2)
