"""Row Q-012: what pictures can hold besides one plain code."""

import io

import pytest
import qrcode
from PIL import Image, ImageOps
from qrcode import util

from eid.errors import FormatError
from eid.qr.credential import verify_credential
from eid.qr.printed import parse_printed
from eid.qr.render import plan, png
from eid.qr.scan import scan_picture


def drawn(code):
    code.make(fit=False)
    return code.make_image().get_image().convert("L")


def with_header(header, data, version=4):
    """A symbol whose bit stream starts with *header*, (value, bits) pairs; qrcode knows none."""
    code = qrcode.QRCode(version=version, border=4)
    code.add_data(util.QRData(data, mode=util.MODE_8BIT_BYTE))
    buffer = util.BitBuffer()
    for value, bits in header:
        buffer.put(value, bits)
    buffer.put(util.MODE_8BIT_BYTE, 4)
    buffer.put(len(data), 8)
    for octet in data:
        buffer.put(octet, 8)
    buffer.put(0, 4)
    blocks = util.base.rs_blocks(version, code.error_correction)
    room = sum(block.data_count for block in blocks) * 8
    while len(buffer) % 8:
        buffer.put_bit(False)
    for index in range((room - len(buffer)) // 8):
        buffer.put((0xEC, 0x11)[index % 2], 8)
    code.data_cache = util.create_bytes(buffer, blocks)
    return drawn(code)


def test_a_part_of_a_structured_append_sequence_verifies_as_nothing(es256, identity):
    text = es256.issue(identity).encode()
    for place, part in enumerate((text[:111], text[-111:])):
        picture = with_header([(3, 4), (place, 4), (1, 4), (0x5A, 8)], part, version=9)
        assert scan_picture(picture) == (part,)
        with pytest.raises(FormatError):
            verify_credential(part.decode(), es256.keys, at=es256.now)


def test_an_eci_changes_no_byte():
    text = "001090999999||Nguyễn Văn Thử|02031990|Nam|Hà Nội|04052021"
    for declared in (26, 3, 20):  # UTF-8; Latin-1 and Shift-JIS, both lies
        picture = with_header([(7, 4), (declared, 8)], text.encode(), version=8)
        assert scan_picture(picture) == (text.encode(),)


def test_bytes_that_are_not_utf_8_are_refused_by_the_reader_of_the_card():
    (found,) = scan_picture(with_header([(7, 4), (3, 8)], "Nguyễn".encode("utf-16-le")))
    with pytest.raises(FormatError):
        parse_printed(found)


def test_nul_bytes_stay():
    assert scan_picture(with_header([], b"a\0b")) == (b"a\0b",)


def test_an_inverted_code_is_read():
    picture = Image.open(io.BytesIO(png(plan("HELLO WORLD")))).convert("L")
    assert scan_picture(ImageOps.invert(picture)) == (b"HELLO WORLD",)


def test_the_largest_symbol_is_read_and_refused_for_print():
    text = "A" * 4296
    with pytest.raises(FormatError) as refusal:
        plan(text, error_correction="L")
    assert refusal.value.code == "qr.does_not_fit"
    symbol = plan(text, error_correction="L", max_version=40)
    picture = Image.open(io.BytesIO(png(symbol, module_px=4))).convert("L")
    assert scan_picture(picture) == (text.encode(),)


@pytest.mark.parametrize("writer", ["zxing-cpp", "qrcode"])
@pytest.mark.parametrize("level", ["L", "M", "Q", "H"])
def test_both_writers_draw_what_is_read_in_the_same_version(writer, level):
    text = "NCFOXN%TS3DH3ZSUZK+.V0ETD%65NL-AH-R6IOOK.IR9B+9G4G50PHZF0AT4V22F/8X*G3M9" * 3
    symbol = plan(text, error_correction=level, writer=writer)
    assert symbol.version == plan(text, error_correction=level, writer="qrcode").version
    picture = Image.open(io.BytesIO(png(symbol, module_px=3))).convert("L")
    assert scan_picture(picture) == (text.encode(),)


@pytest.mark.parametrize("writer", ["zxing-cpp", "qrcode"])
def test_what_no_symbol_holds_is_refused_by_both(writer):
    with pytest.raises(FormatError) as refusal:
        plan("A" * 5000, error_correction="L", max_version=40, writer=writer)
    assert refusal.value.facts == {"version": 0, "max_version": 40}
