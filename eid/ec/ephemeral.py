"""A private key for one session: its public key, secrets, and multiples of any point.

Where `cryptography` knows the curve, it does every multiplication: key agreement gives only an x
coordinate, and the sign of y is told by a second agreement with the point moved by G, since the
product of G is known whole. Elsewhere the arithmetic is our own and not constant-time.

>>> from eid.ec.curves import by_name
>>> from eid.ec.points import multiply
>>> curve = by_name("brainpoolP256r1")
>>> key = EphemeralKey(curve, 7)
>>> point = multiply(curve, 5, curve.generator)
>>> key.times(point) == multiply(curve, 35, curve.generator), key
(True, <EphemeralKey brainpoolP256r1>)
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec

from eid.ec.curves import Curve, Point
from eid.ec.points import add, contains, multiply, peer_curve, public_point, random_scalar
from eid.errors import FormatError


class EphemeralKey:
    """One private number on one curve; its repr hides it."""

    __slots__ = ("_curve", "_key", "_private", "public")

    def __init__(
        self, curve: Curve, private: int, key: ec.EllipticCurvePrivateKey | None = None
    ) -> None:
        if not 0 < private < curve.n:
            raise ValueError("a private key is between 0 and the order")
        self._curve = curve
        self._private = private
        peer = peer_curve(curve)
        self._key = key or (ec.derive_private_key(private, peer) if peer else None)
        self.public = self._public()

    @classmethod
    def draw(cls, curve: Curve, rng: Callable[[int], bytes] = secrets.token_bytes) -> Self:
        """Draw a private key; by `cryptography` itself where it can and ``rng`` is the system's.

        That takes half the time, since it need not check what it made.
        """
        peer = peer_curve(curve) if rng is secrets.token_bytes else None
        if peer is None:
            return cls(curve, random_scalar(curve, rng))
        key = ec.generate_private_key(peer)
        return cls(curve, key.private_numbers().private_value, key)

    def agree(self, theirs: Point) -> bytes:
        """Return the product's x coordinate, always ``curve.size`` bytes."""
        if not contains(self._curve, theirs):
            raise FormatError("A point is not on its curve.", code="ec.off_curve")
        return self._x(theirs).to_bytes(self._curve.size, "big")

    def times(self, point: Point) -> Point:
        """Return the product with a point, as PACE's mappings need it."""
        curve = self._curve
        p, (xg, yg) = curve.p, self.public
        if self._key is None or point[0] == curve.gx:
            return multiply(curve, self._private, point)
        moved = add(curve, point, curve.generator)
        x1, x2 = self._x(point), self._x(moved)
        square = (x1 * x1 * x1 + curve.a * x1 + curve.b) % p
        twice = (square + yg * yg - (x1 + x2 + xg) * (x1 - xg) * (x1 - xg)) % p
        return x1, twice * pow(2 * yg, -1, p) % p

    def _public(self) -> Point:
        if self._key is None:
            return public_point(self._curve, self._private)
        numbers = self._key.public_key().public_numbers()
        return numbers.x, numbers.y

    def _x(self, point: Point) -> int:
        if self._key is None:
            return multiply(self._curve, self._private, point)[0]
        theirs = ec.EllipticCurvePublicNumbers(*point, self._key.curve).public_key()
        return int.from_bytes(self._key.exchange(ec.ECDH(), theirs), "big")

    def _describe(self) -> str:
        return f"<EphemeralKey {self._curve.name}>"

    __repr__ = _describe
