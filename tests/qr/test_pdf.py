import io

import pypdfium2
import pytest
from PIL import Image

from eid.errors import FormatError
from eid.qr import pdf
from eid.qr.render import render_png
from eid.qr.scan import scan_image


def document(*pages, **options):
    file = io.BytesIO()
    pages[0].save(file, "PDF", save_all=True, append_images=pages[1:], **options)
    return file.getvalue()


def blank(width=60, height=40):
    return Image.new("L", (width, height), 255)


def code(text):
    return Image.open(io.BytesIO(render_png(text))).convert("L")


def test_codes_of_all_pages_once_each():
    assert scan_image(document(code("ONE"), blank(), code("TWO"), code("ONE"))) == (b"ONE", b"TWO")


def test_a_thousand_pages_are_refused_before_one_is_drawn(monkeypatch):
    made = pypdfium2.PdfDocument.new()
    for _ in range(1000):
        made.new_page(60, 40)
    file = io.BytesIO()
    made.save(file)
    monkeypatch.setattr(pdf, "_drawn", lambda *_: pytest.fail("a page was drawn"))
    with pytest.raises(FormatError) as refusal:
        scan_image(file.getvalue())
    assert refusal.value.code == "qr.picture_size"


def test_huge_pages_are_drawn_small():
    made = pypdfium2.PdfDocument.new()
    made.new_page(14_000, 14_000)
    file = io.BytesIO()
    made.save(file)
    (page,) = pdf.pages(file.getvalue())
    assert page.width * page.height <= pdf.MAX_PAGE_PIXELS * 1.01


@pytest.mark.parametrize("data", [b"%PDF-", b"%PDF-1.7\n%%EOF", document(blank())[:200]])
def test_broken_files_are_refused(data):
    with pytest.raises(FormatError) as refusal:
        list(pdf.pages(data))
    assert refusal.value.code == "qr.picture"


def test_files_have_a_cap():
    with pytest.raises(FormatError) as refusal:
        list(pdf.pages(b"%PDF-" + bytes(pdf.MAX_FILE)))
    assert refusal.value.code == "qr.picture_size"
    assert pdf.is_pdf(b"%PDF-1.7")
