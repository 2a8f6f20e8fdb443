r"""Text that may be shown: bounded, NFC, nothing hidden in it (Unicode TR 36 §3.1; UAX 9 §2).

>>> shown_text("Nguye\u0302\u0303n", max_chars=50) == "Nguy\u1ec5n"
True
>>> warnings_of("=HYPERLINK(1)")
('text.formula',)

Control characters, direction marks and other invisible characters are refused. Markup and
spreadsheet formulas are data: they get a warning, and whoever shows them escapes them.
"""

from __future__ import annotations

import re
import unicodedata

from eid.errors import FormatError

_HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
_FORMULA = frozenset("=+-@")


def shown_text(text: str, *, max_chars: int, lines: bool = False) -> str:
    r"""Normalise *text* to NFC; ``FormatError`` ``qr.text`` if it hides something or is too long.

    A line feed passes only with *lines*.
    """
    if len(text) > max_chars:
        raise FormatError("A text is longer than its field allows.", code="qr.text")
    if not text.isprintable() and (_HIDDEN.search(text) or (not lines and "\n" in text)):
        raise FormatError("A text holds control or invisible characters.", code="qr.text")
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def warnings_of(text: str) -> tuple[str, ...]:
    """Names of what an output must escape: ``text.markup``, ``text.formula``."""
    if "<" in text or ">" in text:
        return ("text.markup", "text.formula") if text[0] in _FORMULA else ("text.markup",)
    return ("text.formula",) if text[:1] in _FORMULA else ()
