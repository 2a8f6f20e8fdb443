import pytest

from eid.errors import SettingsError
from eid.keys import Envelope, load_or_create_secret
from eid.keys.sources import (
    FOLDER,
    PURPOSES,
    seal_files,
    secrets_from_environment,
    secrets_from_files,
    secrets_from_token,
)


class Sealer:
    """A token's two functions over a key of this process."""

    def __init__(self, key=bytes(32)):
        self._envelope = Envelope(key)

    def seal(self, label, data, *, context):
        return self._envelope.seal(data, context=label.encode() + context)

    def open(self, label, sealed, *, context):
        return self._envelope.open(sealed, context=label.encode() + context)


def test_files_are_the_default(tmp_path):
    source = secrets_from_files(tmp_path)
    assert source("envelope") == load_or_create_secret(tmp_path, "envelope")
    assert len({source(purpose) for purpose in PURPOSES}) == len(PURPOSES)


def test_the_environment_gives_64_hexadecimal_digits():
    source = secrets_from_environment({"EID_SECRET_ENVELOPE": "0a" * 32})
    assert source("envelope") == b"\x0a" * 32


@pytest.mark.parametrize(
    "text", [None, "", "0a" * 31, "0a" * 33, "0g" * 32, " " + "0a" * 32, "٣" * 64]
)
def test_the_environment_is_never_guessed(text):
    environ = {} if text is None else {"EID_SECRET_LOOKUP": text}
    with pytest.raises(SettingsError) as caught:
        secrets_from_environment(environ)("lookup")
    assert caught.value.code == "keys.environment"
    assert caught.value.facts["key"] == "EID_SECRET_LOOKUP"
    assert not text or text not in str(caught.value)


def test_a_token_seals_what_lies_on_disk(tmp_path):
    source = secrets_from_token(Sealer(), "wrap", tmp_path)
    secret = source("envelope")
    files = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    assert list(files) == ["envelope.sealed"]
    assert secret not in files["envelope.sealed"]
    assert source("envelope") == secret
    assert source("lookup") != secret


def test_another_token_or_purpose_opens_nothing(tmp_path):
    secrets_from_token(Sealer(), "wrap", tmp_path)("envelope")
    keys = tmp_path / "keys"
    keys.joinpath("lookup.sealed").write_bytes(keys.joinpath("envelope.sealed").read_bytes())
    keys.joinpath("lookup.sealed").chmod(0o600)
    for sealer, purpose in ((Sealer(bytes([1] * 32)), "envelope"), (Sealer(), "lookup")):
        with pytest.raises(SettingsError) as caught:
            secrets_from_token(sealer, "wrap", tmp_path)(purpose)
        assert caught.value.code == "keys.sealed"


def test_plain_files_are_sealed_once_and_go(tmp_path):
    plain = secrets_from_files(tmp_path)
    before = {purpose: plain(purpose) for purpose in PURPOSES}
    source = secrets_from_token(Sealer(), "wrap", tmp_path)
    with pytest.raises(SettingsError) as caught:
        source("envelope")
    assert caught.value.code == "keys.not_sealed"
    assert seal_files(Sealer(), "wrap", tmp_path) == list(PURPOSES)
    assert seal_files(Sealer(), "wrap", tmp_path) == []
    assert not list((tmp_path / "keys").glob("*.secret"))
    assert {purpose: source(purpose) for purpose in PURPOSES} == before


def test_the_folders_own_secret_is_sealed_with_the_others(tmp_path):
    kept = secrets_from_files(tmp_path)(FOLDER)
    assert seal_files(Sealer(), "wrap", tmp_path) == [FOLDER]
    assert secrets_from_token(Sealer(), "wrap", tmp_path)(FOLDER) == kept


def test_killed_half_way_it_goes_on(tmp_path):
    plain = secrets_from_files(tmp_path)
    before = {purpose: plain(purpose) for purpose in PURPOSES}
    done = []

    class Dies(Sealer):
        def seal(self, label, data, *, context):
            if len(done) == 2:
                raise KeyboardInterrupt
            done.append(context)
            return super().seal(label, data, context=context)

    with pytest.raises(KeyboardInterrupt):
        seal_files(Dies(), "wrap", tmp_path)
    # sealed, but killed before the plain file went
    keys = tmp_path / "keys"
    secrets_from_files(tmp_path)
    keys.joinpath(f"{PURPOSES[0]}.secret").write_bytes(before[PURPOSES[0]])
    keys.joinpath(f"{PURPOSES[0]}.secret").chmod(0o600)
    seal_files(Sealer(), "wrap", tmp_path)
    source = secrets_from_token(Sealer(), "wrap", tmp_path)
    assert {purpose: source(purpose) for purpose in PURPOSES} == before


def test_two_different_secrets_are_never_merged(tmp_path):
    secrets_from_token(Sealer(), "wrap", tmp_path)("envelope")
    load_or_create_secret(tmp_path, "envelope")
    with pytest.raises(SettingsError) as caught:
        seal_files(Sealer(), "wrap", tmp_path)
    assert caught.value.code == "keys.two_secrets"
    assert len(list((tmp_path / "keys").iterdir())) == 2


def test_with_a_real_token(tmp_path, token_place):
    from eid.keys.pkcs11 import Token  # noqa: PLC0415 - the extra may be absent

    token = Token(token_place)
    token.make_wrapping_key("wrap")
    secret = secrets_from_token(token, "wrap", tmp_path)("envelope")
    token.close()
    again = Token(token_place)
    assert secrets_from_token(again, "wrap", tmp_path)("envelope") == secret
    again.close()
