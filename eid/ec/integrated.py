"""PACE's integrated mapping: from two nonces straight to a generator (9303-11 §4.4.3.3.2, B.2).

Both nonces go through the session's block cipher to a number modulo p; over a curve that number is
encoded as a point (Brier, Coron, Icart and others), in a group it is raised to the cofactor.

>>> from eid.ec.curves import by_name
>>> from eid.ec.points import contains
>>> curve = by_name("brainpoolP256r1")
>>> contains(curve, map_to_point(curve, 12345))
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eid.ec.curves import Curve, Point
from eid.ec.groups import Group
from eid.errors import FormatError

Encrypt = Callable[[bytes, bytes], bytes]
"""Key and whole blocks to a cryptogram: CBC with a zero IV."""

_CONSTANTS: Final = {
    16: (
        bytes.fromhex("a668892a7c41e3ca739f40b057d85904"),
        bytes.fromhex("a4e136ac725f738b01c1f60217c188ad"),
    ),
    32: (
        bytes.fromhex("d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676"),
        bytes.fromhex("54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517"),
    ),
}
_SPARE_BITS: Final = 64


def nonce_sizes(key_size: int) -> tuple[int, int]:
    """Return the bytes of the chip's nonce s and of the terminal's nonce t for a cipher's key."""
    return (16 if key_size == 16 else 32), key_size


def pseudo_random(encrypt: Encrypt, s: bytes, t: bytes, p: int) -> int:
    """Return R_p(s, t), a number modulo p; nonces as :func:`nonce_sizes` says or ValueError."""
    if (len(s), len(t)) != nonce_sizes(len(t)):
        raise ValueError("the nonces do not fit the cipher")
    first, second = _CONSTANTS[len(s)]
    key = encrypt(t, s)[: len(t)]
    stream = b""
    while 8 * len(stream) < p.bit_length() + _SPARE_BITS:
        stream += encrypt(key, second)
        key = encrypt(key, first)[: len(t)]
    return int.from_bytes(stream, "big") % p


def maps(curve: Curve) -> bool:
    """Whether a curve can be used: p must be 3 modulo 4, as it is for all but secp224r1."""
    return curve.p % 4 == 3


def map_to_point(curve: Curve, number: int) -> Point:
    """Encode a number modulo p as a point; 0, 1 and p-1 have none and are a FormatError."""
    p, a, b = curve.p, curve.a, curve.b
    if not maps(curve):
        raise FormatError("The curve has no integrated mapping.", code="ec.mapping")
    alpha = -number * number % p
    denominator = a * (alpha + alpha * alpha) % p
    if denominator == 0:
        raise FormatError("The nonces map to no point.", code="ec.mapping")
    x2 = -b * (1 + alpha + alpha * alpha) * pow(denominator, -1, p) % p
    x3 = alpha * x2 % p
    h2 = (x2 * x2 * x2 + a * x2 + b) % p
    u = pow(number, 3, p) * h2 % p
    root = pow(h2, p - 1 - (p + 1) // 4, p)
    if root * root * h2 % p == 1:
        return x2, root * h2 % p
    return x3, root * u % p


def map_to_element(group: Group, number: int) -> int:
    """Raise a number modulo p to the cofactor of the group's order; a trivial result is refused."""
    if group.q is None:
        raise FormatError("The group has no integrated mapping.", code="ec.mapping")
    element = pow(number, (group.p - 1) // group.q, group.p)
    if element <= 1:
        raise FormatError("The nonces map to no element.", code="ec.mapping")
    return element
