"""EF.SOD: the signed list of hashes (ICAO Doc 9303-10 §4.6.2).

The envelope and the list are parsed by two functions, so that the list is looked at only after
the signature over it has been checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from eid import tlv
from eid.chip.lds.files import DATA_GROUPS, SOD
from eid.chip.lds.template import contents
from eid.errors import FormatError
from eid.trust.algorithms import Digest, parse_digest
from eid.trust.cms import SignedData, parse_signed_data

CONTENT_TYPES: Final = frozenset({"2.23.136.1.1.1", "1.3.27.1.1.1", "1.2.528.1.1006.1.20.1"})
"""ICAO's own, the Belgian and French one, the Dutch one; nothing else is a security object."""
_MAX_SOD: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityObject:
    """LDSSecurityObject: version 0 or 1, digest, and hash by data-group number.

    ``lds_version`` and ``unicode_version`` are there from version 1 on.
    """

    version: int
    digest: Digest
    hashes: Mapping[int, bytes] = field(repr=False)
    lds_version: str | None
    unicode_version: str | None


def parse_sod(data: bytes) -> SignedData:
    """The CMS inside EF.SOD. Raises ``FormatError``."""
    if len(data) > _MAX_SOD:
        raise FormatError("EF.SOD is too long.", code="sod.size")
    return parse_signed_data(contents(data, SOD), content_types=CONTENT_TYPES)


def parse_security_object(content: bytes) -> SecurityObject:
    """Parse the signed content. Raises ``FormatError``; an empty list is left to the judge."""
    outer = tlv.parse(content, ber=True)
    parts = tlv.children(outer, ber=True) if outer.tag == 0x30 else ()
    if [part.tag for part in parts] not in ([0x02, 0x30, 0x30], [0x02, 0x30, 0x30, 0x30]):
        raise FormatError("The security object is malformed.", code="sod.security_object")
    versions = _versions(parts[3]) if len(parts) == 4 else (None, None)
    return SecurityObject(
        version=_small(parts[0]),
        digest=parse_digest(parts[1]),
        hashes=_hashes(parts[2]),
        lds_version=versions[0],
        unicode_version=versions[1],
    )


def _hashes(block: tlv.Tlv) -> Mapping[int, bytes]:
    entries = tlv.children(block, ber=True)
    if len(entries) > len(DATA_GROUPS):
        raise FormatError("The list of hashes is too long.", code="sod.hash_list")
    found: dict[int, bytes] = {}
    for entry in entries:
        parts = tlv.children(entry, ber=True) if entry.tag == 0x30 else ()
        if [part.tag for part in parts] != [0x02, 0x04]:
            raise FormatError("A hash entry is malformed.", code="sod.hash_list")
        number = _small(parts[0])
        if not 1 <= number <= len(DATA_GROUPS) or number in found:
            raise FormatError("A data-group number is wrong or repeated.", code="sod.hash_list")
        found[number] = parts[1].value
    return MappingProxyType(found)


def _small(item: tlv.Tlv) -> int:
    if item.tag != 0x02 or len(item.value) > 4:
        raise FormatError("A number is out of bounds.", code="sod.number")
    return tlv.decode_int(item.value)


def _versions(block: tlv.Tlv) -> tuple[str, str]:
    parts = tlv.children(block, ber=True)
    if [part.tag for part in parts] != [0x13, 0x13]:
        raise FormatError("The version info is malformed.", code="sod.version_info")
    first, second = (part.value.decode("ascii", "replace")[:16] for part in parts)
    return first, second
