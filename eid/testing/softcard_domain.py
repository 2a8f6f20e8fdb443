"""Domain parameters as a chip uses them: a curve or a prime-order group, behind one face.

Keys are bytes at this face: a point ``04 | x | y`` or an element as long as p. A domain is a
value; mapping gives a new one with another generator.

>>> domain = standard_domain(13)
>>> mine, theirs = 5, 7
>>> domain.agree(mine, domain.public(theirs)) == domain.agree(theirs, domain.public(mine))
True
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha1
from typing import Final, Protocol, Self

from eid import ec, tlv
from eid.ec import groups, integrated
from eid.errors import FormatError

_EC_PUBLIC_KEY: Final = "1.2.840.10045.2.1"
_STANDARD_PARAMETERS: Final = "0.4.0.127.0.7.1.2"
_DIFFIE_HELLMAN: Final = frozenset({"1.2.840.113549.1.3.1", "1.2.840.10046.2.1"})
_POINT_TAG: Final = 0x86
_ELEMENT_TAG: Final = 0x84

Rng = Callable[[int], bytes]


class Domain(Protocol):
    """What both kinds can do; FormatError for a key of the other side that is none."""

    @property
    def prime(self) -> int:
        """The p of the field."""
        ...

    @property
    def tag(self) -> int:
        """Tag of a public key in the object that tokens are computed over."""
        ...

    def draw(self, rng: Rng) -> int:
        """Draw a private key."""
        ...

    def public(self, private: int) -> bytes:
        """The public key for the present generator."""
        ...

    def agree(self, private: int, theirs: bytes) -> bytes:
        """The shared secret, of fixed length."""
        ...

    def check(self, theirs: bytes) -> bytes:
        """The other side's key in this chip's own encoding."""
        ...

    def mapped(self, nonce: int, private: int, theirs: bytes) -> Self:
        """The same parameters with the generator of generic mapping."""
        ...

    def mapped_to(self, number: int) -> Self:
        """The same parameters with the generator of integrated mapping."""
        ...

    def blinded(self, static: int, ephemeral: int) -> bytes:
        """Chip authentication data of PACE-CAM: the ephemeral key over the static one."""
        ...

    def compressed(self, key: bytes) -> bytes:
        """What Terminal Authentication signs of a public key."""
        ...


@dataclass(frozen=True, slots=True)
class _Curve:
    """An elliptic curve."""

    curve: ec.Curve
    generator: ec.Point

    @property
    def prime(self) -> int:
        return self.curve.p

    @property
    def tag(self) -> int:
        return _POINT_TAG

    def draw(self, rng: Rng) -> int:
        return ec.random_scalar(self.curve, rng)

    def public(self, private: int) -> bytes:
        return ec.encode_point(self.curve, ec.multiply(self.curve, private, self.generator))

    def agree(self, private: int, theirs: bytes) -> bytes:
        point = ec.decode_point(self.curve, theirs)
        return ec.multiply(self.curve, private, point)[0].to_bytes(self.curve.size, "big")

    def check(self, theirs: bytes) -> bytes:
        return ec.encode_point(self.curve, ec.decode_point(self.curve, theirs))

    def mapped(self, nonce: int, private: int, theirs: bytes) -> Self:
        shared = ec.multiply(self.curve, private, ec.decode_point(self.curve, theirs))
        point = ec.multiply_add(self.curve, nonce, self.curve.generator, shared)
        return replace(self, generator=point)

    def mapped_to(self, number: int) -> Self:
        return replace(self, generator=integrated.map_to_point(self.curve, number))

    def blinded(self, static: int, ephemeral: int) -> bytes:
        order = self.curve.n
        number = pow(static, -1, order) * ephemeral % order
        return number.to_bytes((order.bit_length() + 7) // 8, "big")

    def compressed(self, key: bytes) -> bytes:
        return key[1 : 1 + self.curve.size]


@dataclass(frozen=True, slots=True)
class _Group:
    """A prime-order group."""

    group: groups.Group
    generator: int

    @property
    def prime(self) -> int:
        return self.group.p

    @property
    def tag(self) -> int:
        return _ELEMENT_TAG

    def draw(self, rng: Rng) -> int:
        return groups.random_exponent(self.group, rng)

    def public(self, private: int) -> bytes:
        element = groups.power(self.group, private, self.generator)
        return groups.encode_element(self.group, element)

    def agree(self, private: int, theirs: bytes) -> bytes:
        return groups.agree(self.group, private, groups.decode_element(self.group, theirs))

    def check(self, theirs: bytes) -> bytes:
        return groups.encode_element(self.group, groups.decode_element(self.group, theirs))

    def mapped(self, nonce: int, private: int, theirs: bytes) -> Self:
        element = groups.decode_element(self.group, theirs)
        shared = groups.power(self.group, private, element)
        return replace(self, generator=groups.map_element(self.group, nonce, shared))

    def mapped_to(self, number: int) -> Self:
        return replace(self, generator=integrated.map_to_element(self.group, number))

    def blinded(self, static: int, ephemeral: int) -> bytes:
        del static, ephemeral
        raise FormatError("PACE-CAM runs over curves only.", code="ec.unknown_curve")

    def compressed(self, key: bytes) -> bytes:
        return sha1(key, usedforsecurity=False).digest()


def of_curve(name: str) -> Domain:
    """The domain of a curve by its name."""
    curve = ec.by_name(name)
    return _Curve(curve, curve.generator)


def of_group(group: groups.Group) -> Domain:
    """The domain of a prime-order group."""
    return _Group(group, group.g)


def standard_domain(number: int) -> Domain:
    """The domain with this number in 9303-11 §9.5.1; FormatError for any other number."""
    if number < 8:
        return of_group(groups.group_by_parameter_id(number))
    return of_curve(ec.by_parameter_id(number).name)


def from_algorithm(item: tlv.Tlv) -> Domain:
    """The domain of an AlgorithmIdentifier: of PACEDomainParameterInfo or of a chip's key."""
    parts = item.children(ber=True)
    if len(parts) != 2:
        raise FormatError("Domain parameters have an unknown form.", code="ec.parameters")
    oid = parts[0].oid()
    if oid == _STANDARD_PARAMETERS:
        return standard_domain(parts[1].integer())
    if oid == _EC_PUBLIC_KEY:
        return of_curve(ec.from_parameters(parts[1]).name)
    if oid in _DIFFIE_HELLMAN:
        return of_group(groups.group_from_parameters(parts[1]))
    raise FormatError("Domain parameters have an unknown form.", code="ec.parameters")
