"""The optional data groups 7, 11, 12 and 16 of a test card (9303-10 §4.7.7, §4.7.11 onwards).

>>> from eid.testing.people import PEOPLE
>>> dg12(PEOPLE["thu"])[:1].hex(), dg7(b"")[-3:].hex()
('6c', '020100')
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from eid import tlv
from eid.testing.people import Person

DateForm = Literal["text", "bcd"]
NamesForm = Literal["list", "direct"]
_ISSUER = "FICTIONAL DOCUMENT AUTHORITY"


def dg7(image: bytes) -> bytes:
    """EF.DG7: a picture of the signature, or none at all when it is empty."""
    count = tlv.encode(0x02, bytes([1 if image else 0]))
    return tlv.encode(0x67, count, tlv.encode(0x5F43, image) if image else b"")


def dg11(person: Person, *, names: NamesForm = "list", fillers: bool = False) -> bytes:
    """EF.DG11: details of the person.

    Other names stand in a list or, as some cards have it, directly; with ``fillers`` unused
    fields are written as ``<``.
    """
    other = tlv.encode(0x5F0F, _mrz_name(person))
    fields = {
        0x5F0E: tlv.encode(0x5F0E, person.name.encode()),
        0x5F0F: other if names == "direct" else tlv.encode(0xA0, tlv.encode(0x02, b"\x01"), other),
        0x5F10: tlv.encode(0x5F10, person.number.encode("ascii")),
        0x5F2B: tlv.encode(0x5F2B, _day(person.birth_date, "text")),
        0x5F11: tlv.encode(0x5F11, person.origin.encode()),
        0x5F42: tlv.encode(0x5F42, person.residence.encode()),
    }
    if fillers:
        fields |= {tag: tlv.encode(tag, b"<") for tag in (0x5F12, 0x5F13)}
    return _listed(0x6B, fields)


def dg12(person: Person, *, dates: DateForm = "text") -> bytes:
    """EF.DG12: details of the document, its dates as text or as BCD of four and seven bytes."""
    issued = _day(person.issue_date, dates)
    clock = b"093000" if dates == "text" else bytes.fromhex("093000")
    return _listed(
        0x6C,
        {
            0x5F19: tlv.encode(0x5F19, _ISSUER.encode("ascii")),
            0x5F26: tlv.encode(0x5F26, issued),
            0x5F55: tlv.encode(0x5F55, issued + clock),
        },
    )


def dg16(person: Person) -> bytes:
    """EF.DG16: one person to notify."""
    contact = tlv.encode(
        0xA1,
        tlv.encode(0x5F50, _day(person.issue_date, "text")),
        tlv.encode(0x5F51, _mrz_name(person)),
        tlv.encode(0x5F52, b"+84000000000"),
        tlv.encode(0x5F53, person.residence.encode()),
    )
    return tlv.encode(0x70, tlv.encode(0x02, b"\x01"), contact)


def _listed(tag: int, fields: Mapping[int, bytes]) -> bytes:
    tags = b"".join(number.to_bytes(2, "big") for number in fields)
    return tlv.encode(tag, tlv.encode(0x5C, tags), *fields.values())


def _mrz_name(person: Person) -> bytes:
    return f"{person.surname}<<{person.given_names}".encode("ascii")


def _day(day: date, form: DateForm) -> bytes:
    text = day.strftime("%Y%m%d")
    return text.encode("ascii") if form == "text" else bytes.fromhex(text)
