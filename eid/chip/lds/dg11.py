"""DG11: further personal details (ICAO Doc 9303-10 §4.7.11). Every field is optional.

>>> parse_dg11(bytes.fromhex("6B0F 5C025F0E 5F0E08") + b"DOE<<JOE").name
'DOE<<JOE'
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from eid.chip.lds import details
from eid.chip.lds.files import FILES


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PersonalDetails:
    """The fields of DG11; empty where the card leaves them out. ``fields`` keeps all as bytes."""

    name: str
    other_names: tuple[str, ...]
    personal_number: str
    birth_date: date | None
    birth_place: tuple[str, ...]
    address: tuple[str, ...]
    telephone: str
    profession: str
    title: str
    summary: str
    proof_of_citizenship: bytes
    other_documents: tuple[str, ...]
    custody: str
    fields: details.Fields = field(repr=False)


def parse_dg11(data: bytes) -> PersonalDetails:
    """Read DG11. Raises ``FormatError``."""
    fields = details.read_fields(data, FILES["EF.DG11"])
    return PersonalDetails(
        name=details.text(fields, 0x5F0E),
        other_names=details.texts(fields, 0x5F0F),
        personal_number=details.text(fields, 0x5F10),
        birth_date=details.day(fields, 0x5F2B),
        birth_place=details.parts(fields, 0x5F11),
        address=details.parts(fields, 0x5F42),
        telephone=details.text(fields, 0x5F12),
        profession=details.text(fields, 0x5F13),
        title=details.text(fields, 0x5F14),
        summary=details.text(fields, 0x5F15),
        proof_of_citizenship=details.single(fields, 0x5F16),
        other_documents=details.parts(fields, 0x5F17),
        custody=details.text(fields, 0x5F18),
        fields=fields,
    )
