"""The curves by name, by number, by identifier and by full explicit parameters.

Explicit parameters are accepted only when p, a, b, generator, order and, where given, the
cofactor all equal those of a known curve (9303-12 §4.1; CVE-2020-0601 is what happens otherwise).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from eid.ec.table import TABLE
from eid.errors import FormatError

if TYPE_CHECKING:
    from eid.tlv import Tlv

Point = tuple[int, int]

_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_OCTET_STRING: Final = 0x04
_OID: Final = 0x06
_PRIME_FIELD: Final = "1.2.840.10045.1.1"
_VERSIONS: Final = (1, 2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """y² = x³ + a·x + b over the integers modulo p, with a generator of prime order n."""

    name: str
    oid: str
    parameter_id: int | None
    p: int = field(repr=False)
    a: int = field(repr=False)
    b: int = field(repr=False)
    gx: int = field(repr=False)
    gy: int = field(repr=False)
    n: int = field(repr=False)
    h: int = field(repr=False)

    @property
    def bits(self) -> int:
        """Bits of a field element."""
        return self.p.bit_length()

    @property
    def size(self) -> int:
        """Bytes of a field element, so of each coordinate and of a shared secret."""
        return (self.bits + 7) // 8

    @property
    def generator(self) -> Point:
        """The standard base point."""
        return self.gx, self.gy


def _read(name: str, oid: str, parameter_id: int, digits: str) -> Curve:
    text = "".join(digits.split())
    width = len(text) // 6
    p, a, b, gx, gy, n = (int(text[i * width : (i + 1) * width], 16) for i in range(6))
    return Curve(
        name=name, oid=oid, parameter_id=parameter_id, p=p, a=a, b=b, gx=gx, gy=gy, n=n, h=1
    )


CURVES: Final[Mapping[str, Curve]] = MappingProxyType(
    {curve.name: curve for curve in (_read(*row) for row in TABLE)}
)


def by_name(name: str) -> Curve:
    """Return the curve of this name (``brainpoolP256r1``)."""
    return _found(CURVES.get(name))


def by_oid(oid: str) -> Curve:
    """Return the curve with this dotted object identifier."""
    return _found(next((curve for curve in CURVES.values() if curve.oid == oid), None))


def by_parameter_id(number: int) -> Curve:
    """Return the curve with this number in the table of 9303-11 §9.5.1 (8 to 18)."""
    return _found(next((c for c in CURVES.values() if c.parameter_id == number), None))


def from_explicit(*, p: int, a: int, b: int, g: bytes, n: int, h: int | None) -> Curve:
    """Return the known curve that equals all of these; ``g`` is an encoded point."""
    curve = _found(next((c for c in CURVES.values() if c.p == p), None))
    size = curve.size
    x, y = curve.gx.to_bytes(size, "big"), curve.gy.to_bytes(size, "big")
    encodings = (b"\x04" + x + y, bytes([2 + (curve.gy & 1)]) + x)
    same = (a, b, n) == (curve.a, curve.b, curve.n) and h in (None, curve.h)
    if not same or g not in encodings:
        raise FormatError(
            "Explicit curve parameters differ from the curve they imitate.",
            code="ec.explicit_parameters",
        )
    return curve


def from_parameters(item: Tlv) -> Curve:
    """Read ECParameters: a named curve or a specified domain (RFC 3279 §2.3.5, SEC 1 C.2)."""
    if item.tag == _OID:
        return by_oid(item.oid())
    parts = item.children(ber=True) if item.tag == _SEQUENCE else ()
    if not 5 <= len(parts) <= 7 or _number(parts[0]) not in _VERSIONS:
        raise FormatError("Curve parameters have an unknown form.", code="ec.parameters")
    cofactor = _number(parts[5]) if len(parts) > 5 and parts[5].tag == _INTEGER else None
    if len(parts) > 5 and cofactor is None and (len(parts) > 6 or parts[5].tag != _SEQUENCE):
        raise FormatError("Curve parameters have an unknown form.", code="ec.parameters")
    a, b = _coefficients(parts[2])
    return from_explicit(
        p=_prime(parts[1]), a=a, b=b, g=_octets(parts[3]), n=_number(parts[4]), h=cofactor
    )


def _found(curve: Curve | None) -> Curve:
    if curve is None:
        raise FormatError("The elliptic curve is not supported.", code="ec.unknown_curve")
    return curve


def _prime(item: Tlv) -> int:
    parts = item.children(ber=True)
    if len(parts) != 2 or parts[0].oid() != _PRIME_FIELD:
        raise FormatError("The curve is not over a prime field.", code="ec.unknown_curve")
    return _number(parts[1])


def _coefficients(item: Tlv) -> tuple[int, int]:
    """Read a and b; a leading zero or a seed changes nothing."""
    parts = item.children(ber=True)
    if not 2 <= len(parts) <= 3:
        raise FormatError("Curve coefficients have an unknown form.", code="ec.parameters")
    return int.from_bytes(_octets(parts[0]), "big"), int.from_bytes(_octets(parts[1]), "big")


def _number(item: Tlv) -> int:
    """Read an INTEGER; a leading zero too many changes nothing."""
    if item.tag != _INTEGER or not 0 < len(item.value) <= 256:
        raise FormatError("Curve parameters have an unknown form.", code="ec.parameters")
    return int.from_bytes(item.value, "big", signed=True)


def _octets(item: Tlv) -> bytes:
    if item.tag != _OCTET_STRING or len(item.value) > 256:
        raise FormatError("Curve parameters have an unknown form.", code="ec.parameters")
    return item.value
