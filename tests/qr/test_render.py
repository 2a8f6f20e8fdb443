import struct
import zlib

import pytest
import zxingcpp
from PIL import Image

from eid.errors import FormatError
from eid.qr import render
from eid.qr.scan import scan_image


@pytest.mark.parametrize(
    ("version", "side_mm"), [(9, 20.13), (13, 25.41), (15, 28.05), (22, 37.29), (27, 43.89)]
)
def test_sides_on_paper(version, side_mm):
    """The table of facts/qr: module 0.33 mm, quiet zone included."""
    rows = [[False] * (17 + 4 * version)] * (17 + 4 * version)
    symbol = render.Symbol(version=version, error_correction="M", quiet_zone=4, rows=rows)
    assert symbol.side_mm == pytest.approx(side_mm)


@pytest.mark.parametrize(
    ("level", "holds"), [("L", 395), ("M", 311), ("Q", 221), ("H", 174)]
)  # capacity of version 10, alphanumeric (ISO/IEC 18004 table 7)
def test_versions_by_capacity(level, holds):
    assert render.plan("A" * holds, error_correction=level).version == 10
    assert render.plan("A" * (holds + 1), error_correction=level).version == 11


def test_base45_uses_the_alphanumeric_mode():
    assert render.plan("0123456789 $%*+-./:ABC" * 14).version == 10


def test_q012_what_does_not_fit_is_a_typed_error():
    with pytest.raises(FormatError) as refusal:
        render.plan("A" * 1900)
    assert refusal.value.code == "qr.does_not_fit"
    assert refusal.value.facts == {"version": 30, "max_version": 25}
    assert render.plan("A" * 1900, max_version=40).version == 30
    for beyond in ("A" * 3392, "é" * 4000):
        with pytest.raises(FormatError) as refusal:
            render.render_png(beyond, max_version=40)
        assert refusal.value.facts["version"] == 0


def test_the_print_policy_is_not_optional():
    for options in ({"quiet_zone": 3}, {"quiet_zone": 0}, {"max_version": 0}, {"max_version": 41},
                    {"module_px": 0}, {"module_px": 65}):  # fmt: skip
        with pytest.raises(ValueError, match=r"quiet zone|versions|pixels"):
            render.render_png("TEXT", **options)
    with pytest.raises(ValueError, match=r"0\.33"):
        render.svg(render.plan("TEXT"), module_mm=0.3)


@pytest.mark.parametrize("module_px", [1, 3, 4, 8])
def test_png_is_exact_and_deterministic(module_px, tmp_path):
    data = render.render_png("TEXT", module_px=module_px, quiet_zone=5)
    assert data == render.render_png("TEXT", module_px=module_px, quiet_zone=5)
    (tmp_path / "code.png").write_bytes(data)
    picture = Image.open(tmp_path / "code.png")
    assert picture.size == ((21 + 10) * module_px,) * 2
    assert picture.mode == "1"
    rows = render.plan("TEXT").rows
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            at = ((x + 5) * module_px, (y + 5) * module_px)
            corner = (at[0] + module_px - 1, at[1] + module_px - 1)
            assert picture.getpixel(at) == picture.getpixel(corner) == (0 if dark else 255)
    assert set(picture.crop((0, 0, picture.width, 5 * module_px)).get_flattened_data()) == {255}


def test_png_chunks_are_sound():
    data = render.render_png("TEXT")[8:]
    kinds = []
    while data:
        (length,) = struct.unpack(">I", data[:4])
        kinds.append(data[4:8])
        assert struct.unpack(">I", data[8 + length : 12 + length])[0] == zlib.crc32(
            data[4 : 8 + length]
        )
        data = data[12 + length :]
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]


@pytest.mark.parametrize(
    "text", ["HELLO WORLD", "Nguyễn Thị Minh Thử", "0" * 100, "A" * 900, '<&>"']
)
def test_pictures_read_back(text):
    assert scan_image(render.render_png(text, module_px=4)) == (text.encode(),)


def test_svg_draws_the_same_modules():
    symbol = render.plan("TEXT")
    drawing = render.svg(symbol)
    assert 'width="9.57mm"' in drawing
    assert 'viewBox="0 0 29 29"' in drawing
    picture = Image.new("L", (29 * 6, 29 * 6), 255)
    path = drawing.split('d="')[-1].split('"')[0]
    for run in path.split("z")[:-1]:
        start, width = run.removeprefix("M").split("h")
        x, y = map(int, start.split())
        length = int(width.split("v")[0])
        picture.paste(0, (x * 6, y * 6, (x + length) * 6, (y + 1) * 6))
    (found,) = zxingcpp.read_barcodes(picture)
    assert found.bytes == b"TEXT"
