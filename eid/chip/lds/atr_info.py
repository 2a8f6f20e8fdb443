"""EF.ATR/INFO: what the card says of its lengths (ISO/IEC 7816-4 §12.1.2; 9303-10 §3.11.3).

>>> info = parse_atr_info(bytes.fromhex("7F6608 02020400 02020800 4703D0D2E0".replace(" ", "")))
>>> info.max_command, info.max_response, info.extended
(1024, 2048, True)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eid import tlv
from eid.chip.lds.template import objects
from eid.errors import FormatError

FID, SFI = 0x2F01, 0x01
_LENGTHS: Final = 0x7F66
_CAPABILITIES: Final = 0x47
_EXTENDED: Final = 0x40
_CHAINING: Final = 0x80
_MAX_SIZE: Final = 1024
_MAX_LENGTH: Final = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class AtrInfo:
    """Longest command and answer in bytes, 0 where not said; None: no word on it."""

    max_command: int = 0
    max_response: int = 0
    extended: bool | None = None
    chaining: bool | None = None


def parse_atr_info(data: bytes) -> AtrInfo:
    """Read the data objects of the file; unknown ones mean nothing. Raises ``FormatError``."""
    if len(data) > _MAX_SIZE:
        raise FormatError("EF.ATR/INFO is too long.", code="atr_info.size")
    items = objects(data)
    lengths = tlv.find(items, _LENGTHS)
    capabilities = tlv.find(items, _CAPABILITIES)
    command, response = _lengths(lengths) if lengths else (0, 0)
    third = capabilities.value[2] if capabilities and len(capabilities.value) > 2 else None
    return AtrInfo(
        max_command=command,
        max_response=response,
        extended=None if third is None else bool(third & _EXTENDED),
        chaining=None if third is None else bool(third & _CHAINING),
    )


def _lengths(item: tlv.Tlv) -> tuple[int, int]:
    numbers = [int.from_bytes(part.value, "big") for part in item.children(ber=True)]
    if len(numbers) != 2 or max(numbers) >= _MAX_LENGTH:
        raise FormatError("EF.ATR/INFO has impossible lengths.", code="atr_info.lengths")
    return numbers[0], numbers[1]
