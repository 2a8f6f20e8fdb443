"""What kind of code a text is, by its form alone (facts: formats).

>>> kind_of(b"001090999999||Nguyen Van Thu|02031990|Nam|Ha Noi|04052021")
'printed'
>>> kind_of(b"HC1:6BFOXN"), kind_of(b"https://id.example/q/1")
('dcc', 'link')

A kind is a guess about which reader to try. It says nothing about who made the code.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from eid.errors import FormatError
from eid.qr import base45

Kind: TypeAlias = Literal[
    "printed",
    "claim169",
    "signed",
    "dcc",
    "idb",
    "vds",
    "vds_nc",
    "shc",
    "link",
    "question",
    "unknown",
]

_PREFIXES: tuple[tuple[bytes, Kind], ...] = (
    (b"HC1:", "dcc"),
    (b"RDB1", "idb"),
    (b"\xdc", "vds"),
    (b"shc:/", "shc"),
    (b"{", "vds_nc"),
    (b"https://", "link"),
    (b"EIDASK1:", "question"),
)
_ZLIB, _COSE = b"\x78", (b"\xd2\x84", b"\xd8\x3d", b"\x84")


def kind_of(content: bytes) -> Kind:
    """The kind of a code's bytes; ``signed`` is base45 that is not compressed: presence."""
    for prefix, kind in _PREFIXES:
        if content.startswith(prefix):
            return kind
    if re.match(rb"[0-9]{12}\|", content):
        return "printed"
    try:
        inner = base45.decode(content.decode("ascii"))
    except (UnicodeDecodeError, FormatError):
        return "unknown"
    if inner.startswith(_ZLIB):
        return "claim169"
    return "signed" if inner.startswith(_COSE) else "unknown"
