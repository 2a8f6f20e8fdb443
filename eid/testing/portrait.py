"""A drawn face as JPEG: the portrait of a person who does not exist (Pillow only).

>>> jpeg = draw_portrait("001090999999")
>>> jpeg[:3].hex(), jpeg == draw_portrait("001090999999")
('ffd8ff', True)
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

WIDTH: Final = 420
HEIGHT: Final = 560
_SCALE = 2
_SKIN = ((236, 200, 170), (224, 184, 150), (205, 162, 128), (190, 146, 112))
_HAIR = ((30, 26, 24), (46, 36, 30), (70, 58, 50), (120, 116, 112))
_CLOTH = ((60, 80, 120), (110, 60, 70), (60, 100, 80), (90, 90, 100))
_BACKGROUND = (225, 230, 236)

_Colour = tuple[int, int, int]


@lru_cache(maxsize=32)
def draw_portrait(seed: str, *, quality: int = 82) -> bytes:
    """JPEG of 420x560 pixels, about 18 kB; the same seed and Pillow give the same bytes."""
    out = BytesIO()
    _picture(seed).save(out, "JPEG", quality=quality, dpi=(300, 300))
    return out.getvalue()


@lru_cache(maxsize=8)
def draw_jpeg_2000(seed: str, *, box: bool = True) -> bytes:
    """The same picture in JPEG 2000, in its box format or as a raw codestream."""
    out = BytesIO()
    _picture(seed).save(out, "JPEG2000", no_jp2=not box, quality_mode="rates", quality_layers=[40])
    return out.getvalue()


def _picture(seed: str) -> Image.Image:
    dice = sha256(seed.encode()).digest()
    picture = Image.new("RGB", (WIDTH * _SCALE, HEIGHT * _SCALE), _BACKGROUND)
    _draw_body(ImageDraw.Draw(picture), dice)
    _draw_face(ImageDraw.Draw(picture), dice)
    grain = _grain(dice)
    small = picture.filter(ImageFilter.GaussianBlur(1.5)).resize((WIDTH, HEIGHT))
    return Image.blend(small, grain, 0.04)


def _draw_body(draw: ImageDraw.ImageDraw, dice: bytes) -> None:
    cloth, hair, skin = _CLOTH[dice[0] % 4], _HAIR[dice[1] % 4], _SKIN[dice[2] % 4]
    _oval(draw, (-40, 430, 460, 760), cloth)
    _oval(draw, (88, 70, 332, 330 + dice[3] % 120), hair)
    _oval(draw, (160, 350, 260, 500), _darker(skin))


def _draw_face(draw: ImageDraw.ImageDraw, dice: bytes) -> None:
    skin, hair = _SKIN[dice[2] % 4], _HAIR[dice[1] % 4]
    wide = dice[4] % 14
    _oval(draw, (86, 240, 116, 300), _darker(skin))
    _oval(draw, (304, 240, 334, 300), _darker(skin))
    _oval(draw, (104 - wide, 110, 316 + wide, 420), skin)
    _oval(draw, (112, 84, 308, 180), hair)
    gap = 44 + dice[5] % 10
    for side in (-1, 1):
        x = WIDTH // 2 + side * gap
        _oval(draw, (x - 20, 242, x + 20, 262), (250, 250, 248))
        _oval(draw, (x - 9, 242, x + 9, 262), (40, 30, 26))
        _oval(draw, (x - 26, 220, x + 26, 230 + dice[6] % 4), hair)
    _oval(draw, (196, 262, 224, 318 + dice[7] % 12), _darker(skin))
    _oval(draw, (172, 348, 248, 362 + dice[8] % 10), (170, 96, 92))


def _grain(dice: bytes) -> Image.Image:
    block = b"".join(sha256(dice + bytes([row])).digest() for row in range(160))
    return Image.frombytes("L", (64, 80), block).resize((WIDTH, HEIGHT)).convert("RGB")


def _oval(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], colour: _Colour) -> None:
    draw.ellipse([edge * _SCALE for edge in box], fill=colour)


def _darker(colour: _Colour) -> _Colour:
    return (colour[0] * 9 // 10, colour[1] * 9 // 10, colour[2] * 9 // 10)
