"""The public keys that an ECDSA signature may be by (SEC 1 §4.1.6)."""

from __future__ import annotations

from collections.abc import Iterator

from eid import ec
from eid.errors import FormatError


def recovered_points(curve: ec.Curve, digest: bytes, r: int, s: int) -> Iterator[ec.Point]:
    """Every point for which ``(r, s)`` is a good signature over ``digest``: mostly two.

    Nothing for curves on which a square root is not one power (secp224r1), and for numbers that
    are no signature.
    """
    if not (0 < r < curve.n and 0 < s < curve.n) or curve.p % 4 != 3:
        return
    excess = max(0, 8 * len(digest) - curve.n.bit_length())
    number = int.from_bytes(digest, "big") >> excess
    inverse = pow(r, -1, curve.n)
    for x in range(r, curve.p, curve.n):
        for y in _heights(curve, x):
            terms = ((s * inverse % curve.n, (x, y)), (-number * inverse % curve.n, _base(curve)))
            try:
                yield ec.sum_of_products(curve, *terms)
            except FormatError:
                continue


def _base(curve: ec.Curve) -> ec.Point:
    return curve.gx, curve.gy


def _heights(curve: ec.Curve, x: int) -> tuple[int, ...]:
    """Both y of the points with this x, or none."""
    square = (x * x * x + curve.a * x + curve.b) % curve.p
    y = pow(square, (curve.p + 1) // 4, curve.p)
    return (y, curve.p - y) if y * y % curve.p == square else ()
