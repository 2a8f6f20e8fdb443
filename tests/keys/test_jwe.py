import json

import pytest
from hypothesis import given, settings, strategies as st
from joserfc import jwe as peer
from joserfc.jwk import ECKey

from eid.errors import FormatError, RequestRefused, SignatureInvalid, VerificationError
from eid.keys import EncryptionKey, decode_base64url, decrypt_jwe, encode_base64url, encrypt_jwe

KEY = EncryptionKey.generate("evidence")
TYP = "eid-evidence+jwe"
PEER_ALGORITHMS = ["ECDH-ES+A256KW", "A256GCM"]


def peer_key():
    numbers = KEY.private.private_numbers()
    secret = encode_base64url(numbers.private_value.to_bytes(32))
    jwk = {name: KEY.public_jwk()[name] for name in ("kty", "crv", "x", "y")}
    return ECKey.import_key({**jwk, "d": secret})


def peer_encrypt(header, payload=b"secret", algorithms=PEER_ALGORITHMS):
    registry = peer.JWERegistry(algorithms=algorithms, strict_check_header=False)
    return peer.encrypt_compact(header, payload, peer_key(), registry=registry)


def open_(token, **changes):
    return decrypt_jwe(token, KEY, **{"typ": TYP, "max_bytes": 1000, **changes})


def edit_header(token, **changes):
    head, rest = token.split(".", 1)
    header = {**json.loads(decode_base64url(head)), **changes}
    header = {name: value for name, value in header.items() if value is not ...}
    return encode_base64url(json.dumps(header).encode()) + "." + rest


def test_an_independent_library_reads_ours():
    token = encrypt_jwe(b"secret", KEY.public_jwk(), typ=TYP)
    opened = peer.decrypt_compact(token, peer_key(), algorithms=PEER_ALGORITHMS)
    assert opened.plaintext == b"secret"
    assert opened.protected["typ"] == TYP


def test_we_read_an_independent_library():
    header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "typ": TYP, "kid": KEY.kid}
    assert open_(peer_encrypt(header)) == b"secret"


def test_each_token_is_different():
    tokens = {encrypt_jwe(b"x" * 20, KEY.public_jwk(), typ=TYP) for _ in range(3)}
    assert len({part for token in tokens for part in token.split(".")}) == 3 * 5


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "ECDH-ES", "enc": "A256GCM"},
        {"alg": "ECDH-ES+A128KW", "enc": "A256GCM"},
        {"alg": "ECDH-ES+A256KW", "enc": "A128GCM"},
        {"alg": "ECDH-ES+A256KW", "enc": "A256CBC-HS512"},
    ],
)
def test_o022_other_suites(header):
    token = peer_encrypt({**header, "typ": TYP}, algorithms=list(header.values()))
    with pytest.raises(FormatError) as caught:
        open_(token)
    assert caught.value.code == "jwe.algorithm"


@pytest.mark.parametrize("alg", ["RSA1_5", "RSA-OAEP", "dir", "PBES2-HS256+A128KW", "none", None])
def test_o022_other_algorithm_names(alg):
    token = edit_header(encrypt_jwe(b"x", KEY.public_jwk(), typ=TYP), alg=alg)
    with pytest.raises(FormatError) as caught:
        open_(token)
    assert caught.value.code == "jwe.algorithm"


def test_o022_zip_bomb_is_refused_by_its_header():
    header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "typ": TYP, "zip": "DEF"}
    token = peer_encrypt(header, b"0" * 1_000_000, [*PEER_ALGORITHMS, "DEF"])
    with pytest.raises(FormatError) as caught:
        open_(token, max_bytes=10_000)
    assert caught.value.code == "jwe.extension"


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"crit": ["x"]}, FormatError, "jwe.extension"),
        ({"p2c": 10**9}, FormatError, "jwe.extension"),
        ({"apu": "AA"}, FormatError, "jwe.extension"),
        ({"typ": "JWT"}, RequestRefused, "jwe.type"),
        ({"typ": ...}, RequestRefused, "jwe.type"),
        ({"kid": "other"}, RequestRefused, "jwe.key"),
        ({"epk": ...}, FormatError, "jwe.ephemeral_key"),
        ({"epk": "x"}, FormatError, "jwe.ephemeral_key"),
        (
            {"epk": {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}},
            FormatError,
            "jwe.ephemeral_key",
        ),
        ({"epk": KEY.public_jwk()}, FormatError, "jwe.ephemeral_key"),
        (
            {"epk": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}},
            FormatError,
            "jwk.point",
        ),
        ({"kid": ...}, SignatureInvalid, "jwe.tag"),
    ],
)
def test_headers(changes, error, code):
    token = edit_header(encrypt_jwe(b"x", KEY.public_jwk(), typ=TYP), **changes)
    with pytest.raises(error) as caught:
        open_(token)
    assert caught.value.code == code


def test_sizes_are_checked_before_anything_else():
    token = encrypt_jwe(b"x" * 1001, KEY.public_jwk(), typ=TYP)
    assert open_(token, max_bytes=1001) == b"x" * 1001
    for bad in (token, "A" * 30_000_000, "." * 5000):
        with pytest.raises(FormatError):
            open_(bad)
    long_header = edit_header(token, x="y" * 2000)
    with pytest.raises(FormatError):
        open_(long_header, max_bytes=10_000)


def test_parts_have_their_lengths():
    parts = encrypt_jwe(b"x", KEY.public_jwk(), typ=TYP).split(".")
    for place in (1, 2, 4):
        bad = [*parts]
        bad[place] = encode_base64url(decode_base64url(parts[place])[:-1])
        with pytest.raises(FormatError) as caught:
            open_(".".join(bad))
        assert caught.value.code == "jwe.form"


def test_another_key_and_changed_parts():
    token = encrypt_jwe(b"secret", KEY.public_jwk(), typ=TYP)
    with pytest.raises(RequestRefused):
        decrypt_jwe(token, EncryptionKey.generate("e"), typ=TYP, max_bytes=100)
    unnamed = {name: value for name, value in KEY.public_jwk().items() if name != "kid"}
    anonymous = encrypt_jwe(b"secret", unnamed, typ=TYP)
    assert open_(anonymous) == b"secret"
    with pytest.raises(SignatureInvalid):
        decrypt_jwe(anonymous, EncryptionKey.generate("e"), typ=TYP, max_bytes=100)
    parts = token.split(".")
    for place in (1, 2, 3, 4):
        data = bytearray(decode_base64url(parts[place]))
        data[0] ^= 1
        bad = [*parts]
        bad[place] = encode_base64url(bytes(data))
        with pytest.raises(SignatureInvalid):
            open_(".".join(bad))


def test_only_p256_recipients():
    with pytest.raises(FormatError):
        encrypt_jwe(b"x", {**KEY.public_jwk(), "crv": "P-384"}, typ=TYP)
    with pytest.raises(FormatError):
        encrypt_jwe(b"x", {}, typ=TYP)


@given(st.text(max_size=60))
def test_any_text_is_refused(text):
    with pytest.raises((FormatError, VerificationError)):
        open_(text)


@settings(max_examples=20)
@given(st.binary(max_size=1000))
def test_round_trip(payload):
    assert open_(encrypt_jwe(payload, KEY.public_jwk(), typ=TYP)) == payload
