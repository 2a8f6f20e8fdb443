"""The outer template of a chip file: its tag, and where it ends (ICAO Doc 9303-10 §3.11).

Transparent files may be longer than their content: they are cut at their outer data object once,
and the same bytes are hashed and parsed.
"""

from __future__ import annotations

from eid import tlv
from eid.chip.lds.files import File
from eid.errors import FormatError


def trimmed(data: bytes) -> bytes:
    """Cut a file at the end of its outer data object; unreadable headers leave it as it is."""
    try:
        length = tlv.total_length(data[:12])
    except FormatError:
        return data
    return data[:length]


def contents(data: bytes, file: File) -> bytes:
    """The value inside the file's own outer tag. Raises ``FormatError``."""
    outer = tlv.parse(data, ber=True)
    if outer.tag != file.tag:
        raise FormatError(f"{file.name} has a wrong outer tag.", code="lds.tag", file=file.name)
    return outer.value


def objects(data: bytes) -> tuple[tlv.Tlv, ...]:
    """The data objects of a file without an outer tag, up to the zeros that fill it up.

    Zeros at the end of the last object are its own: EF.ATR/INFO may end with a length of 4,096.
    Raises ``FormatError``.
    """
    found = []
    while data.strip(b"\x00"):
        item, data = tlv.parse_first(data, ber=True)
        found.append(item)
    return tuple(found)
