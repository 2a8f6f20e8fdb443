"""Draw a text as a QR code that will scan (ISO/IEC 18004 §7, §9.1).

>>> symbol = plan("HELLO WORLD")
>>> symbol.version, symbol.modules, round(symbol.side_mm, 2)
(1, 21, 9.57)
>>> render_png("HELLO WORLD")[1:4]
b'PNG'

The print policy: a quiet zone of at least four modules, modules of at least 0.33 mm, version 25
at most. The same text gives the same bytes from the same writer: zxing-cpp where it is installed
(fifteen times as fast), else `qrcode`, whose only home this module is.
"""

from __future__ import annotations

import importlib.util
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import qrcode
from qrcode import constants
from qrcode.exceptions import DataOverflowError

from eid.errors import FormatError

MIN_QUIET_ZONE = 4
MIN_MODULE_MM = 0.33
MAX_PRINT_VERSION = 25
MAX_VERSION = 40
MAX_MODULE_PX = 64

ErrorCorrection: TypeAlias = Literal["L", "M", "Q", "H"]
Writer: TypeAlias = Literal["zxing-cpp", "qrcode"]
WRITER: Writer = "zxing-cpp" if importlib.util.find_spec("zxingcpp") else "qrcode"
"""The writer that is used unless another is named."""
_LEVELS: dict[ErrorCorrection, int] = {
    "L": constants.ERROR_CORRECT_L,
    "M": constants.ERROR_CORRECT_M,
    "Q": constants.ERROR_CORRECT_Q,
    "H": constants.ERROR_CORRECT_H,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A laid-out QR code: ``rows`` of modules without quiet zone, true for dark."""

    version: int
    error_correction: ErrorCorrection
    quiet_zone: int
    rows: Sequence[Sequence[bool]] = field(repr=False)

    @property
    def modules(self) -> int:
        """Modules along one side, without quiet zone."""
        return len(self.rows)

    @property
    def side_mm(self) -> float:
        """Smallest side to print it with, quiet zone included."""
        return (self.modules + 2 * self.quiet_zone) * MIN_MODULE_MM


def plan(
    text: str,
    *,
    error_correction: ErrorCorrection = "M",
    max_version: int = MAX_PRINT_VERSION,
    quiet_zone: int = MIN_QUIET_ZONE,
    writer: Writer = WRITER,
) -> Symbol:
    """Lay *text* out; ``FormatError`` ``qr.does_not_fit`` above *max_version*.

    ``facts``: ``version`` (needed, 0 if none suffices) and ``max_version``. Use M without a
    portrait, L with one, Q for paper that gets folded. ``ValueError`` below the quiet zone of
    the policy.
    """
    if quiet_zone < MIN_QUIET_ZONE:
        raise ValueError("a QR code needs a quiet zone of at least four modules")
    if not 1 <= max_version <= MAX_VERSION:
        raise ValueError("QR versions run from 1 to 40")
    lay_out = _by_zxing if writer == "zxing-cpp" else _by_qrcode
    rows = lay_out(text, error_correction, max_version)
    version = (len(rows) - 17) // 4
    if version > max_version:
        raise _does_not_fit(version, max_version)
    return Symbol(
        version=version,
        error_correction=error_correction,
        quiet_zone=quiet_zone,
        rows=rows,
    )


Rows: TypeAlias = Sequence[Sequence[bool]]


def _by_zxing(text: str, error_correction: ErrorCorrection, max_version: int) -> Rows:
    from eid.qr import zxing  # noqa: PLC0415 - of the extra `scan`

    try:
        return zxing.matrix(text, error_correction)
    except ValueError as e:
        raise _does_not_fit(0, max_version) from e


def _by_qrcode(text: str, error_correction: ErrorCorrection, max_version: int) -> Rows:
    code = qrcode.QRCode(error_correction=_LEVELS[error_correction], border=0)
    code.add_data(text, optimize=0)
    try:
        version = code.best_fit()
    except (DataOverflowError, ValueError) as e:
        raise _does_not_fit(0, max_version) from e
    if version > max_version:
        raise _does_not_fit(version, max_version)
    code.make(fit=False)
    rows: Rows = code.get_matrix()
    return rows


def render_png(
    text: str,
    *,
    module_px: int = 8,
    error_correction: ErrorCorrection = "M",
    max_version: int = MAX_PRINT_VERSION,
    quiet_zone: int = MIN_QUIET_ZONE,
) -> bytes:
    """Draw *text* as a black-and-white PNG; errors as `plan`. A camera wants ≥ 4 px per module."""
    symbol = plan(
        text,
        error_correction=error_correction,
        max_version=max_version,
        quiet_zone=quiet_zone,
    )
    return png(symbol, module_px=module_px)


def png(symbol: Symbol, *, module_px: int = 8) -> bytes:
    """Draw a planned symbol as a PNG of one bit per pixel (PNG 3rd edition §11.2)."""
    if not 1 <= module_px <= MAX_MODULE_PX:
        raise ValueError("a module is drawn with 1 to 64 pixels")
    side = (symbol.modules + 2 * symbol.quiet_zone) * module_px
    stride = (side + 7) // 8
    light = b"\x00" + b"\xff" * stride
    edge = light * (symbol.quiet_zone * module_px)
    lines = [_line(row, symbol.quiet_zone, module_px, stride) * module_px for row in symbol.rows]
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(b"".join((edge, *lines, edge)))),
            _chunk(b"IEND", b""),
        )
    )


def svg(symbol: Symbol, *, module_mm: float = MIN_MODULE_MM) -> str:
    """Draw a planned symbol as an SVG whose modules are *module_mm* wide on paper."""
    if module_mm < MIN_MODULE_MM:
        raise ValueError("modules below 0.33 mm do not scan reliably")
    zone, side = symbol.quiet_zone, symbol.modules + 2 * symbol.quiet_zone
    runs = [
        f"M{zone + start} {zone + y}h{end - start}v1H{zone + start}z"
        for y, row in enumerate(symbol.rows)
        for start, end in _runs(row)
    ]
    size = f"{side * module_mm:.2f}mm"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}"'
        f' viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{"".join(runs)}"/></svg>'
    )


def _line(row: Sequence[bool], quiet_zone: int, module_px: int, stride: int) -> bytes:
    """One filtered scan line: filter 0, then bits, 1 for light."""
    dark, light = "0" * module_px, "1" * module_px
    bits = light * quiet_zone + "".join([dark if module else light for module in row])
    return b"\x00" + int(bits.ljust(stride * 8, "1"), 2).to_bytes(stride, "big")


def _runs(row: Sequence[bool]) -> list[tuple[int, int]]:
    """Start and end of each run of dark modules."""
    edges = [
        x
        for x, (before, after) in enumerate(zip((False, *row), (*row, False), strict=True))
        if before != after
    ]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def _does_not_fit(version: int, max_version: int) -> FormatError:
    return FormatError(
        "The text does not fit into a QR code that would still scan.",
        code="qr.does_not_fit",
        version=version,
        max_version=max_version,
    )
