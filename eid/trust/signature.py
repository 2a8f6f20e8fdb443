"""One strict door for every signature (RFC 8017 §8; FIPS 186-5; TR-03111 §5.2; RFC 5753).

>>> from eid.trust.algorithms import SHA256
>>> from eid.trust.public_keys import RsaKey
>>> key = RsaKey(n=(1 << 1023) + 1, e=3)
>>> verify(key, SignatureAlgorithm(scheme="rsa-pkcs1", digest=SHA256), b"message", b"")
Traceback (most recent call last):
    ...
eid.errors.SignatureInvalid: The signature does not fit the key.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, padding, rsa, utils

from eid import ec, tlv
from eid.errors import FormatError, SignatureInvalid
from eid.trust.algorithms import Digest, SignatureAlgorithm
from eid.trust.public_keys import DsaKey, EcKey, PublicKey, RsaKey

_HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


def verify(
    key: PublicKey, algorithm: SignatureAlgorithm, message: bytes, signature: bytes
) -> None:
    """Return if ``signature`` over ``message`` is good; else raise ``SignatureInvalid``.

    The key decides what can be verified: an algorithm that does not fit it is refused with the
    code ``algorithm.key``. Encodings must be the only valid ones (DER minimal, fixed lengths).
    """
    match key:
        case RsaKey() if algorithm.scheme in ("rsa-pkcs1", "rsa-pss"):
            good = _rsa(key, algorithm, message, signature)
        case EcKey() if algorithm.scheme in ("ecdsa", "ecdsa-plain"):
            good = _ecdsa(key, algorithm, message, signature)
        case DsaKey() if algorithm.scheme == "dsa":
            good = _dsa(key, algorithm, message, signature)
        case _:
            raise SignatureInvalid("The algorithm does not fit the key.", code="algorithm.key")
    if not good:
        raise _invalid()


def _invalid() -> SignatureInvalid:
    return SignatureInvalid("The signature does not fit the key.")


def _hash(digest: Digest) -> hashes.HashAlgorithm:
    return _HASHES[digest.name]()


@lru_cache(maxsize=256)
def _rsa_key(n: int, e: int) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(e, n).public_key()


def _rsa(key: RsaKey, algorithm: SignatureAlgorithm, message: bytes, signature: bytes) -> bool:
    if len(signature) != (key.n.bit_length() + 7) // 8:
        return False
    scheme: padding.AsymmetricPadding = padding.PKCS1v15()
    if algorithm.scheme == "rsa-pss":
        mask = algorithm.mask_digest or algorithm.digest
        scheme = padding.PSS(mgf=padding.MGF1(_hash(mask)), salt_length=algorithm.salt_length)
    try:
        _rsa_key(key.n, key.e).verify(signature, message, scheme, _hash(algorithm.digest))
    except InvalidSignature:
        return False
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureInvalid("The key cannot be used.", code="algorithm.key") from error
    return True


def _ecdsa(key: EcKey, algorithm: SignatureAlgorithm, message: bytes, signature: bytes) -> bool:
    plain = algorithm.scheme == "ecdsa-plain"
    pair = plain_pair(signature, key.curve.n) if plain else der_pair(signature)
    if pair is None or not all(0 < number < key.curve.n for number in pair):
        return False
    return ec.verify_ecdsa(key.curve, key.point, algorithm.digest.of(message), *pair)


def plain_pair(signature: bytes, order: int) -> tuple[int, int] | None:
    """The numbers r and s of a plain signature, or ``None`` if its length is not the order's."""
    size = (order.bit_length() + 7) // 8
    if len(signature) != 2 * size:
        return None
    return int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")


def der_pair(signature: bytes) -> tuple[int, int] | None:
    """The numbers r and s of a DER-encoded signature, or ``None`` if it is not strictly DER."""
    try:
        outer = tlv.parse(signature)
        parts = tlv.children(outer) if outer.tag == 0x30 else ()
        if [part.tag for part in parts] != [0x02, 0x02]:
            return None
        return tlv.decode_int(parts[0].value), tlv.decode_int(parts[1].value)
    except FormatError:
        return None


def _dsa(key: DsaKey, algorithm: SignatureAlgorithm, message: bytes, signature: bytes) -> bool:
    pair = der_pair(signature)
    if pair is None or not all(0 < number < key.q for number in pair):
        return False
    numbers = dsa.DSAPublicNumbers(key.y, dsa.DSAParameterNumbers(key.p, key.q, key.g))
    try:
        numbers.public_key().verify(
            utils.encode_dss_signature(*pair), message, _hash(algorithm.digest)
        )
    except InvalidSignature:
        return False
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureInvalid("The key cannot be used.", code="algorithm.key") from error
    return True
