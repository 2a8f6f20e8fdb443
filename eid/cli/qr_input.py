"""What the `eid qr` commands take: a code as text, from standard input, or inside a picture."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from eid.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eid.keys import JSON
    from eid.qr.issuers import IssuerKey

MAX_TEXT = 8 * 1024
MAX_PICTURE = 64 << 20


def code(text: str) -> str:
    """As `content`, for codes that are text; FormatError ``printed.utf8`` for others."""
    return decoded(content(text))


def content(text: str) -> bytes:
    """The one code that *text* names: itself, ``-`` for standard input, or a picture's path.

    ``FormatError`` ``input.code`` when a picture holds none or several.
    """
    if text != "-" and _is_file(text):
        found = codes_in(Path(text))
        if len(found) != 1:
            raise FormatError(
                f"The picture holds {len(found)} codes; expected is one.", code="input.code"
            )
        return found[0]
    if text == "-":
        text = sys.stdin.read(MAX_TEXT + 1).rstrip("\r\n")
    if not text or len(text) > MAX_TEXT:
        raise FormatError("There is no code of a usable length.", code="input.code")
    try:
        return text.encode()
    except UnicodeEncodeError as e:
        raise FormatError("The code is not UTF-8 text.", code="printed.utf8") from e


def codes_in(file: Path) -> tuple[bytes, ...]:
    """Every QR code in a picture or PDF, or else every DataMatrix; FormatError, OSError."""
    from eid.qr.scan import scan_image, scan_seals

    with file.open("rb") as stream:
        data = stream.read(MAX_PICTURE + 1)
    return scan_image(data) or scan_seals(data)


def decoded(content: bytes) -> str:
    """A code's bytes as text; FormatError ``printed.utf8`` if they are none."""
    try:
        return content.decode()
    except UnicodeDecodeError as e:
        raise FormatError("The code is not UTF-8 text.", code="printed.utf8") from e


def issuer_keys(files: Sequence[Path]) -> tuple[IssuerKey, ...]:
    """The keys in files ``{"issuer": URL, "keys": [JWK …]}``."""
    from eid.cli.qr_verifier import read_issuer_keys

    return tuple(key for file in files for key in read_issuer_keys(file))


def plain(value: object) -> JSON:
    """A value of ours as JSON: dates in ISO form, bytes in hexadecimal."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value if isinstance(value, str | int | bool | None) else str(value)


def _is_file(text: str) -> bool:
    try:
        return len(text) < 1024 and Path(text).is_file()
    except (OSError, ValueError):
        return False
