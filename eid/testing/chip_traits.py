"""How one chip behaves beside its files: lengths, speed, signature form, deviations by name.

>>> Traits(quirks=frozenset({"le-192"})) == Traits.from_members(Traits(
...     quirks=frozenset({"le-192"})).to_members())
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, Literal, Self

from eid.errors import FormatError
from eid.testing.softcard_quirks import QUIRKS

Digest = Literal["sha1-bc", "sha1", "sha224", "sha256", "sha384", "sha512"]
DIGESTS: Final = ("sha1-bc", "sha1", "sha224", "sha256", "sha384", "sha512")
_BITS_PER_BYTE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """Behaviour of a chip; the defaults are a fast, well-behaved one without BAC.

    ``signature_digest`` names the digest of Active Authentication (``sha1-bc``: SHA-1 with the one
    byte trailer BC), ``der`` an ECDSA answer in DER. ``bit_rate`` in bit/s and the delays in
    microseconds are 0 for none; ``crypto_us`` is added to each command that computes with keys.
    """

    quirks: frozenset[str] = frozenset()
    extended: bool = True
    bac: bool = False
    signature_digest: Digest = "sha256"
    der: bool = False
    bit_rate: int = 0
    command_us: int = 0
    crypto_us: int = 0

    def __post_init__(self) -> None:
        unknown = sorted(self.quirks - QUIRKS.keys())
        if unknown:
            raise FormatError("A chip has no such fault.", code="testing.fault")

    def seconds(self, octets: int, *, crypto: bool) -> float:
        """How long a command and its answer of so many bytes together take."""
        wire = octets * _BITS_PER_BYTE / self.bit_rate if self.bit_rate else 0.0
        return wire + (self.command_us + (self.crypto_us if crypto else 0)) / 1_000_000

    def to_members(self) -> dict[str, object]:
        """Write as members of a JSON object."""
        members = {field.name: getattr(self, field.name) for field in fields(self)}
        return members | {"quirks": sorted(self.quirks)}

    @classmethod
    def from_members(cls, members: Mapping[str, object]) -> Self:
        """Read the members; missing, further or mistyped ones are a FormatError."""
        kinds = {field.name: type(field.default) for field in fields(cls)}
        quirks = members.get("quirks")
        if members.keys() != kinds.keys() or not isinstance(quirks, list):
            raise _malformed()
        values: dict[str, object] = {**members, "quirks": frozenset(map(str, quirks))}
        mistyped = [name for name, value in values.items() if type(value) is not kinds[name]]
        if mistyped or values["signature_digest"] not in DIGESTS:
            raise _malformed()
        return cls(**values)  # type: ignore[arg-type]


PLAIN: Final = Traits()


def _malformed() -> FormatError:
    return FormatError("The traits of the chip are malformed.", code="testcard.format")
