"""Pages of a PDF as pictures, for codes that arrive by mail (ISO 32000-2; PDFium).

>>> from PIL import Image
>>> import io
>>> file = io.BytesIO()
>>> Image.new("L", (60, 40), 255).save(file, "PDF")
>>> [page.size for page in pages(file.getvalue())]
[(120, 80)]

This module is the only home of `pypdfium2`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

import pypdfium2
from PIL import Image

from eid.errors import FormatError

MAX_FILE: Final = 16 << 20
MAX_PAGES: Final = 20
MAX_PAGE_PIXELS: Final = 12_000_000
SCALE: Final = 2.0
"""Pixels per point: 144 per inch, at which modules of 0.33 mm are two pixels wide."""


def is_pdf(data: bytes) -> bool:
    """Whether *data* begins as a PDF does."""
    return data.startswith(b"%PDF-")


def pages(data: bytes) -> Iterator[Image.Image]:
    """Each page as a gray picture, drawn when it is asked for; very large pages smaller.

    ``FormatError``: ``qr.picture`` for a file that is no readable PDF, ``qr.picture_size`` for
    one with more than `MAX_PAGES` pages or `MAX_FILE` bytes, before any page is drawn.
    """
    if len(data) > MAX_FILE:
        raise FormatError("The PDF is too large.", code="qr.picture_size")
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as e:
        raise _refuse() from e
    with contextlib.closing(document):
        if len(document) > MAX_PAGES:
            raise FormatError("The PDF has too many pages.", code="qr.picture_size")
        for index in range(len(document)):
            yield _drawn(document, index)


def _drawn(document: pypdfium2.PdfDocument, index: int) -> Image.Image:
    try:
        page = document[index]
        width, height = page.get_size()
        area = max(1.0, width * height)
        scale = min(SCALE, (MAX_PAGE_PIXELS / area) ** 0.5)
        picture: Image.Image = page.render(scale=scale, grayscale=True).to_pil().convert("L")
    except (pypdfium2.PdfiumError, ValueError, MemoryError) as e:
        raise _refuse() from e
    return picture


def _refuse() -> FormatError:
    return FormatError("The file is no PDF that can be shown.", code="qr.picture")
