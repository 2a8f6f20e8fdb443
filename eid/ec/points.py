"""Points: encoding, arithmetic, key agreement (SEC 1 §2.2-§3.3; BSI TR-03111 §3-§4).

Where `cryptography` knows the curve it does the secret work. The rest, above all PACE's mapped
generator, is Jacobian arithmetic with a window: not constant-time, so for ephemeral keys only.
The point at infinity is never a result: functions raise FormatError instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from eid.ec.curves import Curve, Point
from eid.errors import FormatError

_PEERS: Final[Mapping[str, type[ec.EllipticCurve]]] = MappingProxyType(
    {
        "secp192r1": ec.SECP192R1,
        "secp224r1": ec.SECP224R1,
        "secp256r1": ec.SECP256R1,
        "secp384r1": ec.SECP384R1,
        "secp521r1": ec.SECP521R1,
        "brainpoolP256r1": ec.BrainpoolP256R1,
        "brainpoolP384r1": ec.BrainpoolP384R1,
        "brainpoolP512r1": ec.BrainpoolP512R1,
    }
)
_WINDOW: Final = 5
_MAX_DRAWS: Final = 256

_Jacobian = tuple[int, int, int]


def contains(curve: Curve, point: Point) -> bool:
    """Whether the coordinates are field elements that satisfy the curve's equation."""
    x, y = point
    p = curve.p
    return 0 <= x < p and 0 <= y < p and (y * y - (x * x + curve.a) * x - curve.b) % p == 0


def encode_point(curve: Curve, point: Point) -> bytes:
    """Write ``04 | x | y``, each coordinate exactly ``curve.size`` bytes."""
    x, y = point
    return b"\x04" + x.to_bytes(curve.size, "big") + y.to_bytes(curve.size, "big")


def decode_point(curve: Curve, data: bytes) -> Point:
    """Read ``04 | x | y``; another form or length, infinity, or off the curve: FormatError."""
    size = curve.size
    if len(data) != 1 + 2 * size or data[0] != 0x04:
        raise FormatError("A point is not in uncompressed form.", code="ec.point_form")
    point = int.from_bytes(data[1 : 1 + size], "big"), int.from_bytes(data[1 + size :], "big")
    _require(curve, point)
    return point


def random_scalar(curve: Curve, rng: Callable[[int], bytes]) -> int:
    """Draw a private key, evenly from 1 to n-1; ``rng`` is asked for ``curve.size`` bytes."""
    mask = (1 << curve.n.bit_length()) - 1
    for _ in range(_MAX_DRAWS):
        number = int.from_bytes(rng(curve.size), "big") & mask
        if 1 <= number < curve.n:
            return number
    raise ValueError("the source of randomness is broken")


def add(curve: Curve, left: Point, right: Point) -> Point:
    """Add two points of the curve."""
    _require(curve, left)
    _require(curve, right)
    return _affine(curve, _add(curve, (*left, 1), (*right, 1)))


def multiply(curve: Curve, scalar: int, point: Point) -> Point:
    """Multiply a point of the curve; not constant-time."""
    _require(curve, point)
    return _affine(curve, _sum(curve, [(scalar % curve.n, point)]))


def multiply_add(curve: Curve, scalar: int, point: Point, addend: Point) -> Point:
    """Return ``scalar · point + addend``, as PACE's generic mapping needs it."""
    _require(curve, point)
    _require(curve, addend)
    product = _sum(curve, [(scalar % curve.n, point)])
    return _affine(curve, _add(curve, product, (*addend, 1)))


def public_point(curve: Curve, private: int) -> Point:
    """Return the public key of a private key for the standard generator."""
    peer = _PEERS.get(curve.name)
    if peer is None:
        return multiply(curve, private, curve.generator)
    numbers = ec.derive_private_key(private, peer()).public_key().public_numbers()
    return numbers.x, numbers.y


def ecdh(curve: Curve, private: int, public: Point) -> bytes:
    """Agree on a secret: the product's x coordinate, always ``curve.size`` bytes.

    The public key may belong to any generator of the curve, so to PACE's mapped one too.
    """
    _require(curve, public)
    peer = _PEERS.get(curve.name)
    if peer is None:
        return multiply(curve, private, public)[0].to_bytes(curve.size, "big")
    theirs = ec.EllipticCurvePublicNumbers(*public, peer()).public_key()
    secret = ec.derive_private_key(private, peer()).exchange(ec.ECDH(), theirs)
    return secret.rjust(curve.size, b"\x00")


def peer_curve(curve: Curve) -> ec.EllipticCurve | None:
    """Return the curve as `cryptography` knows it, or None where it does not."""
    peer = _PEERS.get(curve.name)
    return peer() if peer else None


def to_cryptography(curve: Curve, point: Point) -> ec.EllipticCurvePublicKey | None:
    """Return the key as `cryptography` knows it, or None where it lacks the curve."""
    _require(curve, point)
    peer = _PEERS.get(curve.name)
    return ec.EllipticCurvePublicNumbers(*point, peer()).public_key() if peer else None


def sum_of_products(curve: Curve, *terms: tuple[int, Point]) -> Point:
    """Return the sum of ``scalar · point`` over all terms, in one pass; not constant-time."""
    for _, point in terms:
        _require(curve, point)
    return _affine(curve, _sum(curve, [(scalar % curve.n, point) for scalar, point in terms]))


def _require(curve: Curve, point: Point) -> None:
    if not contains(curve, point):
        raise FormatError("A point is not on its curve.", code="ec.off_curve")


def _affine(curve: Curve, point: _Jacobian) -> Point:
    x, y, z = point
    if z == 0:
        raise FormatError("A point is at infinity.", code="ec.infinity")
    inverse = pow(z, -1, curve.p)
    square = inverse * inverse % curve.p
    return x * square % curve.p, y * square * inverse % curve.p


def _double(curve: Curve, point: _Jacobian) -> _Jacobian:
    x, y, z = point
    p = curve.p
    yy = y * y % p
    s = 4 * x * yy % p
    m = (3 * x * x + curve.a * pow(z, 4, p)) % p
    x3 = (m * m - 2 * s) % p
    return x3, (m * (s - x3) - 8 * yy * yy) % p, 2 * y * z % p


def _add(curve: Curve, left: _Jacobian, right: _Jacobian) -> _Jacobian:
    x1, y1, z1 = left
    x2, y2, z2 = right
    if z1 == 0:  # the right side is never at infinity: callers multiply it by less than n
        return right
    p = curve.p
    zz1, zz2 = z1 * z1 % p, z2 * z2 % p
    u1, s1 = x1 * zz2 % p, y1 * zz2 * z2 % p
    h = (x2 * zz1 - u1) % p
    r = (y2 * zz1 * z1 - s1) % p
    if h == 0:
        return _double(curve, left) if r == 0 else (1, 1, 0)
    hh = h * h % p
    hhh, v = h * hh % p, u1 * hh % p
    x3 = (r * r - hhh - 2 * v) % p
    return x3, (r * (v - x3) - s1 * hhh) % p, h * z1 * z2 % p


def _digits(scalar: int) -> list[int]:
    """Write a scalar in signed windows (width-w NAF), least significant digit first."""
    digits: list[int] = []
    width, half = 1 << _WINDOW, 1 << (_WINDOW - 1)
    while scalar:
        digit = 0
        if scalar & 1:
            digit = scalar & (width - 1)
            digit -= width if digit >= half else 0
            scalar -= digit
        digits.append(digit)
        scalar >>= 1
    return digits


def _odd_multiples(curve: Curve, point: Point) -> list[_Jacobian]:
    odd: list[_Jacobian] = [(*point, 1)]
    twice = _double(curve, odd[0])
    for _ in range((1 << (_WINDOW - 2)) - 1):
        odd.append(_add(curve, odd[-1], twice))
    return odd


def _sum(curve: Curve, terms: Sequence[tuple[int, Point]]) -> _Jacobian:
    """Add up products with shared doublings; scalars are reduced, points on the curve."""
    p, a = curve.p, curve.a
    rows = [(_digits(scalar), _odd_multiples(curve, point)) for scalar, point in terms]
    x, y, z, w = 1, 1, 0, 0  # w keeps a·z⁴ between doublings
    for at in range(max(len(digits) for digits, _ in rows) - 1, -1, -1):
        yy = y * y % p
        s = 4 * x * yy % p
        m = (3 * x * x + w) % p
        x = (m * m - 2 * s) % p
        u = 8 * yy * yy % p
        z = 2 * y * z % p
        y = (m * (s - x) - u) % p
        w = 2 * u * w % p
        for digits, odd in rows:
            digit = digits[at] if at < len(digits) else 0
            if digit:
                ox, oy, oz = odd[abs(digit) >> 1]
                x, y, z = _add(curve, (x, y, z), (ox, oy if digit > 0 else -oy % p, oz))
                w = a * pow(z, 4, p) % p
    return x, y, z
