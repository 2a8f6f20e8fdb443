"""Algorithms of codes that others issue, each bound to the keys it stands for.

>>> from cryptography.hazmat.primitives.asymmetric import ec
>>> brainpool = ec.generate_private_key(ec.BrainpoolP384R1()).public_key()
>>> [name for name in ALGORITHMS if fits(name, brainpool)]
['ECDSA-SHA384']

``ES…`` is what JOSE and COSE say: one curve each (RFC 7518 §3.4). ``ECDSA-SHA…`` is what ICAO says:
any curve of that size, NIST or Brainpool (9303-13; RFC 5639), signatures as r‖s. ``PS256`` is
RSASSA-PSS with 32 bytes of salt (RFC 8230 §2). Our own codes know none of this, see `eid.qr.cose`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from eid.errors import FormatError, SignatureInvalid

IssuerPublicKey: TypeAlias = ec.EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey

MAX_KEY: Final = 1024
"""Bytes of a listed key."""
RSA_BITS: Final = range(2048, 4097)

_SHA256, _SHA384, _SHA512 = hashes.SHA256(), hashes.SHA384(), hashes.SHA512()
_ECDSA: Final[Mapping[str, tuple[hashes.HashAlgorithm, frozenset[str]]]] = {
    "ES256": (_SHA256, frozenset({"secp256r1"})),
    "ES384": (_SHA384, frozenset({"secp384r1"})),
    "ES512": (_SHA512, frozenset({"secp521r1"})),
    "ECDSA-SHA256": (_SHA256, frozenset({"secp256r1", "brainpoolP256r1"})),
    "ECDSA-SHA384": (_SHA384, frozenset({"secp384r1", "brainpoolP384r1"})),
    "ECDSA-SHA512": (_SHA512, frozenset({"secp521r1", "brainpoolP512r1"})),
}
_CURVES: Final = frozenset[str]().union(*(curves for _, curves in _ECDSA.values()))


def fits(name: str, key: IssuerPublicKey) -> bool:
    """Whether *key* may verify what is signed with the algorithm *name*."""
    if isinstance(key, RSAPublicKey):
        return name == "PS256" and key.key_size in RSA_BITS
    return (
        isinstance(key, ec.EllipticCurvePublicKey)
        and name in _ECDSA
        and key.curve.name in _ECDSA[name][1]
    )


def check(name: str, key: IssuerPublicKey, signature: bytes, signed: bytes) -> None:
    """Check *signature* over *signed*.

    ``SignatureInvalid``: ``qr.alg`` for a key that does not fit, else ``qr.signature``.
    """
    if not fits(name, key):
        raise SignatureInvalid("The code names another algorithm than its key has.", code="qr.alg")
    try:
        ALGORITHMS[name](name, key, signature, signed)
    except InvalidSignature as e:
        raise SignatureInvalid("The signature does not verify.", code="qr.signature") from e


def _check_ecdsa(name: str, key: IssuerPublicKey, signature: bytes, signed: bytes) -> None:
    curve_key = cast("ec.EllipticCurvePublicKey", key)
    size = (curve_key.curve.key_size + 7) // 8
    _check_length(signature, 2 * size)
    r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
    curve_key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(_ECDSA[name][0]))


def _check_pss(_: str, key: IssuerPublicKey, signature: bytes, signed: bytes) -> None:
    rsa_key = cast("RSAPublicKey", key)
    _check_length(signature, (rsa_key.key_size + 7) // 8)
    pss = padding.PSS(mgf=padding.MGF1(_SHA256), salt_length=padding.PSS.DIGEST_LENGTH)
    rsa_key.verify(signature, signed, pss, _SHA256)


def _check_length(signature: bytes, size: int) -> None:
    if len(signature) != size:
        raise SignatureInvalid(
            "The signature is empty or has a wrong length.", code="qr.signature"
        )


ALGORITHMS: Final[Mapping[str, Callable[[str, IssuerPublicKey, bytes, bytes], None]]] = (
    MappingProxyType({**dict.fromkeys(_ECDSA, _check_ecdsa), "PS256": _check_pss})
)


def ecdsa_of(key: IssuerPublicKey) -> str | None:
    """The ICAO algorithm of *key*, for formats that do not name theirs; ``None`` without one."""
    return next((name for name in _ECDSA if name.startswith("ECDSA") and fits(name, key)), None)


def write_key(key: IssuerPublicKey) -> bytes:
    """*key* as a DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7)."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def read_key(data: bytes) -> IssuerPublicKey:
    """The key in a DER SubjectPublicKeyInfo.

    ``FormatError``: ``qr.key_unsupported`` for kinds of keys and curves that are not read
    (brainpoolP224r1 among them), ``qr.key`` for what is no key.
    """
    if len(data) > MAX_KEY:
        raise FormatError("The data is no public key.", code="qr.key")
    try:
        key = serialization.load_der_public_key(data)
    except UnsupportedAlgorithm as e:
        raise _unsupported() from e
    except ValueError as e:
        raise FormatError("The data is no public key.", code="qr.key") from e
    if isinstance(key, Ed25519PublicKey):
        return key
    if isinstance(key, RSAPublicKey) and key.key_size in RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return key
    raise _unsupported()


def _unsupported() -> FormatError:
    return FormatError("Keys of this kind are not supported.", code="qr.key_unsupported")
