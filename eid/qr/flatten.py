"""Unroll a code that was printed on, or bent around, a cylinder: a bottle, a sleeve, a wrist band.

>>> from PIL import Image
>>> bent = Image.linear_gradient("L")
>>> next(flattened(bent, Box(64, 64, 192, 192))).size
(234, 249)

A decoder lays a flat grid over three finder patterns and reads past the modules between them.
The grid is right once columns are where they would be on paper: at the angle around the cylinder,
not at its sine. How strongly the surface bends is not known, so a few bends are tried.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Final

from PIL import Image

from eid.qr.zxing import Box

BENDS: Final = (0.85, 0.93, 0.65)
"""Half the code's width over the cylinder's radius."""
MIN_SIDE: Final = 24
MAX_PIXELS: Final = 4_000_000
_STRIPS: Final = 32
_ENLARGED: Final = 1.5
_MARGIN: Final = 0.15
_QUIET: Final = 0.06
"""The outline is that of the modules; the surface bends with its quiet zone."""
_MAX_ANGLE: Final = 1.5
_GROUND: Final = 200


def flattened(gray: Image.Image, box: Box) -> Iterator[Image.Image]:
    """*gray* around *box*, unrolled for each bend: first about an upright axis, then a lying one."""
    for turned in (False, True):
        picture = gray.transpose(Image.Transpose.TRANSPOSE) if turned else gray
        place = Box(box.top, box.left, box.bottom, box.right) if turned else box
        if min(place.right - place.left, place.bottom - place.top) < MIN_SIDE:
            return
        for bend in BENDS:
            yield _unrolled(picture, place, bend)


def _unrolled(picture: Image.Image, box: Box, bend: float) -> Image.Image:
    half = (box.right - box.left) / 2 * (1 + _QUIET)
    middle, reach = (box.left + box.right) / 2, half * (1 + _MARGIN)
    margin = _MARGIN * (box.bottom - box.top)
    top, bottom = max(0.0, box.top - margin), min(float(picture.height), box.bottom + margin)
    scale = min(_ENLARGED, math.sqrt(MAX_PIXELS / (2 * reach * (bottom - top))))
    width, height = int(2 * reach * scale), int((bottom - top) * scale)
    angle = math.asin(bend)

    def seen_at(x: int) -> float:
        """Where the camera saw the column that belongs at *x*."""
        turn = (x / scale - reach) / half * angle
        return middle + math.sin(max(-_MAX_ANGLE, min(_MAX_ANGLE, turn))) / bend * half

    edges = [width * strip // _STRIPS for strip in range(_STRIPS + 1)]
    strips = [
        ((left, 0, right, height), _corners(seen_at(left), seen_at(right), top, bottom))
        for left, right in itertools.pairwise(edges)
    ]
    return picture.transform(
        (width, height),
        Image.Transform.MESH,
        strips,
        Image.Resampling.BICUBIC,
        fillcolor=_GROUND,
    )


def _corners(left: float, right: float, top: float, bottom: float) -> tuple[float, ...]:
    """A quadrilateral as Pillow names it: north-west, south-west, south-east, north-east."""
    return (left, top, left, bottom, right, bottom, right, top)
