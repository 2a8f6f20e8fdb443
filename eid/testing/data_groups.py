"""Data groups of a test card as the issuer writes them (9303-10 §4.7; DG13 by Vietnam's profile).

>>> from eid.testing.people import PEOPLE
>>> dg1(PEOPLE["thu"])[:5].hex()
'615d5f1f5a'
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from typing import Literal

from eid import tlv
from eid.testing import der
from eid.testing.biometric_groups import dg2, dg3
from eid.testing.mrz import Zone, zone_lines
from eid.testing.people import NO_EXPIRY, Person

__all__ = ["com", "dg1", "dg2", "dg3", "dg13", "dg14", "dg15"]

ParentsLayout = Literal["A", "B"]
_UTF8_MARK = "1.0.10646.1.0.8"
_SEX = {"M": "Nam", "F": "Nữ"}


def com(groups: Collection[int], *, lds: str = "0107") -> bytes:
    """EF.COM of this LDS version that lists these data groups."""
    tags = bytes(_DG_TAGS[number - 1] for number in sorted(groups))
    return tlv.encode(
        0x60,
        tlv.encode(0x5F01, lds.encode("ascii")),
        tlv.encode(0x5F36, b"040000"),
        tlv.encode(0x5C, tags),
    )


def dg1(person: Person, *, zone: Zone = "TD1", number: str = "") -> bytes:
    """EF.DG1: the machine-readable zone, with the person's own document number or another."""
    lines = zone_lines(person, zone, number)
    return tlv.encode(0x61, tlv.encode(0x5F1F, "".join(lines).encode("ascii")))


def dg13(person: Person, *, parents: ParentsLayout = "A") -> bytes:
    """EF.DG13: sixteen numbered fields. ``parents`` is the nesting of field 13.

    Layout A has one sequence per parent, layout B one for both; both are in use.
    """
    return tlv.encode(
        0x6D,
        der.sequence(
            der.integer(1),
            der.oid(_UTF8_MARK),
            tlv.encode(0x31, *_dg13_fields(person, parents)),
        ),
    )


def dg14(*security_infos: bytes) -> bytes:
    """EF.DG14: a set of ready SecurityInfo sequences, in the given order."""
    return tlv.encode(0x6E, tlv.encode(0x31, *security_infos))


def dg15(public_key_info: bytes) -> bytes:
    """EF.DG15: the Active Authentication key as SubjectPublicKeyInfo."""
    return tlv.encode(0x6F, public_key_info)


_DG_TAGS = bytes.fromhex("6175637665666768696A6B6C6D6E6F70")


def _dg13_fields(person: Person, parents: ParentsLayout) -> Iterator[bytes]:
    texts = (
        der.printable(person.number),
        der.utf8(person.name),
        der.printable(_day(person.birth_date)),
        der.utf8(_SEX[person.sex]),
        der.utf8(person.nationality),
        der.utf8(person.ethnicity),
        der.utf8(person.religion),
        der.utf8(person.origin),
        der.utf8(person.residence),
        der.utf8(person.features),
        der.printable(_day(person.issue_date)),
        der.utf8(NO_EXPIRY if person.expiry is None else _day(person.expiry)),
    )
    for number, text in enumerate(texts, start=1):
        yield _field(number, text)
    yield _field(13, *_parents(person, parents))
    yield _field(14, *(der.sequence(der.utf8(name)) for name in [person.spouse] if name))
    yield _field(15, *(der.printable(old) for old in [person.old_number] if old))
    yield _field(16, der.printable(person.chip_id))


def _parents(person: Person, layout: ParentsLayout) -> tuple[bytes, ...]:
    names = [der.utf8(name) for name in (person.father, person.mother) if name]
    if layout == "A":
        return tuple(der.sequence(name) for name in names)
    return (der.sequence(*names),) if names else ()


def _field(number: int, *values: bytes) -> bytes:
    return der.sequence(der.integer(number), *values)


def _day(day: date) -> str:
    return day.strftime("%d/%m/%Y")
