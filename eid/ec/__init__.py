"""Elliptic curves: the standard ones, and point arithmetic where `cryptography` has none.

>>> curve = by_name("brainpoolP256r1")
>>> curve.parameter_id, curve.size
(13, 32)
>>> mine, theirs = 0x1234, 0x5678
>>> secret = ecdh(curve, mine, public_point(curve, theirs))
>>> secret == ecdh(curve, theirs, public_point(curve, mine)), len(secret)
(True, 32)
"""

from __future__ import annotations

from eid.ec.curves import (
    CURVES,
    Curve,
    Point,
    by_name,
    by_oid,
    by_parameter_id,
    from_explicit,
    from_parameters,
)
from eid.ec.ecdsa import verify_ecdsa
from eid.ec.ephemeral import EphemeralKey
from eid.ec.fixed_base import multiply_generator
from eid.ec.points import (
    add,
    contains,
    decode_point,
    ecdh,
    encode_point,
    multiply,
    multiply_add,
    public_point,
    random_scalar,
    sum_of_products,
    to_cryptography,
)

__all__ = [
    "CURVES",
    "Curve",
    "EphemeralKey",
    "Point",
    "add",
    "by_name",
    "by_oid",
    "by_parameter_id",
    "contains",
    "decode_point",
    "ecdh",
    "encode_point",
    "from_explicit",
    "from_parameters",
    "multiply",
    "multiply_add",
    "multiply_generator",
    "public_point",
    "random_scalar",
    "sum_of_products",
    "to_cryptography",
    "verify_ecdsa",
]
