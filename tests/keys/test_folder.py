"""Key files sealed at rest, and signing keys that stay in a token."""

from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import SettingsError
from eid.keys import (
    Envelope,
    JwkSet,
    KeyFolder,
    load_or_create_encryption_key,
    load_or_create_secret,
    load_or_create_signing_key,
    load_ring,
    sign_jwt,
    verify_jws,
)
from eid.keys.files import purpose_of, read_secret, seal_key_files
from eid.keys.ring import rotate

AT = datetime(2026, 11, 21, tzinfo=UTC)
LOADERS = {
    "tokens.pem": lambda folder: load_or_create_signing_key(folder, "tokens").kid,
    "evidence.enc.pem": lambda folder: load_or_create_encryption_key(folder, "evidence").kid,
    "refresh.secret": lambda folder: load_or_create_secret(folder, "refresh").hex(),
}


@pytest.fixture
def sealed(tmp_path):
    return KeyFolder(path=tmp_path, seal=Envelope(b"k" * 32))


@pytest.mark.parametrize("name", LOADERS)
def test_a_sealed_file_opens_with_its_own_key_only(sealed, tmp_path, name):
    made = LOADERS[name](sealed)
    assert LOADERS[name](sealed) == made
    content = (tmp_path / "keys" / name).read_bytes()
    assert b"PRIVATE" not in content
    assert bytes.fromhex(made) not in content if name.endswith(".secret") else True
    for other in (KeyFolder(path=tmp_path, seal=Envelope(b"x" * 32)), tmp_path):
        with pytest.raises(SettingsError) as caught:
            LOADERS[name](other)
        assert caught.value.code == "keys.sealed"


@pytest.mark.parametrize("name", LOADERS)
def test_a_plain_file_is_never_passed_over(sealed, tmp_path, name):
    made = LOADERS[name](tmp_path)
    with pytest.raises(SettingsError) as caught:
        LOADERS[name](sealed)
    assert caught.value.code == "keys.not_sealed"
    assert seal_key_files(sealed) == [name]
    assert seal_key_files(sealed) == []
    assert LOADERS[name](sealed) == made


def test_a_sealed_key_does_not_serve_another_purpose(sealed, tmp_path):
    load_or_create_signing_key(sealed, "audit")
    (tmp_path / "keys" / "audit.pem").rename(tmp_path / "keys" / "tokens.pem")
    with pytest.raises(SettingsError) as caught:
        load_or_create_signing_key(sealed, "tokens")
    assert caught.value.code == "keys.sealed"


def test_a_sealed_ring_rotates(sealed, tmp_path):
    before = load_ring(sealed, "tokens")
    rotate(tmp_path, "tokens", at=AT, overlap=timedelta(days=1))
    after = load_ring(sealed, "tokens")
    assert (after.current.kid, after.retired[0].kid) == (before.next.kid, before.current.kid)
    assert not any(b"PRIVATE" in path.read_bytes() for path in (tmp_path / "keys").iterdir())


def test_the_databases_secrets_are_left_to_their_own_rules(tmp_path):
    names = ("envelope.secret", "keys.secret", "lookup.sealed", "notes.txt", ".tokens.pem.0a")
    assert [purpose_of(tmp_path / name) for name in names] == [None] * 5
    assert purpose_of(tmp_path / "tokens-rs256.old-1795906491.pem") == "tokens-rs256"


@pytest.mark.parametrize("content", [b"k" * 32, b"6b" * 32 + b"\n"])
def test_the_sealing_secret_from_a_file(tmp_path, content):
    path = tmp_path / "kek"
    path.write_bytes(content)
    path.chmod(0o600)
    assert read_secret(path) == b"k" * 32
    path.chmod(0o640)
    with pytest.raises(SettingsError):
        read_secret(path)


@pytest.mark.parametrize("content", [b"", b"6b" * 31, b"zz" * 32])
def test_a_malformed_sealing_secret(tmp_path, content):
    path = tmp_path / "kek"
    path.write_bytes(content)
    path.chmod(0o600)
    for place in (path, tmp_path / "absent"):
        with pytest.raises(SettingsError) as caught:
            read_secret(place)
        assert caught.value.code == "keys.file"


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
def test_a_ring_in_a_token(tmp_path, token_place, alg):
    pkcs11 = pytest.importorskip("eid.keys.pkcs11")
    token = pkcs11.Token(token_place)
    folder = KeyFolder(path=tmp_path, token=token)
    before = load_ring(folder, "tokens", alg)
    rotate(tmp_path, "tokens", at=AT, overlap=timedelta(days=1))
    after = load_ring(folder, "tokens", alg)
    assert (after.current.kid, after.retired[0].kid) == (before.next.kid, before.current.kid)
    signed = sign_jwt({"iat": 1}, after.current, typ="JWT")
    known = JwkSet.from_jwks({"keys": [key.public_jwk() for key in after.published]})
    assert verify_jws(signed, known, typ="JWT") == {"iat": 1}
    assert not any(b"PRIVATE" in path.read_bytes() for path in (tmp_path / "keys").iterdir())
    with pytest.raises(SettingsError) as caught:
        load_ring(tmp_path, "tokens", alg)
    assert caught.value.code == "keys.sealed"
    token.close()
