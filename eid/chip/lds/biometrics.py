"""DG3 and DG4: fingers and irises in their CBEFF containers (ICAO Doc 9303-10 §4.7.3, §4.7.4).

Containers are opened, records are not: nothing here decodes a finger or an iris.

>>> parse_dg3(bytes.fromhex("6306 7F6103 020100"))
()
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from eid import tlv
from eid.chip.lds.files import FILES, File
from eid.chip.lds.template import contents
from eid.errors import FormatError

_GROUP: Final = 0x7F61
_INSTANCE: Final = 0x7F60
_HEADER: Final = 0xA1
_BLOCKS: Final = (0x5F2E, 0x7F2E)
_MAX_INSTANCES: Final = 10
_TYPE, _SUBTYPE, _OWNER, _FORMAT = 0x81, 0x82, 0x87, 0x88


@dataclass(frozen=True, slots=True, kw_only=True)
class Biometric:
    """One record with its CBEFF header: type, subtype (which finger or eye), owner and format."""

    type: int
    subtype: int
    owner: int
    format: int
    record: bytes = field(repr=False)


def parse_dg3(data: bytes) -> tuple[Biometric, ...]:
    """The fingers, none for a chip that holds only a filler. Raises ``FormatError``."""
    return _parse(data, FILES["EF.DG3"])


def parse_dg4(data: bytes) -> tuple[Biometric, ...]:
    """The irises. Raises ``FormatError``."""
    return _parse(data, FILES["EF.DG4"])


def _parse(data: bytes, file: File) -> tuple[Biometric, ...]:
    group = tlv.parse(contents(data, file), ber=True)
    if group.tag != _GROUP:
        raise FormatError(f"{file.name} has no biometric group.", code="biometric.template")
    items = group.children(ber=True)
    instances = [item for item in items if item.tag == _INSTANCE]
    counts = [item.value for item in items if item.tag == 0x02]
    if counts != [bytes([len(instances)])] or len(instances) > _MAX_INSTANCES:
        raise FormatError(f"{file.name} has a wrong number of records.", code="biometric.count")
    return tuple(_instance(item) for item in instances)


def _instance(item: tlv.Tlv) -> Biometric:
    parts = item.children(ber=True)
    header = tlv.find(parts, _HEADER)
    blocks = [part.value for part in parts if part.tag in _BLOCKS]
    if header is None or len(blocks) != 1:
        raise FormatError("A biometric record has a wrong form.", code="biometric.template")
    fields = {part.tag: part.value for part in header.children(ber=True)}
    return Biometric(
        type=_number(fields, _TYPE),
        subtype=_number(fields, _SUBTYPE),
        owner=_number(fields, _OWNER),
        format=_number(fields, _FORMAT),
        record=blocks[0],
    )


def _number(fields: dict[int, bytes], tag: int) -> int:
    """A header field as a number, 0 where it is missing, as some cards leave the owner out."""
    value = fields.get(tag, b"")
    if len(value) > 4:
        raise FormatError("A biometric header is malformed.", code="biometric.header")
    return int.from_bytes(value, "big")
