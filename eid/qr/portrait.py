"""A portrait small enough for a QR code: WebP, 64 by 80 pixels, at most 500 bytes (facts: photo budget).

>>> from PIL import Image
>>> import io
>>> file = io.BytesIO()
>>> Image.linear_gradient("L").save(file, "JPEG")
>>> small = shrink(file.getvalue())
>>> len(small) <= 500, Image.open(io.BytesIO(small)).size
(True, (64, 80))

Give it only pictures of verified cards: decoders of JPEG 2000 have a history of faults.
"""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from eid.errors import FormatError
from eid.qr.from_card import MAX_PORTRAIT

SIZE = (64, 80)
MAX_PIXELS = 4_000_000
_FORMATS = ("JPEG", "JPEG2000")
_QUALITIES = (40, 30, 20, 12, 5, 1, 0)
_BROKEN = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, OverflowError,
    Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


def shrink(picture: bytes, *, max_bytes: int = MAX_PORTRAIT) -> bytes:
    """Crop to 4:5 and encode as WebP; gray where colour does not fit.

    ``FormatError`` ``qr.portrait`` for a picture that is neither JPEG nor JPEG 2000, is larger
    than `MAX_PIXELS`, or does not fit into *max_bytes* at any quality.
    """
    try:
        with Image.open(io.BytesIO(picture), formats=_FORMATS) as source:
            if source.width * source.height > MAX_PIXELS:
                raise FormatError("The portrait has too many pixels.", code="qr.portrait")
            small = ImageOps.fit(source.convert("RGB"), SIZE, Image.Resampling.LANCZOS)
    except _BROKEN as e:
        raise FormatError("The portrait is no JPEG or JPEG 2000.", code="qr.portrait") from e
    for variant in (small, small.convert("L")):
        for quality in _QUALITIES:
            file = io.BytesIO()
            variant.save(file, "WEBP", quality=quality, method=6)
            if file.tell() <= max_bytes:
                return file.getvalue()
    raise FormatError("The portrait does not fit at any quality.", code="qr.portrait")
