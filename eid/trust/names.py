"""Distinguished names, compared as RFC 5280 §7.1 asks: string types, case and spaces aside."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from eid import tlv
from eid.errors import FormatError

COUNTRY: Final = "2.5.4.6"
_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        COUNTRY: "C",
        "2.5.4.10": "O",
        "2.5.4.11": "OU",
        "2.5.4.3": "CN",
        "2.5.4.5": "serialNumber",
    }
)
_DECODERS: Final[Mapping[int, Callable[[bytes], str]]] = MappingProxyType(
    {
        0x0C: lambda octets: octets.decode("utf-8"),
        0x13: lambda octets: octets.decode("ascii"),
        0x14: lambda octets: octets.decode("latin-1"),
        0x16: lambda octets: octets.decode("ascii"),
        0x1C: lambda octets: octets.decode("utf-32-be"),
        0x1E: lambda octets: octets.decode("utf-16-be"),
    }
)
_MAX_PARTS: Final = 32

Attribute = tuple[str, str]
"""OID and normalised value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A distinguished name; equality is by its normalised parts, ``raw`` is as it was encoded."""

    parts: tuple[frozenset[Attribute], ...]
    text: str = field(compare=False)
    raw: bytes = field(compare=False, repr=False)

    @property
    def country(self) -> str:
        """The country in capital letters, or an empty string."""
        found = [value for part in self.parts for oid, value in part if oid == COUNTRY]
        return found[0].upper() if len(found) == 1 else ""


def parse_name(item: tlv.Tlv) -> Name:
    """Parse an RDNSequence; equal bytes give the same value. Raises ``FormatError``."""
    return _parse(item)


@lru_cache(maxsize=1024)
def _parse(item: tlv.Tlv) -> Name:
    relatives = tlv.children(item, ber=True) if item.tag == 0x30 else ()
    if not 1 <= len(relatives) <= _MAX_PARTS:
        raise FormatError("A name is malformed.", code="certificate.name")
    pairs = [[_attribute(attribute) for attribute in _set(part)] for part in relatives]
    return Name(
        parts=tuple(frozenset((oid, _normal(value)) for oid, value in part) for part in pairs),
        text=", ".join(
            f"{_LABELS.get(oid, oid)}={value}" for part in pairs for oid, value in part
        ),
        raw=item.raw,
    )


def _set(item: tlv.Tlv) -> tuple[tlv.Tlv, ...]:
    found = tlv.children(item, ber=True) if item.tag == 0x31 else ()
    if not 1 <= len(found) <= _MAX_PARTS:
        raise FormatError("A name is malformed.", code="certificate.name")
    return found


def _attribute(item: tlv.Tlv) -> Attribute:
    parts = tlv.children(item, ber=True) if item.tag == 0x30 else ()
    if len(parts) != 2 or parts[0].tag != 0x06:
        raise FormatError("A name is malformed.", code="certificate.name")
    return tlv.decode_oid(parts[0].value), _text(parts[1])


def _text(item: tlv.Tlv) -> str:
    """The string; what no decoder takes stays apart from every string as its hexadecimal bytes."""
    try:
        return _DECODERS[item.tag](item.value)
    except (KeyError, UnicodeDecodeError):
        return f"#{item.raw.hex()}"


def _normal(value: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())
