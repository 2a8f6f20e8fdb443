import io
import math

import pytest
from PIL import Image

from eid.qr import flatten, zxing
from eid.qr.render import plan, png
from eid.qr.scan import scan_picture
from eid.qr.zxing import Box

TEXT = "048198007321|201998877|Trương Thị Ngọc Ánh|07081998|Nữ|Xã Quỳnh Phụ, Huyện Mỹ Đức|19112022"


def flat(text=TEXT, error_correction="M"):
    data = png(plan(text, error_correction=error_correction), module_px=5)
    return Image.open(io.BytesIO(data)).convert("L")


def bent(picture, bend, size=(640, 480)):
    """What a camera sees of *picture* around an upright cylinder; drawn column by column."""
    ground = Image.new("L", size, 190)
    left, top = (size[0] - picture.width) // 2, (size[1] - picture.height) // 2
    half = picture.width / 2
    for x in range(picture.width):
        column = half + math.asin((x + 0.5 - half) / half * bend) / math.asin(bend) * half
        strip = picture.crop((int(column), 0, int(column) + 1, picture.height))
        ground.paste(strip, (left + x, top))
    return ground


@pytest.mark.parametrize("bend", [0.8, 0.9])
@pytest.mark.parametrize("turned", [False, True])
def test_a_bent_code_is_read_where_the_decoder_alone_fails(bend, turned):
    picture = bent(flat(), bend)
    if turned:
        picture = picture.transpose(Image.Transpose.ROTATE_90)
    assert zxing.read(picture) == ()
    assert zxing.outline(picture) is not None
    assert scan_picture(picture) == (TEXT.encode(),)
    assert scan_picture(picture, thorough=False) == ()


def test_a_picture_without_a_finder_pattern_has_no_outline():
    assert zxing.outline(Image.linear_gradient("L")) is None


def test_each_axis_and_bend_is_tried_once():
    gray = Image.linear_gradient("L")
    assert len(list(flatten.flattened(gray, Box(10, 10, 200, 200)))) == 2 * len(flatten.BENDS)
    assert not list(flatten.flattened(gray, Box(10, 10, 20, 200)))


def test_large_codes_are_unrolled_at_a_bounded_size():
    gray = Image.new("L", (4000, 3000), 255)
    sizes = [one.size for one in flatten.flattened(gray, Box(0, 0, 4000, 3000))]
    assert all(width * height <= flatten.MAX_PIXELS * 1.01 for width, height in sizes)
