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
