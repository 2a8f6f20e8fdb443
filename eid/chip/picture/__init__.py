"""Decode a picture of a card, in a child process with limits on memory and time.

Opt-in: reading and judging never decode anything. What comes out is a PNG made by us, so that
whoever shows it meets no JPEG 2000 of a stranger. The child has no more rights than its parent:
the limits hold bombs and endless loops, and a crash stays there.

>>> decode(b"neither JPEG nor JPEG 2000")
Traceback (most recent call last):
    ...
eid.errors.FormatError: The picture cannot be decoded.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from typing import Final

from eid.chip.picture.child import NO_PILLOW
from eid.errors import FormatError, SettingsError

MAX_INPUT: Final = 1 << 20
MAX_SIDE: Final = 4096
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_IHDR: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A decoded picture as PNG, with its size in pixels."""

    width: int
    height: int
    png: bytes = field(repr=False)


def decode(image: bytes, *, seconds: float = 5.0, memory_mib: int = 512) -> Picture:
    """Decode JPEG or JPEG 2000 (at most 1 MiB, 4,096 pixels a side) into a PNG.

    FormatError ``image.decode``: it is no picture; ``image.limits``: it took more time, memory or
    room than it may. SettingsError ``image.no_pillow``: Pillow is not installed.
    """
    if not 0 < len(image) <= MAX_INPUT:
        raise FormatError("The picture has an impossible size.", code="image.limits")
    command = [sys.executable, "-m", "eid.chip.picture.child", str(seconds), str(memory_mib)]
    command.append(str(MAX_SIDE))
    try:
        done = subprocess.run(  # noqa: S603 - our own module, numbers as arguments
            command, input=image, capture_output=True, timeout=seconds + 5, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _limits() from error
    if done.returncode == NO_PILLOW:
        raise SettingsError("Decoding pictures needs Pillow.", code="image.no_pillow")
    if done.returncode < 0:
        raise _limits()
    png = done.stdout
    if done.returncode != 0 or len(png) < _IHDR or not png.startswith(_PNG):
        raise FormatError("The picture cannot be decoded.", code="image.decode")
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise _limits()
    return Picture(width=width, height=height, png=png)


def _limits() -> FormatError:
    return FormatError("The picture took more than it may.", code="image.limits")
