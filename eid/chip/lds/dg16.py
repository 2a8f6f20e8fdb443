"""DG16: persons to notify (ICAO Doc 9303-10 §4.7.16).

>>> parse_dg16(bytes.fromhex("700A 020101 A105 5F5102") + b"JO")[0].name
'JO'
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from eid import tlv
from eid.chip.lds import details
from eid.chip.lds.files import FILES
from eid.chip.lds.template import contents
from eid.errors import FormatError

_FIRST, _LAST = 0xA1, 0xAF
_MAX_FIELDS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PersonToNotify:
    """One person; what the card leaves out is empty."""

    recorded: date | None
    name: str
    telephone: str
    address: tuple[str, ...]


def parse_dg16(data: bytes) -> tuple[PersonToNotify, ...]:
    """The persons in the card's order. Raises ``FormatError``."""
    items = tlv.parse_all(contents(data, FILES["EF.DG16"]), ber=True)
    people = [item for item in items if _FIRST <= item.tag <= _LAST]
    counts = [item.value for item in items if item.tag == 0x02]
    if counts not in ([], [bytes([len(people)])]):
        raise FormatError("DG16 has a wrong number of persons.", code="dg16.count")
    return tuple(_person(item) for item in people)


def _person(item: tlv.Tlv) -> PersonToNotify:
    parts = item.children(ber=True)
    if len(parts) > _MAX_FIELDS:
        raise FormatError("A person of DG16 has too many fields.", code="lds.size")
    fields = {part.tag: (part.value,) for part in parts}
    return PersonToNotify(
        recorded=details.day(fields, 0x5F50),
        name=details.text(fields, 0x5F51),
        telephone=details.text(fields, 0x5F52),
        address=details.parts(fields, 0x5F53),
    )
