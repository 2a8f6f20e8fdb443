"""Faces by ISO/IEC 39794-5 (FaceImageDataBlock; ICAO Doc 9303-10 §4.7.2, from 2026 on).

An ASN.1 structure around one or more pictures; only the way to the first picture is followed.

>>> is_extensible(bytes.fromhex("A182")), is_extensible(b"FAC")
(True, False)
"""

from __future__ import annotations

from typing import Final

from eid import tlv
from eid.errors import FormatError

_BLOCK: Final = 0xA1
_FACE: Final = 0x65
_VERSION: Final = 0xA0
_GENERATION: Final = 3
_REPRESENTATIONS: Final = 0xA1
_MAX_REPRESENTATIONS: Final = 8
_TO_PICTURE: Final = (0xA1, 0xA0, 0xA0, 0x80)
"""Image representation, base, two-dimensional, its data."""


def is_extensible(block: bytes) -> bool:
    """Whether a biometric data block is of this kind, and not ISO/IEC 19794-5."""
    return block[:1] == bytes([_BLOCK])


def first_picture(block: bytes) -> bytes:
    """The first representation's encoded picture. Raises ``FormatError``."""
    outer = tlv.parse(block, ber=True)
    face = tlv.only(outer.children(ber=True) if outer.tag == _BLOCK else (), _FACE)
    parts = face.children(ber=True)
    version = tlv.only(parts, _VERSION).children(ber=True)
    if int.from_bytes(tlv.only(version, 0x80).value[:4], "big") != _GENERATION:
        raise FormatError("The face has an unknown generation.", code="dg2.generation")
    representations = tlv.only(parts, _REPRESENTATIONS).children(ber=True)
    if not 1 <= len(representations) <= _MAX_REPRESENTATIONS:
        raise FormatError("The face has a wrong number of pictures.", code="dg2.count")
    item = representations[0]
    for tag in _TO_PICTURE:
        item = tlv.only(item.children(ber=True), tag)
    if not item.value:
        raise FormatError("The face has no picture.", code="dg2.image")
    return item.value
