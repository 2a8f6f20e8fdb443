import json
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from eid.errors import FormatError, SignatureInvalid
from eid.keys import EncryptionKey, JwkSet, PublicKey, SigningKey, encode_base64url
from eid.keys.jwk import thumbprint
from eid.keys.signing import load_private

VECTORS = Path(__file__).parents[1] / "vectors"


def uint(n, size=None):
    return encode_base64url(n.to_bytes(size or (n.bit_length() + 7) // 8))


def rsa_jwk(key, **more):
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": uint(numbers.n), "e": uint(numbers.e), **more}


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


def test_rfc7638_thumbprint():
    """RFC 7638 §3.1."""
    jwk = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    assert thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def wycheproof():
    path = VECTORS / "wycheproof" / "ecdsa_secp256r1_sha256_p1363_test.json"
    for group in json.loads(path.read_text())["testGroups"]:
        point = bytes.fromhex(group["publicKey"]["uncompressed"])
        for case in group["tests"]:
            yield pytest.param(point, case, id=str(case["tcId"]))


@pytest.mark.parametrize(("point", "case"), list(wycheproof()))
def test_wycheproof_raw_signatures(point, case):
    """O-030: zero, r and s out of range, DER instead of raw."""
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": encode_base64url(point[1:33]),
        "y": encode_base64url(point[33:]),
    }
    key = PublicKey.from_jwk(jwk)
    message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
    if case["result"] == "valid":
        key.verify(message, signature)
    else:
        with pytest.raises(SignatureInvalid):
            key.verify(message, signature)


def test_signature_is_raw_and_bound_to_the_message():
    key = SigningKey.generate("tokens")
    signature = key.sign(b"message")
    assert len(signature) == 64
    key.public.verify(b"message", signature)
    for bad in (bytes(64), signature[:-1], signature + b"\0", b"", signature[::-1]):
        with pytest.raises(SignatureInvalid):
            key.public.verify(b"message", bad)
    with pytest.raises(SignatureInvalid):
        key.public.verify(b"massage", signature)


def test_der_signature_is_refused():
    key = SigningKey.generate("tokens")
    der = key.private.sign(b"message", ec.ECDSA(hashes.SHA256()))
    with pytest.raises(SignatureInvalid):
        key.public.verify(b"message", der)


def test_public_jwk_is_public_and_named_by_its_thumbprint():
    for key, use in ((SigningKey.generate("a"), "sig"), (EncryptionKey.generate("a"), "enc")):
        jwk = key.public_jwk()
        assert jwk.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}
        assert (jwk["use"], jwk["kid"]) == (use, thumbprint(jwk))
        assert key.private.private_numbers().private_value.to_bytes(32).hex() not in repr(key)
        assert "private" not in repr(key)


def test_keys_are_not_pickled():
    for key in (SigningKey.generate("a"), EncryptionKey.generate("a")):
        with pytest.raises(TypeError):
            pickle.dumps(key)


def test_coordinates_keep_leading_zeros():
    key = next(
        key
        for key in map(SigningKey.generate, ["t"] * 5000)
        if key.private.public_key().public_numbers().x < 1 << 248
    )
    assert len(key.public_jwk()["x"]) == 43
    assert PublicKey.from_jwk(key.public_jwk()).kid == key.kid


def test_other_kinds_of_keys(rsa_key):
    ed = ed25519.Ed25519PrivateKey.generate()
    raw = ed.public_key().public_bytes_raw()
    key = PublicKey.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(raw)})
    assert key.alg == "EdDSA"
    key.verify(b"m", ed.sign(b"m"))
    with pytest.raises(SignatureInvalid):
        key.verify(b"m", bytes(64))
    assert PublicKey.from_jwk(rsa_jwk(rsa_key)).alg == "RS256"
    assert PublicKey.from_jwk(rsa_jwk(rsa_key, alg="PS256")).alg == "PS256"
    p384 = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-384", "x": uint(p384.x, 48), "y": uint(p384.y, 48), "kid": "k"}
    assert (PublicKey.from_jwk(jwk).alg, PublicKey.from_jwk(jwk).kid) == ("ES384", "k")


def point(**changes):
    return {**SigningKey.generate("t").public_jwk(), **changes}


@pytest.mark.parametrize(
    ("jwk", "code"),
    [
        ({}, "jwk.unknown"),
        ({"kty": "oct", "k": "AAAA"}, "jwk.private"),
        (point(d="AAAA"), "jwk.private"),
        (point(kty="EC2"), "jwk.unknown"),
        (point(crv="secp256k1"), "jwk.unknown"),
        (point(alg="ES384"), "jwk.unknown"),
        (point(alg="HS256"), "jwk.unknown"),
        (point(x="AAAA"), "jwk.member"),
        (point(x=None), "jwk.member"),
        (point(x="A" * 2000), "jwk.member"),
        (point(x=encode_base64url(bytes(32))), "jwk.point"),
        (point(x="===="), "base64url"),
        (point(kid=""), "jwk.kid"),
        (point(kid=7), "jwk.kid"),
        (point(kid="x" * 257), "jwk.kid"),
        ({"kty": "OKP", "crv": "X25519", "x": "AA"}, "jwk.unknown"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "AA"}, "jwk.point"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "AA", "alg": "none"}, "jwk.unknown"),
    ],
)
def test_bad_keys_are_refused_at_load(jwk, code):
    with pytest.raises(FormatError) as caught:
        PublicKey.from_jwk(jwk)
    assert caught.value.code == code


def test_weak_rsa_is_refused_at_load(rsa_key):
    """O-031."""
    n = rsa_key.public_key().public_numbers().n
    weak = rsa.generate_private_key(65537, 1024)
    for jwk in (
        rsa_jwk(weak),
        {"kty": "RSA", "n": uint(n), "e": "Aw"},
        {"kty": "RSA", "n": uint(n), "e": uint(65538)},
        {"kty": "RSA", "n": uint(n | 1 << 9000), "e": "AQAB"},
    ):
        with pytest.raises(FormatError) as caught:
            PublicKey.from_jwk(jwk)
        assert caught.value.code in {"jwk.weak", "jwk.member"}
    with pytest.raises(FormatError):
        PublicKey.from_jwk(rsa_jwk(rsa_key, alg="RSA1_5"))
    with pytest.raises(FormatError):
        JwkSet.from_jwks({"keys": [rsa_jwk(weak)]})


def test_key_set_skips_unknown_kinds_and_keeps_encryption_apart(rsa_key):
    """RFC 7517 §5."""
    signing, encryption = SigningKey.generate("t"), EncryptionKey.generate("e")
    jwks = {
        "keys": [
            signing.public_jwk(),
            encryption.public_jwk(),
            rsa_jwk(rsa_key, kid="r"),
            rsa_jwk(rsa_key, alg="RSA-OAEP", kid="o"),
            {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
            point(crv="secp256k1"),
            {"kty": "OKP", "crv": "Ed448", "x": "AA"},
        ]
    }
    keys = JwkSet.from_jwks(jwks)
    assert set(keys.keys) == {signing.kid, "r"}
    assert keys.encryption_jwk()["kid"] == encryption.kid
    for other in ({"keys": []}, {"keys": [rsa_jwk(rsa_key, use="enc")]}):
        with pytest.raises(FormatError) as caught:
            JwkSet.from_jwks(other).encryption_jwk()
        assert caught.value.code == "jwks.no_encryption"
    assert set(JwkSet.of(signing, keys.keys["r"]).keys) == {signing.kid, "r"}


@pytest.mark.parametrize(
    ("jwks", "code"),
    [
        ({}, "jwks"),
        ({"keys": {}}, "jwks"),
        ({"keys": ["x"]}, "jwks"),
        ({"keys": [{}] * 101}, "jwks"),
        ({"keys": [point(kid="same"), point(kid="same")]}, "jwks.duplicate_kid"),
        ({"keys": [{"kty": "oct", "k": "AAAA", "use": "enc"}]}, "jwk.private"),
        ({"keys": [point(d="AAAA")]}, "jwk.private"),
    ],
)
def test_bad_key_sets(jwks, code):
    with pytest.raises(FormatError) as caught:
        JwkSet.from_jwks(jwks)
    assert caught.value.code == code


def pem(key, encryption=None):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        encryption or serialization.NoEncryption(),
    )


def test_private_keys_are_on_p256_and_unencrypted(rsa_key):
    key = ec.generate_private_key(ec.SECP256R1())
    assert SigningKey.from_pem(pem(key), "t").private.private_numbers() == key.private_numbers()
    for bad, code in (
        (b"", "key.pem"),
        (pem(key, serialization.BestAvailableEncryption(b"x")), "key.pem"),
        (pem(rsa_key), "key.curve"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "key.curve"),
    ):
        with pytest.raises(FormatError) as caught:
            load_private(bad)
        assert caught.value.code == code
    with pytest.raises(FormatError):
        SigningKey.of(ec.generate_private_key(ec.SECP384R1()), "t")
