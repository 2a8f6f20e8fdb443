"""Active Authentication answers, opened with other people's primitives."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from eid.testing.card_image import private_key_der
from eid.testing.softcard_active import sign

CHALLENGE = bytes.fromhex("0123456789ABCDEF")


def test_rsa_follows_iso_9796_2_with_sha_256(aa_key: rsa.RSAPrivateKey) -> None:
    random_part = bytes(range(221))
    response = sign(private_key_der(aa_key), CHALLENGE, rng=lambda size: random_part[:size])
    assert len(response) == 256
    numbers = aa_key.public_key().public_numbers()
    block = pow(int.from_bytes(response, "big"), numbers.e, numbers.n).to_bytes(256, "big")
    digest = hashlib.sha256(random_part + CHALLENGE).digest()
    assert block == b"\x6a" + random_part + digest + b"\x34\xcc"


@pytest.mark.parametrize("curve", [ec.BrainpoolP256R1(), ec.SECP521R1()], ids=["256", "521"])
def test_ecdsa_is_plain_and_of_fixed_length(curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    response = sign(private_key_der(key), CHALLENGE, rng=bytes)
    size = (curve.key_size + 7) // 8
    assert len(response) == 2 * size
    r, s = (int.from_bytes(part, "big") for part in (response[:size], response[size:]))
    signature = encode_dss_signature(r, s)
    key.public_key().verify(signature, CHALLENGE, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        key.public_key().verify(signature, bytes(8), ec.ECDSA(hashes.SHA256()))


def test_other_keys_cannot_answer() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="RSA"):
        sign(der, CHALLENGE, rng=bytes)
