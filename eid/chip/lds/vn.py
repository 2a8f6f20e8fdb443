"""DG13 of the Vietnamese identity card: numbered fields in a SET (vietnam.md §2).

``6D { SEQUENCE { INTEGER 1, OID, SET { SEQUENCE { INTEGER n, value … } … } } }``. Fields are told
apart by number, never by place; every one is optional; unknown numbers are kept as they are.
Text is normalised to NFC; the raw bytes alone are hashed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from eid import tlv
from eid.chip.lds.files import FILES
from eid.chip.lds.template import contents
from eid.errors import FormatError

_MAX_FIELDS: Final = 64
_MAX_TEXT: Final = 4096
_MAX_DEPTH: Final = 6
_STRINGS: Final[Mapping[int, str]] = MappingProxyType(
    {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x12: "ascii", 0x1E: "utf-16-be"}
)
_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "number",
        2: "name",
        3: "birth_date",
        4: "sex",
        5: "nationality",
        6: "ethnicity",
        7: "religion",
        8: "origin",
        9: "residence",
        10: "features",
        11: "issue_date",
        12: "expiry",
        15: "old_number",
        16: "chip_id",
    }
)
_OLD_NUMBER: Final = re.compile(r"[0-9]{9}")
_FAMILY: Final = 13
_SPOUSE: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class VnData:
    """The fields as the card words them (dates ``dd/mm/yyyy``); ``None`` where absent.

    ``family`` holds the parents in the order of the card, an empty text where the card leaves a
    place empty; with one name alone it is not known whose it is. ``unknown`` maps field numbers to the encoded field. ``findings`` names what is
    odd: ``dg13.old_number_place`` if field 16 looks like the old number that 15 should hold.
    """

    number: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    birth_date: str | None = field(default=None, repr=False)
    sex: str | None = field(default=None, repr=False)
    nationality: str | None = field(default=None, repr=False)
    ethnicity: str | None = field(default=None, repr=False)
    religion: str | None = field(default=None, repr=False)
    origin: str | None = field(default=None, repr=False)
    residence: str | None = field(default=None, repr=False)
    features: str | None = field(default=None, repr=False)
    issue_date: str | None = field(default=None, repr=False)
    expiry: str | None = field(default=None, repr=False)
    family: tuple[str, ...] = field(default=(), repr=False)
    spouse: str | None = field(default=None, repr=False)
    old_number: str | None = field(default=None, repr=False)
    chip_id: str | None = field(default=None, repr=False)
    unknown: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    findings: tuple[str, ...] = ()
    raw: bytes = field(default=b"", repr=False)


def parse_dg13(data: bytes) -> VnData:
    """Parse the Vietnamese profile, in any order of fields. Raises ``FormatError``.

    Field 13 may hold the parents in one inner SEQUENCE or in two.
    """
    entries = _entries(tlv.parse(contents(data, FILES["EF.DG13"]), ber=True))
    texts: dict[str, str | None] = {}
    unknown: dict[int, bytes] = {}
    family: tuple[str, ...] = ()
    for number, (values, raw) in entries.items():
        if number == _FAMILY:
            family = _parents(values)
        elif number in _NAMES or number == _SPOUSE:
            strings = [text for value in values for text in _strings(value)]
            texts[_NAMES.get(number, "spouse")] = _one(strings)
        else:
            unknown[number] = raw
    displaced = not texts.get("old_number") and _OLD_NUMBER.fullmatch(texts.get("chip_id") or "")
    return VnData(
        family=family,
        unknown=MappingProxyType(unknown),
        findings=("dg13.old_number_place",) if displaced else (),
        raw=data,
        **texts,
    )


def _entries(body: tlv.Tlv) -> dict[int, tuple[tuple[tlv.Tlv, ...], bytes]]:
    """Field number to its values and its encoding."""
    parts = tlv.children(body, ber=True) if body.tag == 0x30 else ()
    if [part.tag for part in parts] != [0x02, 0x06, 0x31]:
        raise FormatError("DG13 is not in the known profile.", code="dg13.profile")
    items = tlv.children(parts[2], ber=True)
    if len(items) > _MAX_FIELDS:
        raise FormatError("DG13 has too many fields.", code="dg13.fields")
    found: dict[int, tuple[tuple[tlv.Tlv, ...], bytes]] = {}
    for item in items:
        values = tlv.children(item, ber=True) if item.tag == 0x30 else ()
        if not values or values[0].tag != 0x02 or len(values[0].value) > 4:
            raise FormatError("A field of DG13 is malformed.", code="dg13.fields")
        number = tlv.decode_int(values[0].value)
        if number in found:
            raise FormatError("A field of DG13 is repeated.", code="dg13.repeated")
        found[number] = (values[1:], item.raw)
    return found


def _strings(item: tlv.Tlv, depth: int = 0) -> list[str]:
    """All text inside a value, in order."""
    if item.constructed and depth < _MAX_DEPTH:
        return [
            text for child in tlv.children(item, ber=True) for text in _strings(child, depth + 1)
        ]
    encoding = _STRINGS.get(item.tag)
    if encoding is None or len(item.value) > _MAX_TEXT:
        raise FormatError("A field of DG13 is no text of usable length.", code="dg13.text")
    try:
        text = item.value.decode(encoding)
    except UnicodeDecodeError as error:
        raise FormatError("A text of DG13 is not well encoded.", code="dg13.text") from error
    return [unicodedata.normalize("NFC", text)]


def _parents(values: tuple[tlv.Tlv, ...]) -> tuple[str, ...]:
    """The texts of field 13; an empty inner SEQUENCE keeps its place among others."""
    strings = [text for value in values for text in _strings(value) or [""]]
    return tuple(strings) if any(strings) else ()


def _one(strings: list[str]) -> str | None:
    """The single text of a field; an empty one counts as absent."""
    if len(strings) > 1:
        raise FormatError("A field of DG13 holds several texts.", code="dg13.fields")
    return strings[0] or None if strings else None
