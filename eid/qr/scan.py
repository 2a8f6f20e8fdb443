"""Find QR codes in pictures and give their bytes (ISO/IEC 18004; zxing-cpp).

>>> from eid.qr.render import render_png
>>> scan_image(render_png("HELLO WORLD"))
(b'HELLO WORLD',)

Bytes, never a decoder's text: Vietnamese card codes are UTF-8 without saying so, and decoders
that guess a character set garble them. A picture that does not decode at once goes through a
cascade of filters, which stops at the first success.
"""

from __future__ import annotations

import bisect
import io
import itertools
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image, ImageFilter

from eid.errors import FormatError
from eid.qr import flatten, zxing

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAX_PIXELS = 40_000_000
MAX_FILE = 64 * 1024 * 1024
MAX_FILTERED = 8_000_000
"""Pixels that the cascade works on."""
_MAX_SIDE = 2828
MAX_ENLARGED = 12_000_000
"""Pixels that an enlarging step may make; larger pictures skip that step."""

_DARK_SHARE = 250
"""One pixel in so many is darker than the level taken for dark modules."""
_MIN_CONTRAST = 6
_FRAME_MODES: dict[tuple[int, ...], str] = {(): "L", (3,): "RGB", (4,): "RGBX"}
_FORMATS = ("PNG", "JPEG", "WEBP")
_BROKEN_PICTURE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)

Step: TypeAlias = Callable[[Image.Image], Image.Image | None]


def scan_image(
    data: bytes, *, thorough: bool = True, max_pixels: int = MAX_PIXELS
) -> tuple[bytes, ...]:
    """The content of every QR code in a PNG, JPEG, WebP or PDF file; empty if there is none.

    Without *thorough* only the first, fast pass runs. ``FormatError``: ``qr.picture`` for a file
    that is none, ``qr.picture_size`` above *max_pixels*.
    """
    found = (scan_picture(one, thorough=thorough) for one in _pictures(data, max_pixels))
    return tuple(dict.fromkeys(itertools.chain.from_iterable(found)))


def scan_seals(data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[bytes, ...]:
    """As `scan_image`, for the DataMatrix symbols of digital seals (`eid.qr.vds`); one pass."""
    found = (zxing.read_seals(_gray(one)) for one in _pictures(data, max_pixels))
    return tuple(dict.fromkeys(itertools.chain.from_iterable(found)))


def _pictures(data: bytes, max_pixels: int) -> Iterator[Image.Image]:
    if not data.startswith(b"%PDF-"):
        return iter((load(data, max_pixels=max_pixels),))
    from eid.qr import pdf  # noqa: PLC0415 - PDFium is large, and few need it

    return pdf.pages(data)


def scan_picture(picture: Image.Image, *, thorough: bool = True) -> tuple[bytes, ...]:
    """As `scan_image`, for a picture or camera frame that is loaded already."""
    gray = _gray(picture)
    found = zxing.read(gray)
    if found or not thorough:
        return found
    bounded = _bounded(gray)
    return next((found for variant in _variants(bounded) if (found := zxing.read(variant))), ())


def scan_frame(frame: Buffer, *, thorough: bool = True) -> tuple[bytes, ...]:
    """As `scan_image`, for a camera's array of bytes: rows of gray, of RGB or BGR, or with alpha.

    ``FormatError`` ``qr.picture`` for another shape, ``qr.picture_size`` above `MAX_PIXELS`.
    """
    view = memoryview(frame)
    shape = view.shape or ()
    mode = _FRAME_MODES.get(shape[2:])
    if view.format != "B" or len(shape) < 2 or mode is None or 0 in shape:
        raise FormatError("The frame is no array of gray or colour bytes.", code="qr.picture")
    height, width = shape[:2]
    if width * height > MAX_PIXELS:
        raise _too_large()
    picture = Image.frombytes(mode, (width, height), view.tobytes())
    return scan_picture(picture, thorough=thorough)


def load(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Open a picture as gray; its size is checked before any pixel is decoded."""
    if len(data) > MAX_FILE:
        raise FormatError("The picture file is too large.", code="qr.picture_size")
    try:
        picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
        raise _too_large() from e
    except _BROKEN_PICTURE as e:
        raise _refuse() from e
    with picture:
        if picture.width * picture.height > max_pixels:
            raise _too_large()
        return _gray(picture)


def _gray(picture: Image.Image) -> Image.Image:
    """Eight-bit gray, transparency on white."""
    try:
        if picture.has_transparency_data:
            colour = picture.convert("RGBA")
            white = Image.new("RGBA", colour.size, "white")
            return Image.alpha_composite(white, colour).convert("L")
        return picture.copy() if picture.mode == "L" else picture.convert("L")
    except _BROKEN_PICTURE as e:
        raise _refuse() from e


def _bounded(gray: Image.Image) -> Image.Image:
    """Filters cost by the pixel: a picture that is larger than this is reduced first."""
    if gray.width * gray.height <= MAX_FILTERED:
        return gray
    bounded = gray.copy()
    bounded.thumbnail((_MAX_SIDE, _MAX_SIDE), Image.Resampling.BOX)
    return bounded


def _variants(gray: Image.Image) -> Iterator[Image.Image]:
    yield from _filtered(gray, CHEAP)
    box = zxing.outline(gray)
    if box is not None:
        yield from flatten.flattened(gray, box)
    yield from _filtered(gray, ENLARGING)


def _filtered(gray: Image.Image, steps: tuple[Step, ...]) -> Iterator[Image.Image]:
    for step in steps:
        variant = step(gray)
        if variant is not None:
            yield variant


def _sharpened(gray: Image.Image) -> Image.Image:
    return gray.filter(ImageFilter.UnsharpMask(radius=3, percent=500, threshold=0))


def _smoothed(gray: Image.Image) -> Image.Image:
    return gray.filter(ImageFilter.BoxBlur(1))


def _on_light_ground(gray: Image.Image) -> Image.Image | None:
    """For a code on a dark ground without quiet zone: dark modules alone stay dark."""
    smooth = gray.filter(ImageFilter.BoxBlur(1))
    threshold = _ground_threshold(smooth.histogram())
    if threshold is None:
        return None
    return smooth.point([0 if level <= threshold else 255 for level in range(256)])


def _enlarged(factor: int, radius: int, percent: int) -> Step:
    def step(gray: Image.Image) -> Image.Image | None:
        width, height = gray.width * factor, gray.height * factor
        if width * height > MAX_ENLARGED:
            return None
        large = gray.resize((width, height), Image.Resampling.BICUBIC)
        if not percent:
            return large
        return large.filter(ImageFilter.UnsharpMask(radius=radius, percent=percent, threshold=0))

    return step


CHEAP: tuple[Step, ...] = (_sharpened, _smoothed, _on_light_ground)
ENLARGING: tuple[Step, ...] = (_enlarged(2, 6, 300), _enlarged(3, 0, 0), _enlarged(2, 3, 200))
"""Tried in this order after the plain pass; a bent code is unrolled between the two."""


def _ground_threshold(histogram: list[int]) -> int | None:
    """A level between the darkest modules and the ground, which fills most of the picture."""
    pixels = list(itertools.accumulate(histogram))
    darkest = bisect.bisect_left(pixels, pixels[-1] / _DARK_SHARE)
    ground = max(range(256), key=histogram.__getitem__)
    contrast = ground - darkest
    return darkest + contrast * 2 // 5 if contrast >= _MIN_CONTRAST else None


def _refuse() -> FormatError:
    return FormatError("The file is not a PNG, JPEG or WebP picture.", code="qr.picture")


def _too_large() -> FormatError:
    return FormatError("The picture has too many pixels.", code="qr.picture_size")
