"""The chip's file system: what can be selected and read, and when (9303-10 §3.6, §4).

>>> files = ChipFiles({"EF.CardAccess": bytes.fromhex("3100")})
>>> files.select_file(0x011C, granted=False)
>>> files.read(0, 2).hex()
'3100'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from eid.testing.softcard_apdu import (
    SW_NO_CURRENT_FILE,
    SW_NOT_FOUND,
    SW_SECURITY_STATUS,
    SW_WRONG_OFFSET,
    Refused,
)

APPLICATION: Final = bytes.fromhex("A0000002471001")
_CARD_ACCESS: Final = "EF.CardAccess"
_NAMES: Final = {0x1C: _CARD_ACCESS, 0x1D: "EF.SOD", 0x1E: "EF.COM"} | {
    number: f"EF.DG{number}" for number in range(1, 17)
}
_LOCKED: Final = frozenset({"EF.DG3", "EF.DG4"})


class ChipFiles:
    """Files by name with one selection; EF.CardAccess is free, all else needs PACE."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._in_application = False
        self._current: str | None = None

    def select_application(self, identifier: bytes) -> None:
        """Select the travel-document application; any other is not found."""
        if identifier != APPLICATION:
            raise Refused(SW_NOT_FOUND)
        self._in_application = True
        self._current = None

    def select_file(self, file_id: int, *, granted: bool) -> None:
        """Select an elementary file by its two-byte identifier."""
        name = _NAMES.get(file_id & 0xFF) if file_id >> 8 == 0x01 else None
        self._current = self._usable(name, granted=granted)

    def select_short(self, short_id: int, *, granted: bool) -> None:
        """Select an elementary file by its short identifier, as READ BINARY does."""
        self._current = self._usable(_NAMES.get(short_id), granted=granted)

    def read(self, offset: int, most: int) -> bytes:
        """Up to ``most`` bytes of the selected file from ``offset``."""
        if self._current is None:
            raise Refused(SW_NO_CURRENT_FILE)
        content = self._files[self._current]
        if offset >= len(content):
            raise Refused(SW_WRONG_OFFSET)
        return content[offset : offset + most]

    def _usable(self, name: str | None, *, granted: bool) -> str:
        if name == _CARD_ACCESS:
            return self._present(name)
        if not granted:
            raise Refused(SW_SECURITY_STATUS)
        if name in _LOCKED and name in self._files:
            raise Refused(SW_SECURITY_STATUS)
        if name is None or not self._in_application:
            raise Refused(SW_NOT_FOUND)
        return self._present(name)

    def _present(self, name: str) -> str:
        if name not in self._files:
            raise Refused(SW_NOT_FOUND)
        return name
