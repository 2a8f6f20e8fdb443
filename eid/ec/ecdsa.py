"""Verifying ECDSA over every curve of the table (FIPS 186-4 §6.4; BSI TR-03111 §4.2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from eid.ec.curves import Curve, Point, by_name
from eid.ec.points import sum_of_products, to_cryptography
from eid.errors import FormatError

_HASHES: Final[Mapping[int, hashes.HashAlgorithm]] = MappingProxyType(
    {
        20: hashes.SHA1(),  # noqa: S303 - which hashes are allowed is the caller's policy
        28: hashes.SHA224(),
        32: hashes.SHA256(),
        48: hashes.SHA384(),
        64: hashes.SHA512(),
    }
)


def verify_ecdsa(curve: Curve, public: Point, digest: bytes, r: int, s: int) -> bool:
    """Whether (r, s) signs the digest; a digest longer than n is cut to its leftmost bits."""
    if not (1 <= r < curve.n and 1 <= s < curve.n):
        return False
    try:
        key = _ready(curve.name, public)
    except FormatError:
        return False  # the point is not on the curve
    algorithm = _HASHES.get(len(digest))
    if key is None or algorithm is None:
        return _verify(curve, public, digest, r, s)
    try:
        signature = utils.encode_dss_signature(r, s)
        key.verify(signature, digest, ec.ECDSA(utils.Prehashed(algorithm)))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=256)
def _ready(name: str, public: Point) -> ec.EllipticCurvePublicKey | None:
    """The key for `cryptography`: signers come again and again. Raises ``FormatError``."""
    return to_cryptography(by_name(name), public)


def _verify(curve: Curve, public: Point, digest: bytes, r: int, s: int) -> bool:
    excess = max(0, 8 * len(digest) - curve.n.bit_length())
    e = int.from_bytes(digest, "big") >> excess
    w = pow(s, -1, curve.n)
    try:
        x, _ = sum_of_products(curve, (e * w, curve.generator), (r * w, public))
    except FormatError:
        return False  # the sum is the point at infinity
    return x % curve.n == r
