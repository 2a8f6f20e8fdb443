import os
import pickle
import threading
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pkcs11")

from eid.errors import FormatError, SettingsError, SignatureInvalid, Unavailable
from eid.keys.jwk import PublicKey
from eid.keys.pkcs11 import Token
from eid.keys.signing import SIGNING_ALGORITHMS

# python-pkcs11 says so when an operation's session is gone; nothing that a caller could use
LIBRARY_NOISE = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def token(token_place):
    opened = Token(token_place)
    yield opened
    opened.close()


@pytest.mark.parametrize("alg", SIGNING_ALGORITHMS)
def test_a_key_signs_inside_the_token(token, alg):
    token.make_signing_key("tokens", alg)
    public = PublicKey(kid="k", alg=alg, key=token.public_key("tokens", alg))
    signature = token.sign("tokens", alg, b"message")
    public.verify(b"message", signature)
    with pytest.raises(SignatureInvalid):
        public.verify(b"another message", signature)


def test_o078_no_private_value_can_be_read_out(token, token_place):
    import pkcs11  # noqa: PLC0415 - the one place where a test looks behind the door
    from pkcs11 import Attribute, ObjectClass  # noqa: PLC0415

    token.make_signing_key("tokens", "ES256")
    token.make_wrapping_key("wrap")
    token.sign("tokens", "ES256", b"logs this process in")
    session = pkcs11.lib(str(token_place.module)).get_token(token_label=token_place.token).open()
    for kind, label in ((ObjectClass.PRIVATE_KEY, "tokens"), (ObjectClass.SECRET_KEY, "wrap")):
        key = session.get_key(object_class=kind, label=label)
        with pytest.raises(pkcs11.AttributeSensitive):
            key[Attribute.VALUE]
    session.close()


def test_sealed_for_one_context_and_one_key(token):
    token.make_wrapping_key("one")
    token.make_wrapping_key("two")
    sealed = token.seal("one", b"secret", context=b"a")
    assert token.open("one", sealed, context=b"a") == b"secret"
    assert b"secret" not in sealed
    changed = bytearray(sealed)
    changed[-1] ^= 1
    attempts = [
        ("one", sealed, b"b"),
        ("two", sealed, b"a"),
        ("one", bytes(changed), b"a"),
        ("one", sealed[:-1], b"a"),
        ("one", sealed[:20], b"a"),
        ("one", b"\x02" + sealed[1:], b"a"),
    ]
    for label, data, context in attempts:
        with pytest.raises(FormatError) as caught:
            token.open(label, data, context=context)
        assert caught.value.code == "envelope"


def test_a_label_is_for_one_key_of_one_kind(token):
    token.make_signing_key("tokens", "ES256")
    attempts = {
        "taken": lambda: token.make_signing_key("tokens", "ES256"),
        "absent": lambda: token.sign("other", "ES256", b""),
        "algorithm": lambda: token.sign("tokens", "RS256", b""),
        "public": lambda: token.public_key("tokens", "EdDSA"),
        "kind": lambda: token.seal("tokens", b"", context=b""),
    }
    for name, attempt in attempts.items():
        with pytest.raises(SettingsError) as caught:
            attempt()
        assert caught.value.code == "keys.token_key", name


def test_what_cannot_be_opened_says_what_is_wrong(token_place, tmp_path):
    no_library = tmp_path / "no-library.so"
    no_library.write_text("no library")
    for change in ({"module": tmp_path / "absent.so"}, {"module": no_library}, {"token": "other"}):
        with pytest.raises(SettingsError) as caught:
            Token(replace(token_place, **change))
        assert caught.value.code == "keys.token"


def test_o079_a_wrong_pin_is_sent_once(token_place):
    wrong = replace(token_place, pin="9999")
    assert "9999" not in repr(wrong)
    with pytest.raises(SettingsError) as caught:
        Token(wrong)
    assert caught.value.code == "keys.token_pin"
    assert "9999" not in str(caught.value)


def test_o079_a_pin_that_stops_being_right_is_not_tried_again(token, token_place):
    token.make_wrapping_key("wrap")
    token.close()
    token._place = replace(token_place, pin="9999")
    tries = []
    for _ in range(3):
        with pytest.raises(SettingsError) as caught:
            token.seal("wrap", b"x", context=b"")
        tries.append((caught.value.code, caught.value.__cause__ is None))
    assert tries == [("keys.token_pin", False), *[("keys.token_pin", True)] * 2]


@LIBRARY_NOISE
def test_o079_a_lost_session_comes_back(token):
    token.make_signing_key("tokens", "ES256")
    before = token.public_key("tokens", "ES256")
    token._session.close()
    assert len(token.sign("tokens", "ES256", b"m")) == 64
    assert token.public_key("tokens", "ES256") == before


@LIBRARY_NOISE
def test_o079_a_token_that_is_away_fails_closed_and_recovers(token, soft_tokens, tmp_path):
    token.make_signing_key("tokens", "ES256")
    token.close()
    mine = max(soft_tokens.iterdir(), key=lambda folder: folder.stat().st_mtime_ns)
    mine.rename(tmp_path / "away")
    try:
        for _ in range(2):
            with pytest.raises((SettingsError, Unavailable)) as caught:
                token.sign("tokens", "ES256", b"m")
            assert caught.value.code == "keys.token"
    finally:
        (tmp_path / "away").rename(mine)
    assert len(token.sign("tokens", "ES256", b"m")) == 64


def test_threads_share_a_token(token):
    token.make_signing_key("tokens", "ES256")
    public = PublicKey(kid="k", alg="ES256", key=token.public_key("tokens", "ES256"))
    failed = []

    def sign(name):
        for count in range(25):
            message = f"{name}:{count}".encode()
            try:
                public.verify(message, token.sign("tokens", "ES256", message))
            except Exception as error:  # noqa: BLE001 - handed to the test
                failed.append(error)

    threads = [threading.Thread(target=sign, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_f008_a_forked_child_has_a_session_of_its_own(token):
    token.make_signing_key("tokens", "ES256")
    assert len(token.sign("tokens", "ES256", b"m")) == 64
    child = os.fork()
    if child == 0:
        code = 1
        try:
            mine = token.sign("tokens", "ES256", b"m")
            code = 0 if len(mine) == 64 and token._process == os.getpid() else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(token.sign("tokens", "ES256", b"m")) == 64


def test_never_pickled(token):
    with pytest.raises(TypeError):
        pickle.dumps(token)


def test_a_place_shows_no_pin():
    from eid.keys.pkcs11 import TokenPlace  # noqa: PLC0415

    assert "4711" not in repr(TokenPlace(module=Path("/x"), token="t", pin="4711"))
