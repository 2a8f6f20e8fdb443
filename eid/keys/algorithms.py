"""Signatures in JOSE form, one table over `cryptography` (RFC 7518 §3, RFC 8037 §3.1).

>>> from cryptography.hazmat.primitives.asymmetric import ec
>>> key = ec.generate_private_key(ec.SECP256R1())
>>> signature = sign("ES256", key, b"message")
>>> len(signature), holds("ES256", key.public_key(), b"message", signature)
(64, True)
>>> holds("ES256", key.public_key(), b"massage", signature)
False

The algorithm is the key's own, checked when the key is loaded; here it is only carried out. ECDSA's
signature is r and s, each as long as the curve's order (RFC 7518 §3.4); PSS takes a salt as long as
the hash (§3.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
VerificationKey: TypeAlias = (
    ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
)

_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}


def sign(alg: str, key: PrivateKey, message: bytes) -> bytes:
    """A signature by a key of that algorithm."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    digest = _HASHES[alg[2:]]
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, _padding(alg, digest), digest)
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
    size = _size(key.curve)
    return r.to_bytes(size) + s.to_bytes(size)


def holds(alg: str, key: VerificationKey, message: bytes, signature: bytes) -> bool:
    """Whether the signature is by that key, in that algorithm, over exactly this message."""
    try:
        _verify(alg, key, message, signature)
    except InvalidSignature:
        return False
    return True


def _verify(alg: str, key: VerificationKey, message: bytes, signature: bytes) -> None:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key.verify(signature, message)
    digest = _HASHES[alg[2:]]
    if isinstance(key, rsa.RSAPublicKey):
        return key.verify(signature, message, _padding(alg, digest), digest)
    size = _size(key.curve)
    if len(signature) != 2 * size:
        raise InvalidSignature
    r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
    return key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(digest))


def _padding(alg: str, digest: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    if alg.startswith("PS"):
        return padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
    return padding.PKCS1v15()


def _size(curve: ec.EllipticCurve) -> int:
    return (curve.key_size + 7) // 8
