"""Key agreement as the protocols see it: public keys are bytes, over a curve or modulo a prime.

A domain is a value with its generator, which PACE's mappings replace; a key pair belongs to one
domain. Public keys are ``04 | x | y`` or an element as long as p; secrets have a fixed length.

>>> domain = standard_domain(13)
>>> ours, theirs = domain.pair(5), domain.pair(7)
>>> ours.agree(theirs.public) == theirs.agree(ours.public), len(ours.agree(theirs.public))
(True, 32)
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol

from eid import ec, tlv
from eid.ec import groups, integrated
from eid.errors import FormatError

Rng = Callable[[int], bytes]
Family = Literal["ECDH", "DH"]

_EC_PUBLIC_KEY: Final = "1.2.840.10045.2.1"
_STANDARD: Final = "0.4.0.127.0.7.1.2"
_DIFFIE_HELLMAN: Final = frozenset({"1.2.840.113549.1.3.1", "1.2.840.10046.2.1"})
_FIRST_CURVE: Final = 8


class KeyPair(Protocol):
    """A private key and its public key, as bytes."""

    @property
    def public(self) -> bytes:
        """The public key for the domain's generator."""
        ...

    def agree(self, theirs: bytes) -> bytes:
        """Return the secret shared with another public key; FormatError if that is none."""
        ...

    def map(self, nonce: int, theirs: bytes) -> Domain:
        """Return the domain with the generator of PACE's generic mapping."""
        ...


class Domain(Protocol):
    """Domain parameters with a generator."""

    @property
    def family(self) -> Family:
        """Which kind of arithmetic it is."""
        ...

    @property
    def name(self) -> str:
        """The curve's or group's name."""
        ...

    @property
    def size(self) -> int:
        """Bytes of a coordinate or element."""
        ...

    @property
    def strength(self) -> int:
        """Bits of security, to choose by."""
        ...

    @property
    def parameter_id(self) -> int | None:
        """Its number in 9303-11 §9.5.1, if it has one."""
        ...

    @property
    def key_tag(self) -> int:
        """Tag of a public key in PACE's token and in Chip Authentication."""
        ...

    def draw(self, rng: Rng = secrets.token_bytes) -> KeyPair:
        """Draw a fresh key pair."""
        ...

    def pair(self, private: int) -> KeyPair:
        """Return the key pair of this private key."""
        ...

    def map_number(self, encrypt: integrated.Encrypt, s: bytes, t: bytes) -> Domain:
        """Return the domain with the generator of PACE's integrated mapping."""
        ...

    def compress(self, public: bytes) -> bytes:
        """Return a public key's short form: x coordinate, or SHA-1 of the element."""
        ...


@dataclass(frozen=True, slots=True)
class _CurveDomain:
    """A curve with a generator."""

    curve: ec.Curve
    generator: ec.Point

    @property
    def family(self) -> Family:
        return "ECDH"

    @property
    def name(self) -> str:
        return self.curve.name

    @property
    def size(self) -> int:
        return self.curve.size

    @property
    def strength(self) -> int:
        return self.curve.bits // 2

    @property
    def parameter_id(self) -> int | None:
        return self.curve.parameter_id

    @property
    def key_tag(self) -> int:
        return 0x86

    def draw(self, rng: Rng = secrets.token_bytes) -> _CurvePair:
        return self._pair(ec.EphemeralKey.draw(self.curve, rng))

    def pair(self, private: int) -> _CurvePair:
        return self._pair(ec.EphemeralKey(self.curve, private))

    def _pair(self, key: ec.EphemeralKey) -> _CurvePair:
        standard = self.generator == self.curve.generator
        point = key.public if standard else key.times(self.generator)
        return _CurvePair(self, ec.encode_point(self.curve, point), key)

    def map_number(self, encrypt: integrated.Encrypt, s: bytes, t: bytes) -> _CurveDomain:
        number = integrated.pseudo_random(encrypt, s, t, self.curve.p)
        return replace(self, generator=integrated.map_to_point(self.curve, number))

    def compress(self, public: bytes) -> bytes:
        return public[1 : 1 + self.curve.size]


@dataclass(frozen=True, slots=True)
class _CurvePair:
    """A key pair on a curve."""

    domain: _CurveDomain
    public: bytes
    _key: ec.EphemeralKey = field(repr=False)

    def agree(self, theirs: bytes) -> bytes:
        return self._key.agree(ec.decode_point(self.domain.curve, theirs))

    def map(self, nonce: int, theirs: bytes) -> _CurveDomain:
        curve = self.domain.curve
        shared = self._key.times(ec.decode_point(curve, theirs))
        if nonce % curve.n:
            shared = ec.add(curve, ec.multiply_generator(curve, nonce), shared)
        return replace(self.domain, generator=shared)


@dataclass(frozen=True, slots=True)
class _GroupDomain:
    """A prime-order group with a generator."""

    group: groups.Group
    generator: int

    @property
    def family(self) -> Family:
        return "DH"

    @property
    def name(self) -> str:
        return f"dh-{self.group.bits}"

    @property
    def size(self) -> int:
        return self.group.size

    @property
    def strength(self) -> int:
        return 112 if self.group.bits >= 2048 else 80

    @property
    def parameter_id(self) -> int | None:
        return self.group.parameter_id

    @property
    def key_tag(self) -> int:
        return 0x84

    def draw(self, rng: Rng = secrets.token_bytes) -> _GroupPair:
        return self.pair(groups.random_exponent(self.group, rng))

    def pair(self, private: int) -> _GroupPair:
        element = groups.power(self.group, private, self.generator)
        return _GroupPair(self, groups.encode_element(self.group, element), private)

    def map_number(self, encrypt: integrated.Encrypt, s: bytes, t: bytes) -> _GroupDomain:
        number = integrated.pseudo_random(encrypt, s, t, self.group.p)
        return replace(self, generator=integrated.map_to_element(self.group, number))

    def compress(self, public: bytes) -> bytes:
        return hashlib.sha1(public, usedforsecurity=False).digest()


@dataclass(frozen=True, slots=True)
class _GroupPair:
    """A key pair in a group."""

    domain: _GroupDomain
    public: bytes
    _private: int = field(repr=False)

    def agree(self, theirs: bytes) -> bytes:
        group = self.domain.group
        return groups.agree(group, self._private, groups.decode_element(group, theirs))

    def map(self, nonce: int, theirs: bytes) -> _GroupDomain:
        group = self.domain.group
        element = groups.decode_element(group, theirs)
        shared = groups.power(group, self._private, element)
        return replace(self.domain, generator=groups.map_element(group, nonce, shared))


def of_curve(curve: ec.Curve) -> _CurveDomain:
    """Return a curve with its own generator."""
    return _CurveDomain(curve, curve.generator)


def of_group(group: groups.Group) -> _GroupDomain:
    """Return a group with its own generator."""
    return _GroupDomain(group, group.g)


def standard_domain(number: int) -> Domain:
    """Return the domain with this number in 9303-11 §9.5.1 (0 to 2, 8 to 18), or FormatError."""
    if number < _FIRST_CURVE:
        return of_group(groups.group_by_parameter_id(number))
    return of_curve(ec.by_parameter_id(number))


def from_algorithm(item: tlv.Tlv) -> Domain:
    """Read an AlgorithmIdentifier with parameters: standard, named or explicit ones."""
    parts = item.children(ber=True)
    if len(parts) != 2:
        raise FormatError("Domain parameters have an unknown form.", code="ec.parameters")
    oid = parts[0].oid()
    if oid == _STANDARD:
        return standard_domain(parts[1].integer())
    if oid == _EC_PUBLIC_KEY:
        return of_curve(ec.from_parameters(parts[1]))
    if oid in _DIFFIE_HELLMAN:
        return of_group(groups.group_from_parameters(parts[1]))
    raise FormatError("Domain parameters have an unknown form.", code="ec.parameters")
