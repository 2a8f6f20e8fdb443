"""The signing keys at rest, by settings alone: sealed under a secret, or made in a token."""

import shutil

import pytest

from eid.cli import main


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


def plain_keys(tmp_path):
    return [
        path
        for path in (tmp_path / "data" / "keys").glob("*.pem")
        if b"PRIVATE" in path.read_bytes()
    ]


def test_sealed_under_a_file_that_is_kept_apart(config, capsys, monkeypatch, tmp_path):
    before = run(config, capsys, "keys", "status")
    assert plain_keys(tmp_path)
    monkeypatch.setenv("EID_KEYS_STORE", "sealed")
    assert "keys.key_file" in run(config, capsys, "keys", "status", code=2)
    monkeypatch.setenv("EID_KEYS_KEY_FILE", "data/kek")
    assert "keys.key_file" in run(config, capsys, "keys", "status", code=2)
    monkeypatch.setenv("EID_KEYS_KEY_FILE", "kek")
    (tmp_path / "kek").write_text("6b" * 32)
    (tmp_path / "kek").chmod(0o600)
    assert "keys.not_sealed" in run(config, capsys, "keys", "status", code=2)
    assert "tokens.pem" in run(config, capsys, "keys", "seal")
    assert not plain_keys(tmp_path)
    assert run(config, capsys, "keys", "status") == before
    (tmp_path / "kek").write_text("6c" * 32)
    assert "keys.sealed" in run(config, capsys, "keys", "status", code=2)


def test_sealed_under_the_environment(config, capsys, monkeypatch, tmp_path):
    for purpose in ("LOOKUP", "PAIRWISE", "ENVELOPE", "GRANTS", "KEYS"):
        monkeypatch.setenv(f"EID_SECRET_{purpose}", "0a" * 32)
    monkeypatch.setenv("EID_SECRETS_SOURCE", "environment")
    monkeypatch.setenv("EID_KEYS_STORE", "sealed")
    run(config, capsys, "keys", "status")
    assert not plain_keys(tmp_path)
    monkeypatch.delenv("EID_SECRET_KEYS")
    assert "keys.environment" in run(config, capsys, "keys", "status", code=2)


def test_in_a_token(config, capsys, monkeypatch, tmp_path, token_place):
    before = run(config, capsys, "keys", "status")
    monkeypatch.setenv("EID_KEYS_STORE", "token")
    assert "pkcs11.module" in run(config, capsys, "keys", "status", code=2)
    place = f'[pkcs11]\nmodule = "{token_place.module}"\ntoken = "{token_place.token}"\n'
    config.write_text(config.read_text(encoding="utf-8") + place)
    monkeypatch.setenv("EID_PKCS11_PIN", token_place.pin)
    assert "keys.not_sealed" in run(config, capsys, "keys", "status", code=2)
    assert "tokens.pem" in run(config, capsys, "keys", "seal", "--make-key")
    assert run(config, capsys, "keys", "status") == before
    given = ("--purpose", "tokens", "--compromised")
    run(config, capsys, "keys", "rotate", *given)
    run(config, capsys, "keys", "rotate", *given)
    assert not plain_keys(tmp_path)
    run(config, capsys, "keys", "rehearse", code=1)
    shutil.copyfile(
        tmp_path / "data" / "keys" / "audit.pem", tmp_path / "data" / "keys" / "tokens.pem"
    )
    assert "keys.sealed" in run(config, capsys, "keys", "status", code=2)
