"""Multiples of a curve's own generator from a table that grows as scalars need it.

Digits are signed, base 16, so that each costs one addition at most. Not constant-time: PACE's
nonce, which lives for one handshake, is what it is for.

>>> from eid.ec.curves import by_name
>>> curve = by_name("brainpoolP256r1")
>>> multiply_generator(curve, 1) == curve.generator
True
"""

from __future__ import annotations

from functools import cache
from typing import Final

from eid.ec.curves import Curve, Point
from eid.errors import FormatError

_BASE: Final = 16
_HALF: Final = _BASE // 2


def multiply_generator(curve: Curve, scalar: int) -> Point:
    """Return ``scalar · G``; a multiple of the order is at infinity and a FormatError."""
    digits = _digits(scalar % curve.n)
    if not digits:
        raise FormatError("A point is at infinity.", code="ec.infinity")
    rows = _rows(curve)
    p = curve.p
    x1, y1, z1 = 1, 1, 0
    for at, digit in enumerate(digits):
        if at == len(rows):
            rows.append(_row(curve, _sixteen_times(curve, rows[-1])))
        if digit == 0:
            continue
        x2, y2 = rows[at][abs(digit) - 1]
        y2 = y2 if digit > 0 else p - y2
        if z1 == 0:
            x1, y1, z1 = x2, y2, 1
            continue
        # The sum so far is a smaller multiple of G than this row's, so the two never meet.
        zz = z1 * z1 % p
        h = (x2 * zz - x1) % p
        r = (y2 * zz * z1 - y1) % p
        hh = h * h % p
        hhh, v = h * hh % p, x1 * hh % p
        x1 = (r * r - hhh - 2 * v) % p
        y1 = (r * (v - x1) - y1 * hhh) % p
        z1 = z1 * h % p
    inverse = pow(z1, -1, p)
    square = inverse * inverse % p
    return x1 * square % p, y1 * square * inverse % p


def _digits(scalar: int) -> list[int]:
    digits = []
    while scalar:
        digit = scalar % _BASE
        digit -= _BASE if digit > _HALF else 0
        digits.append(digit)
        scalar = (scalar - digit) // _BASE
    return digits


@cache
def _rows(curve: Curve) -> list[list[Point]]:
    """The table: row i holds 1 to 8 times 16^i · G, in affine coordinates."""
    return [_row(curve, curve.generator)]


def _row(curve: Curve, base: Point) -> list[Point]:
    row = [base, _add(curve, base, base)]
    while len(row) < _HALF:
        row.append(_add(curve, row[-1], base))
    return row


def _sixteen_times(curve: Curve, row: list[Point]) -> Point:
    return _add(curve, row[-1], row[-1])


def _add(curve: Curve, left: Point, right: Point) -> Point:
    """Add points of the table, which are never opposite."""
    p = curve.p
    (x1, y1), (x2, y2) = left, right
    if left == right:
        slope = (3 * x1 * x1 + curve.a) * pow(2 * y1, -1, p) % p
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, p) % p
    x3 = (slope * slope - x1 - x2) % p
    return x3, (slope * (x1 - x3) - y1) % p
