"""The one door to zxing-cpp: reading pictures, and writing symbols (ISO/IEC 18004).

>>> from eid.qr.render import plan, png
>>> import io
>>> from PIL import Image
>>> read(Image.open(io.BytesIO(png(plan("HELLO WORLD")))).convert("L"))
(b'HELLO WORLD',)
>>> len(matrix("HELLO WORLD", "M"))
21

This module is the only home of `zxingcpp`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import zxingcpp
from PIL import Image

MAX_CODES = 16

_QR_ONLY = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
_SEALS = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.DataMatrix)


class Box(NamedTuple):
    """Where something like a QR code stands, in pixels."""

    left: int
    top: int
    right: int
    bottom: int


def read(picture: Image.Image) -> tuple[bytes, ...]:
    """The bytes of every QR code, each content once.

    A part of a structured append sequence comes as it is: nothing of ours verifies a part.
    """
    return _read(picture, _QR_ONLY)


def read_seals(picture: Image.Image) -> tuple[bytes, ...]:
    """As `read`, for DataMatrix symbols: digital seals come in these."""
    return _read(picture, _SEALS)


def _read(picture: Image.Image, formats: zxingcpp.BarcodeFormats) -> tuple[bytes, ...]:
    found = zxingcpp.read_barcodes(picture, formats=formats)
    contents = dict.fromkeys(code.bytes for code in found if code.valid)
    return tuple(contents)[:MAX_CODES]


def outline(picture: Image.Image) -> Box | None:
    """Around all finder patterns of codes that are seen but cannot be read."""
    xs: list[int] = []
    ys: list[int] = []
    for code in zxingcpp.read_barcodes(picture, formats=_QR_ONLY, return_errors=True):
        known = code.extra
        version = known.get("Version", "") if isinstance(known, dict) else ""
        # rectangular codes are guessed into textures; the others hang on a real finder pattern
        if not version or version.startswith("R"):
            continue
        place = code.position
        for corner in (place.top_left, place.top_right, place.bottom_right, place.bottom_left):
            xs.append(corner.x)
            ys.append(corner.y)
    return Box(min(xs), min(ys), max(xs), max(ys)) if xs else None


def matrix(text: str, error_correction: str) -> list[list[bool]]:
    """The modules of the smallest symbol for *text*, true for dark; ``ValueError`` if none fits."""
    content = text if text.isascii() else text.encode()  # a byte order mark would be lost
    code = zxingcpp.create_barcode(
        content, zxingcpp.BarcodeFormat.QRCode, ec_level=error_correction
    )
    drawn: Any = code.to_image(scale=1, add_quiet_zones=False)
    rows: list[list[int]] = memoryview(drawn).tolist()  # type: ignore[assignment]  # two dimensions
    return [[level == 0 for level in row] for row in rows]
