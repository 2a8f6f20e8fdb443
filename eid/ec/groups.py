"""Prime-order groups modulo p: Diffie-Hellman as chips run it (RFC 5114 §2; 9303-11 §9.5, §9.6).

Powers are Python's, not constant-time: for ephemeral keys only. An element is an integer, written
with as many bytes as p has; a secret has a fixed length likewise.

>>> group = group_by_parameter_id(2)
>>> mine, theirs = 0x1234, 0x5678
>>> secret = agree(group, mine, public_element(group, theirs))
>>> secret == agree(group, theirs, public_element(group, mine)), len(secret)
(True, 256)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from eid.ec.group_table import TABLE
from eid.errors import FormatError

if TYPE_CHECKING:
    from eid.tlv import Tlv

MIN_BITS: Final = 1_024
MAX_BITS: Final = 4_096
_INTEGER: Final = 0x02
_SEQUENCE: Final = 0x30
_MAX_DRAWS: Final = 256
_FREE_EXPONENT_BITS: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The powers of g modulo p; ``q`` is their number, None where a card does not say it."""

    name: str
    parameter_id: int | None
    p: int = field(repr=False)
    g: int = field(repr=False)
    q: int | None = field(repr=False)

    @property
    def bits(self) -> int:
        """Bits of p."""
        return self.p.bit_length()

    @property
    def size(self) -> int:
        """Bytes of p, so of each element and of a shared secret."""
        return (self.bits + 7) // 8


def _read(name: str, parameter_id: int, p: str, g: str, q: str) -> Group:
    numbers = (int("".join(digits.split()), 16) for digits in (p, g, q))
    return Group(name=name, parameter_id=parameter_id, **dict(zip("pgq", numbers, strict=True)))


GROUPS: Final[Mapping[str, Group]] = MappingProxyType(
    {group.name: group for group in (_read(*row) for row in TABLE)}
)


def group_by_parameter_id(number: int) -> Group:
    """Return the group with this number in the table of 9303-11 §9.5.1 (0 to 2)."""
    for group in GROUPS.values():
        if group.parameter_id == number:
            return group
    raise FormatError("The prime-order group is not supported.", code="ec.unknown_group")


def group_from_parameters(item: Tlv) -> Group:
    """Read the parameters of a Diffie-Hellman key: PKCS#3 (p, g) or X9.42 (p, g, q).

    A group of the table is recognised by p and g; another needs 1,024 to 4,096 bits, a generator
    other than 1 and p-1 and, where q is given, g of that order.
    """
    parts = item.children(ber=True) if item.tag == _SEQUENCE else ()
    if not 2 <= len(parts) <= 5 or any(part.tag != _INTEGER for part in parts[:2]):
        raise FormatError("Diffie-Hellman parameters have an unknown form.", code="ec.group")
    p, g = _number(parts[0]), _number(parts[1])
    known = next((group for group in GROUPS.values() if (group.p, group.g) == (p, g)), None)
    third = _number(parts[2]) if len(parts) > 2 and parts[2].tag == _INTEGER else 0
    # PKCS#3's third number is the length of exponents, X9.42's the order of g.
    q = third if third > MAX_BITS else None
    if known is not None:
        if q not in (None, known.q):
            raise FormatError("The group's order is not its own.", code="ec.group")
        return known
    if not MIN_BITS <= p.bit_length() <= MAX_BITS or not p & 1 or not 1 < g < p - 1:
        raise FormatError("The prime-order group is not supported.", code="ec.unknown_group")
    if q is not None and ((p - 1) % q or pow(g, q, p) != 1):
        raise FormatError("The group's order is not its own.", code="ec.group")
    return Group(name=f"modp{p.bit_length()}", parameter_id=None, p=p, g=g, q=q)


def random_exponent(group: Group, rng: Callable[[int], bytes]) -> int:
    """Draw a private key, evenly from 1 to q-1 (512 bits where q is unknown)."""
    bound = group.q or 1 << min(_FREE_EXPONENT_BITS, group.bits - 1)
    size = (bound.bit_length() + 7) // 8
    mask = (1 << bound.bit_length()) - 1
    for _ in range(_MAX_DRAWS):
        number = int.from_bytes(rng(size), "big") & mask
        if 1 <= number < bound:
            return number
    raise ValueError("the source of randomness is broken")


def encode_element(group: Group, element: int) -> bytes:
    """Write an element with as many bytes as p has."""
    return element.to_bytes(group.size, "big")


def decode_element(group: Group, data: bytes) -> int:
    """Read a public key; 0, 1, p-1, p and above, or of another order: FormatError.

    A leading zero too many, or left out, changes nothing: the field has known both.
    """
    if not 0 < len(data) <= group.size + 1:
        raise FormatError("A group element has a wrong length.", code="ec.element")
    element = int.from_bytes(data, "big")
    _require(group, element)
    return element


def power(group: Group, exponent: int, base: int) -> int:
    """Return ``base`` to the power of ``exponent``, both as integers."""
    _require(group, base)
    return pow(base, exponent, group.p)


def public_element(group: Group, private: int) -> int:
    """Return the public key of a private key for the standard generator."""
    return pow(group.g, private, group.p)


def agree(group: Group, private: int, public: int) -> bytes:
    """Agree on a secret, always ``group.size`` bytes; a trivial one is a FormatError."""
    secret = power(group, private, public)
    if secret == 1:
        raise FormatError("The shared secret is trivial.", code="ec.element")
    return encode_element(group, secret)


def map_element(group: Group, nonce: int, shared: int) -> int:
    """Return PACE's generic mapping ``g^nonce · shared`` (9303-11 §4.4.3.3.1)."""
    _require(group, shared)
    mapped = pow(group.g, nonce, group.p) * shared % group.p
    _require(group, mapped)
    return mapped


def _require(group: Group, element: int) -> None:
    """Refuse what is no element of the group, or lies in a subgroup that everybody can guess."""
    inside = 1 < element < group.p - 1
    if not inside or (group.q is not None and pow(element, group.q, group.p) != 1):
        raise FormatError("A number is not an element of its group.", code="ec.element")


def _number(item: Tlv) -> int:
    if not 0 < len(item.value) <= MAX_BITS // 8 + 1:
        raise FormatError("Diffie-Hellman parameters have an unknown form.", code="ec.group")
    return int.from_bytes(item.value, "big", signed=True)
