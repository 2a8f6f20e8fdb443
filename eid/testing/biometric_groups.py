"""Face, fingers and irises as issuers write them (9303-10 §4.7.2 to §4.7.4).

Two standards for the face, three picture formats, and the deviations that cards in the field have.

>>> group = dg2(b"...", sex="F", form=FaceForm(record_error=8))
>>> group[:1].hex()
'75'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from eid import tlv
from eid.testing.portrait import HEIGHT, WIDTH

Standard = Literal["19794", "39794"]
Picture = Literal["jpeg", "jp2", "j2k"]
_FACIAL_HEADER_SIZE: Final = 14
_FACIAL_RECORD_SIZE: Final = 32
_JPEG_2000_IN_19794: Final = 1
_IN_39794: Final = {"jpeg": 2, "jp2": 3, "j2k": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceForm:
    """How DG2 is written; the defaults are by the rules.

    ``block`` is the tag around the record, ``owner`` whether its format owner is named,
    ``record_error`` is added to the record's own length, ``trailing`` zeros follow the picture.
    """

    picture: Picture = "jpeg"
    standard: Standard = "19794"
    block: int = 0x5F2E
    owner: bool = True
    record_error: int = 0
    trailing: int = 0


BY_THE_RULES: Final = FaceForm()


def dg2(image: bytes, *, sex: Literal["M", "F"], form: FaceForm = BY_THE_RULES) -> bytes:
    """EF.DG2: one face of 420x560 pixels in CBEFF."""
    image += bytes(form.trailing)
    if form.standard == "39794":
        header = tlv.encode(0xA1, tlv.encode(0x87, b"\x01\x01"), tlv.encode(0x88, b"\x00\x2a"))
        block = tlv.encode(0x7F2E, tlv.encode(0xA1, _face_block(image, form)))
        return _face_group(header + block)
    owner = tlv.encode(0x87, b"\x01\x01") if form.owner else b""
    header = tlv.encode(
        0xA1,
        tlv.encode(0x80, b"\x01\x01"),
        tlv.encode(0x81, b"\x02"),
        tlv.encode(0x82, b"\x00"),
        owner,
        tlv.encode(0x88, b"\x00\x08"),
    )
    return _face_group(header + tlv.encode(form.block, _facial_record(image, sex, form)))


def dg3(filler: bytes, *fingers: bytes) -> bytes:
    """EF.DG3: these fingerprints; without any, no instance and random filler (§4.7.3)."""
    return _group(0x63, 0x08, b"FIR\x00010\x00", b"\x00\x07", filler, fingers)


def dg4(filler: bytes, *irises: bytes) -> bytes:
    """EF.DG4: these irises, or none."""
    return _group(0x76, 0x10, b"IIR\x00010\x00", b"\x00\x09", filler, irises)


def _group(
    tag: int, kind: int, magic: bytes, form: bytes, filler: bytes, samples: tuple[bytes, ...]
) -> bytes:
    instances = [
        tlv.encode(
            0x7F60,
            tlv.encode(
                0xA1,
                tlv.encode(0x80, b"\x01\x01"),
                tlv.encode(0x81, bytes([kind])),
                tlv.encode(0x82, bytes([number])),
                tlv.encode(0x87, b"\x01\x01"),
                tlv.encode(0x88, form),
            ),
            tlv.encode(0x5F2E, magic, (len(magic) + 4 + len(sample)).to_bytes(4, "big"), sample),
        )
        for number, sample in enumerate(samples, start=1)
    ]
    count = tlv.encode(0x02, bytes([len(samples)]))
    rest = instances or [tlv.encode(0x53, filler)]
    return tlv.encode(tag, tlv.encode(0x7F61, count, *rest))


def _face_group(content: bytes) -> bytes:
    template = tlv.encode(0x7F60, content)
    return tlv.encode(0x75, tlv.encode(0x7F61, tlv.encode(0x02, b"\x01"), template))


def _facial_record(image: bytes, sex: Literal["M", "F"], form: FaceForm) -> bytes:
    """One face by ISO/IEC 19794-5."""
    size = _FACIAL_RECORD_SIZE + len(image)
    information = (
        size.to_bytes(4, "big")
        + b"\x00\x00"  # no feature points
        + (b"\x01" if sex == "M" else b"\x02")
        + b"\x00\x00"  # eyes and hair unspecified
        + bytes(3)  # no properties
        + bytes(2)  # expression unspecified
        + bytes(6)  # pose and its uncertainty
    )
    kind = 0 if form.picture == "jpeg" else _JPEG_2000_IN_19794
    header = (
        bytes([1, kind])  # full frontal
        + WIDTH.to_bytes(2, "big")
        + HEIGHT.to_bytes(2, "big")
        + b"\x01\x02"  # sRGB24, still camera
        + bytes(4)  # device and quality unspecified
    )
    total = (_FACIAL_HEADER_SIZE + size + form.record_error).to_bytes(4, "big")
    return b"FAC\x00010\x00" + total + b"\x00\x01" + information + header + image


def _face_block(image: bytes, form: FaceForm) -> bytes:
    """One face by ISO/IEC 39794-5, mandatory fields only."""
    kind = tlv.encode(0xA1, tlv.encode(0xA0, tlv.encode(0x80, bytes([_IN_39794[form.picture]]))))
    picture = tlv.encode(0xA0, tlv.encode(0x80, image), kind)
    representation = tlv.encode(
        0x30, tlv.encode(0x80, b"\x00"), tlv.encode(0xA1, tlv.encode(0xA0, picture))
    )
    version = tlv.encode(0xA0, tlv.encode(0x80, b"\x03"), tlv.encode(0x81, b"\x07\xe3"))
    return tlv.encode(0x65, version, tlv.encode(0xA1, representation))
