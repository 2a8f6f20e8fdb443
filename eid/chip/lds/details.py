"""What DG11 and DG12 share: a tag list, plain fields, lists in A0, dates in three forms.

(ICAO Doc 9303-10 §4.7.11, §4.7.12.) Texts are data from a card: capped in length, never trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from eid import tlv
from eid.chip.lds.files import File
from eid.chip.lds.template import contents
from eid.errors import FormatError

MAX_FIELD: Final = 1 << 16
_MAX_TEXT: Final = 4096
_MAX_FIELDS: Final = 128
_TAG_LIST: Final = 0x5C
_LIST: Final = 0xA0
_COUNT: Final = 0x02
_FILLER: Final = 0x53

Fields = Mapping[int, tuple[bytes, ...]]


def read_fields(data: bytes, file: File) -> Fields:
    """All fields by tag, each as often as it is there, lists opened. Raises ``FormatError``.

    The tag list is not held against the fields: cards in the field get it wrong.
    """
    found: dict[int, tuple[bytes, ...]] = {}
    items = _flat(tlv.parse_all(contents(data, file), ber=True))
    for count, item in enumerate(items):
        if count >= _MAX_FIELDS or len(item.value) > MAX_FIELD:
            raise FormatError(f"{file.name} has too many or too long fields.", code="lds.size")
        if item.tag not in (_TAG_LIST, _COUNT, _FILLER):
            found[item.tag] = (*found.get(item.tag, ()), item.value)
    return found


def text(fields: Fields, tag: int) -> str:
    """The text of a field, empty where it is not there. Raises ``FormatError``."""
    return decoded(single(fields, tag))


def texts(fields: Fields, tag: int) -> tuple[str, ...]:
    """The texts of a field that may repeat."""
    return tuple(decoded(value) for value in fields.get(tag, ()))


def parts(fields: Fields, tag: int) -> tuple[str, ...]:
    """The parts of a text that ``<`` separates, fillers left out."""
    return tuple(part for part in text(fields, tag).split("<") if part.strip())


def single(fields: Fields, tag: int) -> bytes:
    """The one value of a field; repeated is a ``FormatError``."""
    values = fields.get(tag, ())
    if len(values) > 1:
        raise FormatError("A field is repeated.", code="lds.repeated")
    return values[0] if values else b""


def day(fields: Fields, tag: int) -> date | None:
    """A date as eight digits or four bytes of BCD; unknown or impossible days are None."""
    value = single(fields, tag)
    digits = value.hex() if len(value) == 4 else value.decode("ascii", "replace")
    if len(digits) != 8 or not (digits.isascii() and digits.isdigit()):
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def decoded(value: bytes) -> str:
    """Read UTF-8, or Latin-1 where it is none, as old chips have it."""
    if len(value) > _MAX_TEXT:
        raise FormatError("A text is too long.", code="lds.size")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _flat(items: tuple[tlv.Tlv, ...]) -> list[tlv.Tlv]:
    flat: list[tlv.Tlv] = []
    for item in items:
        flat += item.children(ber=True) if item.tag == _LIST else (item,)
    return flat
