import io
import random
import struct
import unicodedata
import zlib

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageFilter

from eid.errors import FormatError
from eid.qr import scan
from eid.qr.render import render_png
from eid.qr.scan import scan_image, scan_picture


def picture(text="HELLO WORLD", **options):
    return Image.open(io.BytesIO(render_png(text, **options))).convert("L")


def saved(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_reads_the_named_formats(kind, mode):
    assert scan_image(saved(picture().convert(mode), kind)) == (b"HELLO WORLD",)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM"])
def test_other_formats_are_refused(kind):
    with pytest.raises(FormatError) as refusal:
        scan_image(saved(picture(), kind))
    assert refusal.value.code == "qr.picture"


def test_transparency_lies_on_white():
    code = picture().convert("RGBA")
    dark = code.split()[0].point(lambda level: 255 - level)
    code.putalpha(dark)
    clear = Image.composite(code, Image.new("RGBA", code.size, (0, 0, 0, 0)), dark)
    assert scan_image(saved(clear)) == (b"HELLO WORLD",)


def test_several_codes_in_one_picture_once_each():
    one, two = picture("ONE", module_px=4), picture("TWO", module_px=4)
    sheet = Image.new("L", (one.width * 3, one.height), 255)
    for at, code in enumerate((one, two, one)):
        sheet.paste(code, (at * one.width, 0))
    assert sorted(scan_picture(sheet)) == [b"ONE", b"TWO"]


def test_no_code_is_an_empty_answer():
    assert scan_picture(Image.new("L", (200, 100), 128)) == ()
    assert scan_picture(Image.new("L", (1, 1), 0)) == ()


SURNAMES = [
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Hoàng",
    "Huỳnh",
    "Vũ",
    "Võ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Ngô",
]
GIVEN = [
    "Thử",
    "Mẫu",
    "Ước Định",
    "Quỳnh Như",
    "Hữu Nghĩa",
    "Thuỳ Dương",
    "Ánh",
    "Bảo Khuê",
    "Ỷ Lan",
]
PLACES = ["Xã Quỳnh Phụ, Huyện Mỹ Đức, Hà Nội", "Phường Ỷ La, Tuyên Quang", "Ấp Đông Hưng, Cà Mau"]


def test_vietnamese_card_strings_are_exact():
    """UTF-8 without ECI: where decoders guess another character set (facts/qr §5)."""
    choose = random.Random(20261121).choice
    for index in range(60):
        name = f"{choose(SURNAMES)} {choose(GIVEN)} {choose(GIVEN)}"
        text = f"0010909{index:05}||{name}|02031990|Nữ|Thôn {index}, {choose(PLACES)}|04052021"
        form = "NFC" if index % 5 else "NFD"
        text = unicodedata.normalize(form, text)
        assert scan_image(render_png(text, module_px=3)) == (text.encode(),)


def test_bytes_come_back_as_they_are():
    for content in ("a\0b", "\ufeffx", "ﾌﾟ", "\u202e"):
        assert scan_image(render_png(content)) == (content.encode(),)


def test_inverted_and_turned_codes_are_read():
    code = picture()
    assert scan_picture(Image.eval(code, lambda level: 255 - level)) == (b"HELLO WORLD",)
    assert scan_picture(code.rotate(37, expand=True, fillcolor=255)) == (b"HELLO WORLD",)


def without_quiet_zone(ground, noise=3, angle=2.5):
    code = picture("048198007321", module_px=5)
    bare = code.crop((20, 20, code.width - 20, code.height - 20)).point(
        lambda v: 30 if v < 128 else 225
    )
    sheet = Image.new("L", (400, 300), ground)
    turned = bare.rotate(angle, expand=True, fillcolor=0, resample=Image.Resampling.BILINEAR)
    mask = Image.new("L", bare.size, 255).rotate(angle, expand=True)
    sheet.paste(turned, (140, 80), mask)
    grain = Image.effect_noise(sheet.size, noise * 2)
    return Image.blend(sheet, grain, 0.08)


@pytest.mark.parametrize("ground", [45, 60, 90])
def test_a_missing_quiet_zone_on_dark_ground_needs_the_cascade(ground):
    frame = without_quiet_zone(ground)
    assert scan_picture(frame, thorough=False) == ()
    assert scan_picture(frame) == (b"048198007321",)


def test_blur_needs_the_cascade():
    code = picture("A" * 80, module_px=6).filter(ImageFilter.GaussianBlur(3.6))
    assert scan_picture(code, thorough=False) == ()
    assert scan_picture(code) == (b"A" * 80,)


def test_enlarging_is_bounded():
    large = Image.new("L", (4000, 3000), 255)
    sizes = [
        variant.size
        for step in (*scan.CHEAP, *scan.ENLARGING)
        if (variant := step(large)) is not None
    ]
    assert max(width * height for width, height in sizes) <= 12_000_000


def test_filters_work_on_a_bounded_picture():
    for size in ((6000, 4000), (30_000, 300), (1, 9_000_000), (200, 100)):
        width, height = scan._bounded(Image.new("L", size)).size
        assert width * height <= 8_000_000


def png_of(width, height):
    """A PNG that announces a size and holds no pixels."""

    def chunk(kind, content):
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")  # fmt: skip


@pytest.mark.parametrize(
    "size", [(8000, 5001), (10_000, 10_000), (20_000, 10_000), (65_000, 65_000)]
)
def test_q012_huge_pictures_are_refused_before_decoding(size):
    with pytest.raises(FormatError) as refusal:
        scan_image(png_of(*size))
    assert refusal.value.code == "qr.picture_size"


def test_the_pixel_cap_is_the_callers():
    with pytest.raises(FormatError):
        scan_image(saved(picture()), max_pixels=100)


def test_huge_files_are_refused(monkeypatch):
    monkeypatch.setattr(scan, "MAX_FILE", 10)
    with pytest.raises(FormatError) as refusal:
        scan_image(saved(picture()))
    assert refusal.value.code == "qr.picture_size"


def test_damaged_pictures_are_refused():
    for kind in ("PNG", "JPEG", "WEBP"):
        whole = saved(picture(), kind)
        for data in (b"", whole[:20], whole[: len(whole) // 2], b"x" + whole):
            with pytest.raises(FormatError):
                scan_image(data)


GOOD = [saved(picture("X", module_px=2), kind) for kind in ("PNG", "JPEG", "WEBP")]


@settings(deadline=None)
@given(st.sampled_from(GOOD), st.data())
def test_any_bytes_are_a_picture_or_refused(good, data):
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = scan_image(bytes(changed), thorough=False, max_pixels=1_000_000)
    except FormatError:
        return
    assert found in ((), (b"X",))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBX"])
def test_camera_frames_are_arrays_of_bytes(mode):
    frame = picture().convert(mode)
    shape = (frame.height, frame.width, *((len(mode),) if mode != "L" else ()))
    view = memoryview(frame.tobytes()).cast("B", shape)
    assert scan.scan_frame(view) == (b"HELLO WORLD",)


@pytest.mark.parametrize(
    "frame",
    [b"flat", memoryview(bytes(12)).cast("B", (2, 3, 2)), memoryview(bytes(16)).cast("I", (2, 2)),
     memoryview(bytes(24)).cast("B", (1, 2, 3, 4))],
)  # fmt: skip
def test_frames_of_another_shape_are_refused(frame):
    with pytest.raises(FormatError) as refusal:
        scan.scan_frame(frame)
    assert refusal.value.code == "qr.picture"


def test_frames_have_the_pixel_cap():
    frame = memoryview(bytes(scan.MAX_PIXELS + 8)).cast("B", (2, scan.MAX_PIXELS // 2 + 4))
    with pytest.raises(FormatError) as refusal:
        scan.scan_frame(frame)
    assert refusal.value.code == "qr.picture_size"
