"""DG2: the face in CBEFF, by ISO/IEC 19794-5 or 39794-5 (ICAO Doc 9303-10 §4.7.2).

Headers are checked, the picture is never decoded. Lengths off by up to eight bytes are met in the
field (NZ, UK) and taken; anything beyond the data is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from eid import tlv
from eid.chip.lds.face39794 import first_picture, is_extensible
from eid.chip.lds.files import FILES
from eid.chip.lds.template import contents
from eid.errors import FormatError

ImageFormat = Literal["jpeg", "jp2", "j2k"]
_GROUP: Final = 0x7F61
_INSTANCE: Final = 0x7F60
_HEADER: Final = 0xA1
_BLOCKS: Final = (0x5F2E, 0x7F2E)
_MAX_INSTANCES: Final = 4
_RECORD_HEADER: Final = 14
_FACE_INFO: Final = 20
_FEATURE: Final = 8
_IMAGE_INFO: Final = 12
_SLACK: Final = 8
_MAGIC: Final[tuple[tuple[bytes, ImageFormat], ...]] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "j2k"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """The first face: encoded picture, its format by its own bytes, size as the header says (0: it does not)."""

    image: bytes = field(repr=False)
    format: ImageFormat
    width: int
    height: int


def parse_dg2(data: bytes) -> Portrait:
    """Find the first portrait. Raises ``FormatError``."""
    group = tlv.parse(contents(data, FILES["EF.DG2"]), ber=True)
    if group.tag != _GROUP:
        raise FormatError("DG2 has no biometric group.", code="dg2.template")
    items = tlv.children(group, ber=True)
    counts = [item.value for item in items if item.tag == 0x02]
    instances = [item for item in items if item.tag == _INSTANCE]
    if counts != [bytes([len(instances)])] or not 1 <= len(instances) <= _MAX_INSTANCES:
        raise FormatError("DG2 has a wrong number of faces.", code="dg2.count")
    parts = tlv.children(instances[0], ber=True)
    header = tlv.find(parts, _HEADER)
    blocks = [part for part in parts if part.tag in _BLOCKS]
    if header is None or len(blocks) != 1:
        raise FormatError("DG2 has no biometric data.", code="dg2.template")
    if is_extensible(blocks[0].value):
        image = first_picture(blocks[0].value)
        return Portrait(image=image, format=_format(image), width=0, height=0)
    return _face_record(blocks[0].value)


def _face_record(record: bytes) -> Portrait:
    if len(record) < _RECORD_HEADER + _FACE_INFO + _IMAGE_INFO or record[:4] != b"FAC\0":
        raise FormatError("DG2 holds no facial record.", code="dg2.record")
    length, faces = _number(record, 8, 4), _number(record, 12, 2)
    if record[4:8] != b"010\0" or abs(length - len(record)) > _SLACK or faces != 1:
        raise FormatError("The facial record's header is wrong.", code="dg2.record")
    block, features = _number(record, 14, 4), _number(record, 18, 2)
    start = _RECORD_HEADER + _FACE_INFO + features * _FEATURE
    if abs(_RECORD_HEADER + block - len(record)) > _SLACK or start + _IMAGE_INFO > len(record):
        raise FormatError("The facial block's length is wrong.", code="dg2.block")
    image = record[start + _IMAGE_INFO :]
    return Portrait(
        image=image,
        format=_format(image),
        width=_number(record, start + 2, 2),
        height=_number(record, start + 4, 2),
    )


def _format(image: bytes) -> ImageFormat:
    for magic, name in _MAGIC:
        if image.startswith(magic):
            return name
    raise FormatError("The picture is neither JPEG nor JPEG 2000.", code="dg2.image")


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")
