"""Keys of foreign issuers: each algorithm with its own keys, and no other pair."""

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from eid.errors import FormatError, SignatureInvalid
from eid.qr.algorithms import ALGORITHMS, check, ecdsa_of, fits, read_key, write_key
from eid.qr.issuers import IssuerKey

SECRET = 0x5EED5EED
PRIVATE = {
    "P-256": ec.derive_private_key(SECRET, ec.SECP256R1()),
    "P-384": ec.derive_private_key(SECRET, ec.SECP384R1()),
    "P-521": ec.derive_private_key(SECRET, ec.SECP521R1()),
    "B-256": ec.derive_private_key(SECRET, ec.BrainpoolP256R1()),
    "B-384": ec.derive_private_key(SECRET, ec.BrainpoolP384R1()),
    "B-512": ec.derive_private_key(SECRET, ec.BrainpoolP512R1()),
    "P-224": ec.derive_private_key(SECRET, ec.SECP224R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
    "Ed25519": Ed25519PrivateKey.from_private_bytes(bytes(range(32))),
}
FITTING = {
    "ES256": {"P-256"},
    "ES384": {"P-384"},
    "ES512": {"P-521"},
    "ECDSA-SHA256": {"P-256", "B-256"},
    "ECDSA-SHA384": {"P-384", "B-384"},
    "ECDSA-SHA512": {"P-521", "B-512"},
    "PS256": {"RSA"},
}
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def sign(alg, key, data):
    digest = HASHES[alg[-3:]]
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PSS(padding.MGF1(digest), 32), digest)
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(data)
    size = (key.curve.key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


@pytest.mark.parametrize("name", list(PRIVATE))
@pytest.mark.parametrize("alg", list(FITTING))
def test_an_algorithm_takes_its_own_keys_only(alg, name):
    key = PRIVATE[name]
    signature = sign(alg, key, b"data")
    assert fits(alg, key.public_key()) == (name in FITTING[alg])
    if name in FITTING[alg]:
        check(alg, key.public_key(), signature, b"data")
        for wrong in (signature[:-1], signature + b"\0", b"", bytes(len(signature))):
            with pytest.raises(SignatureInvalid) as refusal:
                check(alg, key.public_key(), wrong, b"data")
            assert refusal.value.code == "qr.signature"
        with pytest.raises(SignatureInvalid):
            check(alg, key.public_key(), signature, b"other")
    else:
        with pytest.raises(SignatureInvalid) as refusal:
            check(alg, key.public_key(), signature, b"data")
        assert refusal.value.code == "qr.alg"


def test_the_table_is_whole():
    assert set(ALGORITHMS) == set(FITTING)
    for alg in ("RS256", "none", "", "ES256K"):
        with pytest.raises(SignatureInvalid):
            check(alg, PRIVATE["P-256"].public_key(), bytes(64), b"data")


def test_pss_of_another_hash_salt_or_padding_is_refused():
    key, sha = PRIVATE["RSA"], hashes.SHA256()
    for signature in (
        key.sign(b"data", padding.PKCS1v15(), sha),
        key.sign(b"data", padding.PSS(padding.MGF1(sha), 0), sha),
        key.sign(b"data", padding.PSS(padding.MGF1(hashes.SHA384()), 32), sha),
        key.sign(b"data", padding.PSS(padding.MGF1(hashes.SHA384()), 48), hashes.SHA384()),
    ):
        with pytest.raises(SignatureInvalid):
            check("PS256", key.public_key(), signature, b"data")


def test_what_icao_binds_to_a_key():
    named = {name: ecdsa_of(key.public_key()) for name, key in PRIVATE.items()}
    assert named == {
        "P-256": "ECDSA-SHA256", "P-384": "ECDSA-SHA384", "P-521": "ECDSA-SHA512",
        "B-256": "ECDSA-SHA256", "B-384": "ECDSA-SHA384", "B-512": "ECDSA-SHA512",
        "P-224": None, "RSA": None, "Ed25519": None,
    }  # fmt: skip


@pytest.mark.parametrize("name", [name for name in PRIVATE if name != "P-224"])
def test_keys_travel_as_der(name):
    public = PRIVATE[name].public_key()
    assert read_key(write_key(public)) == public
    assert IssuerKey.foreign("UTO", b"kid", write_key(public)).public_key == public


def der(key):
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_other_keys_are_unsupported():
    small = rsa.generate_private_key(65537, 1024).public_key()
    for key in (
        PRIVATE["P-224"].public_key(), small, ed448.Ed448PrivateKey.generate().public_key(),
        dsa.generate_private_key(1024).public_key(),
    ):  # fmt: skip
        with pytest.raises(FormatError) as refusal:
            read_key(der(key))
        assert refusal.value.code == "qr.key_unsupported"
    assert not fits("PS256", small)


def test_brainpool_of_224_bits_is_unsupported_not_broken():
    """As OpenSSL writes it; `cryptography` has no such curve."""
    spki = bytes.fromhex(
        "3052301406072a8648ce3d020106092b2403030208010105033a0004"
        "0d9029ad2c7e5cf4340823b2a87dc68c9e4ce3174c1e6efdee12c07d"
        "58aa56f772c0726f24c6b89e4ecdac24354b9e99caa3f6d3761402cd"
    )
    with pytest.raises(FormatError) as refusal:
        read_key(spki)
    assert refusal.value.code == "qr.key_unsupported"


@pytest.mark.parametrize("data", [b"", b"0", b"\x30\x00", bytes(2000)])
def test_what_is_no_key(data):
    with pytest.raises(FormatError) as refusal:
        read_key(data)
    assert refusal.value.code == "qr.key"


def test_bytes_behind_a_key_are_refused():
    with pytest.raises(FormatError):
        read_key(write_key(PRIVATE["P-256"].public_key()) + b"\0")
