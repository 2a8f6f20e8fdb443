"""Each signature algorithm against PyJWT's, in both directions, and what must not hold."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from jwt.algorithms import get_default_algorithms

from eid.keys.algorithms import holds, sign

PEER = get_default_algorithms()
RSA = rsa.generate_private_key(65537, 2048)
KEYS: dict[str, Any] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), RSA),
}
MESSAGE = b"eyJhbGciOiJFUzI1NiJ9.e30"


@pytest.mark.parametrize("alg", KEYS)
def test_a_peer_takes_ours_and_we_take_theirs(alg: str) -> None:
    key = KEYS[alg]
    assert PEER[alg].verify(MESSAGE, key.public_key(), sign(alg, key, MESSAGE))
    assert holds(alg, key.public_key(), MESSAGE, PEER[alg].sign(MESSAGE, key))


@pytest.mark.parametrize("alg", KEYS)
def test_another_message_or_signature_does_not_hold(alg: str) -> None:
    public, signature = KEYS[alg].public_key(), sign(alg, KEYS[alg], MESSAGE)
    assert not holds(alg, public, MESSAGE + b" ", signature)
    flipped = bytes((*signature[:-1], signature[-1] ^ 1))
    for other in (
        b"",
        flipped,
        signature[:-1],
        signature + b"\0",
        b"\0" + signature,
        bytes(len(signature)),
        b"\xff" * len(signature),
    ):
        assert not holds(alg, public, MESSAGE, other), other


@pytest.mark.parametrize(("alg", "size"), [("ES256", 32), ("ES384", 48), ("ES512", 66)])
def test_ecdsa_takes_r_and_s_and_no_der(alg: str, size: int) -> None:
    public, signature = KEYS[alg].public_key(), sign(alg, KEYS[alg], MESSAGE)
    assert len(signature) == 2 * size
    r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
    assert not holds(alg, public, MESSAGE, utils.encode_dss_signature(r, s))
    assert not holds(alg, public, MESSAGE, signature[size:] + signature[:size])
    assert not holds(alg, public, MESSAGE, signature[:size] + bytes(size))


def test_an_rsa_key_s_signature_holds_in_its_own_algorithm_only() -> None:
    rsa_algorithms = [alg for alg in KEYS if alg[:2] in {"RS", "PS"}]
    for made in rsa_algorithms:
        signature = sign(made, RSA, MESSAGE)
        for asked in rsa_algorithms:
            assert holds(asked, RSA.public_key(), MESSAGE, signature) is (asked == made)


def test_the_salt_of_pss_is_as_long_as_its_hash() -> None:
    digest = hashes.SHA256()
    for length, held in ((32, True), (20, False), (0, False)):
        scheme = padding.PSS(mgf=padding.MGF1(digest), salt_length=length)
        signature = RSA.sign(MESSAGE, scheme, digest)
        assert holds("PS256", RSA.public_key(), MESSAGE, signature) is held
