"""The chip's file system: what can be selected and read, where and when (9303-10 §3.6, §4).

The master file holds EF.CardAccess, EF.CardSecurity, EF.ATR/INFO and EF.DIR, the travel-document
application everything else; one short identifier means different files in the two.

>>> files = ChipFiles({"EF.CardAccess": bytes.fromhex("3100")})
>>> files.select_file(0x011C, files.FREE)
>>> files.read(0, 2).hex()
'3100'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from eid.testing.softcard_apdu import (
    SW_NO_CURRENT_FILE,
    SW_NOT_FOUND,
    SW_SECURITY_STATUS,
    SW_WRONG_OFFSET,
    Refused,
)
from eid.testing.softcard_certificates import READ_DG3, READ_DG4

APPLICATION: Final = bytes.fromhex("A0000002471001")
_CARD_ACCESS: Final = "EF.CardAccess"
_APPLICATION_FILES: Final = {0x011D: "EF.SOD", 0x011E: "EF.COM"} | {
    0x0100 + number: f"EF.DG{number}" for number in range(1, 17)
}
_MASTER_FILES: Final = {
    0x011C: _CARD_ACCESS,
    0x011D: "EF.CardSecurity",
    0x2F00: "EF.DIR",
    0x2F01: "EF.ATR/INFO",
}
_MASTER_SHORT: Final = {0x1C: 0x011C, 0x1D: 0x011D, 0x1E: 0x2F00, 0x01: 0x2F01}
_SHARED: Final = 0x011C  # EF.CVCA in the application, where many cards answer with EF.CardAccess
_FREE_FILES: Final = frozenset({_CARD_ACCESS, "EF.DIR", "EF.ATR/INFO"})
_RIGHTS: Final = {"EF.DG3": READ_DG3, "EF.DG4": READ_DG4}


@dataclass(frozen=True, slots=True)
class Rights:
    """What was proven: ``granted`` by PACE or BAC, ``biometrics`` by Terminal Authentication."""

    granted: bool = False
    biometrics: int = 0


class ChipFiles:
    """Files by name with one selection; without rights only a few of the master file's."""

    FREE: ClassVar[Rights] = Rights()
    GRANTED: ClassVar[Rights] = Rights(granted=True)

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._in_application = False
        self._current: str | None = None

    @property
    def current(self) -> str | None:
        """Name of the selected elementary file."""
        return self._current

    def select_master(self) -> None:
        """Go back to the master file."""
        self._in_application = False
        self._current = None

    def select_application(self, identifier: bytes) -> None:
        """Select the travel-document application; any other is not found."""
        if identifier != APPLICATION:
            raise Refused(SW_NOT_FOUND)
        self._in_application = True
        self._current = None

    def select_file(self, file_id: int, rights: Rights) -> None:
        """Select an elementary file by its two-byte identifier."""
        self._current = self._usable(self.named(file_id), rights)

    def select_short(self, short_id: int, rights: Rights) -> None:
        """Select an elementary file by its short identifier, as READ BINARY does."""
        self._current = self._usable(self.named_short(short_id), rights)

    def read(self, offset: int, most: int) -> bytes:
        """Up to ``most`` bytes of the selected file from ``offset``."""
        content = self._content()
        if offset >= len(content):
            raise Refused(SW_WRONG_OFFSET)
        return content[offset : offset + most]

    def length(self) -> int:
        """Length of the selected file."""
        return len(self._content())

    def named(self, file_id: int) -> str | None:
        """Name of the file with this identifier in the present place, present or not."""
        if not self._in_application:
            return _MASTER_FILES.get(file_id)
        if file_id == _SHARED and "EF.CVCA" in self._files:
            return "EF.CVCA"
        return _CARD_ACCESS if file_id == _SHARED else _APPLICATION_FILES.get(file_id)

    def named_short(self, short_id: int) -> str | None:
        """Name of the file with this short identifier."""
        file_id = 0x0100 + short_id
        if not self._in_application:
            file_id = _MASTER_SHORT.get(short_id, file_id)
        return self.named(file_id)

    def _content(self) -> bytes:
        if self._current is None:
            raise Refused(SW_NO_CURRENT_FILE)
        return self._files[self._current]

    def _usable(self, name: str | None, rights: Rights) -> str:
        free = name == _CARD_ACCESS or (name in _FREE_FILES and name in self._files)
        if not (free or rights.granted):
            raise Refused(SW_SECURITY_STATUS)
        if name is None or name not in self._files:
            raise Refused(SW_NOT_FOUND)
        if _RIGHTS.get(name, 0) & ~rights.biometrics:
            raise Refused(SW_SECURITY_STATUS)
        return name
