"""Active Authentication from the chip's side (9303-11 §6.1, ISO/IEC 9796-2 scheme 1).

>>> from cryptography.hazmat.primitives.asymmetric import rsa
>>> from eid.testing.card_image import private_key_der
>>> key = rsa.generate_private_key(65537, 2048)
>>> len(sign(private_key_der(key), bytes(8), rng=bytes))
256
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec as pyca_ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_private_key

from eid.testing.chip_traits import Digest

CHALLENGE_SIZE: Final = 8
_PARTIAL_RECOVERY: Final = b"\x6a"


@dataclass(frozen=True, slots=True)
class _Scheme:
    name: str
    trailer: bytes
    hash: type[hashes.HashAlgorithm]


SCHEMES: Final[dict[Digest, _Scheme]] = {
    "sha1-bc": _Scheme("sha1", b"\xbc", hashes.SHA1),
    "sha1": _Scheme("sha1", b"\x33\xcc", hashes.SHA1),
    "sha224": _Scheme("sha224", b"\x38\xcc", hashes.SHA224),
    "sha256": _Scheme("sha256", b"\x34\xcc", hashes.SHA256),
    "sha384": _Scheme("sha384", b"\x36\xcc", hashes.SHA384),
    "sha512": _Scheme("sha512", b"\x35\xcc", hashes.SHA512),
}


def sign(
    private_key: bytes,
    challenge: bytes,
    *,
    rng: Callable[[int], bytes],
    digest: Digest = "sha256",
    der: bool = False,
) -> bytes:
    """Sign a challenge with a PKCS#8 key: RSA by ISO 9796-2, or ECDSA, plain or in DER."""
    key = load_der_private_key(private_key, None, unsafe_skip_rsa_key_validation=True)
    if isinstance(key, rsa.RSAPrivateKey):
        return _sign_rsa(key, challenge, SCHEMES[digest], rng)
    if isinstance(key, pyca_ec.EllipticCurvePrivateKey):
        signature = key.sign(challenge, pyca_ec.ECDSA(SCHEMES[digest].hash()))
        return signature if der else _plain(signature, (key.key_size + 7) // 8)
    raise ValueError("A chip signs with RSA or with an elliptic curve.")


def _sign_rsa(
    key: rsa.RSAPrivateKey, challenge: bytes, scheme: _Scheme, rng: Callable[[int], bytes]
) -> bytes:
    """Message of a random recoverable part and the challenge, which is not recoverable."""
    size = (key.key_size + 7) // 8
    digest_size = hashlib.new(scheme.name, usedforsecurity=False).digest_size
    recoverable = rng(size - len(_PARTIAL_RECOVERY) - digest_size - len(scheme.trailer))
    message = recoverable + challenge
    digest = hashlib.new(scheme.name, message, usedforsecurity=False).digest()
    block = _PARTIAL_RECOVERY + recoverable + digest + scheme.trailer
    numbers = key.private_numbers()
    number = pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n)
    return number.to_bytes(size, "big")


def _plain(signature: bytes, size: int) -> bytes:
    """Plain signature: r and s, each as long as the curve's order (TR-03111 §5.2.1)."""
    return b"".join(part.to_bytes(size, "big") for part in decode_dss_signature(signature))
