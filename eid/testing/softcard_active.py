"""Active Authentication from the chip's side (9303-11 §6.1, ISO/IEC 9796-2 scheme 1).

>>> from cryptography.hazmat.primitives.asymmetric import rsa
>>> from eid.testing.card_image import private_key_der
>>> key = rsa.generate_private_key(65537, 2048)
>>> len(sign(private_key_der(key), bytes(8), rng=bytes))
256
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec as pyca_ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_private_key

CHALLENGE_SIZE: Final = 8
_PARTIAL_RECOVERY: Final = b"\x6a"
_SHA256_TRAILER: Final = b"\x34\xcc"


def sign(private_key: bytes, challenge: bytes, *, rng: Callable[[int], bytes]) -> bytes:
    """Sign a challenge with a PKCS#8 key: RSA by ISO 9796-2, or plain ECDSA, with SHA-256."""
    key = load_der_private_key(private_key, None)
    if isinstance(key, rsa.RSAPrivateKey):
        return _sign_rsa(key, challenge, rng)
    if isinstance(key, pyca_ec.EllipticCurvePrivateKey):
        return _sign_ecdsa(key, challenge)
    raise ValueError("A chip signs with RSA or with an elliptic curve.")


def _sign_rsa(key: rsa.RSAPrivateKey, challenge: bytes, rng: Callable[[int], bytes]) -> bytes:
    """Message of a random recoverable part and the challenge, which is not recoverable."""
    size = key.key_size // 8
    digest_size = sha256().digest_size
    recoverable = rng(size - len(_PARTIAL_RECOVERY) - digest_size - len(_SHA256_TRAILER))
    digest = sha256(recoverable + challenge).digest()
    block = _PARTIAL_RECOVERY + recoverable + digest + _SHA256_TRAILER
    numbers = key.private_numbers()
    number = pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n)
    return number.to_bytes(size, "big")


def _sign_ecdsa(key: pyca_ec.EllipticCurvePrivateKey, challenge: bytes) -> bytes:
    """Plain signature: r and s, each as long as the curve's order (TR-03111 §5.2.1)."""
    signature = key.sign(challenge, pyca_ec.ECDSA(hashes.SHA256()))
    size = (key.key_size + 7) // 8
    return b"".join(part.to_bytes(size, "big") for part in decode_dss_signature(signature))
