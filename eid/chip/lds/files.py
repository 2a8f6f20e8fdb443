"""The files of the chip as one table (ICAO Doc 9303-10 §3.11, §4; TR-03110-3 A.1.2).

>>> FILES["EF.DG1"].fid == 0x0101, by_dg(13).name, len(DATA_GROUPS)
(True, 'EF.DG13', 16)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Home = Literal["LDS1", "MF"]
EMRTD_AID: Final = bytes.fromhex("A0000002471001")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One elementary file: identifier, short identifier, outer tag and data-group number."""

    name: str
    fid: int
    sfi: int
    tag: int
    dg: int | None = None
    home: Home = "LDS1"


_DG_TAGS: Final = (
    0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70,
)  # fmt: skip

DATA_GROUPS: Final[tuple[File, ...]] = tuple(
    File(name=f"EF.DG{number}", fid=0x0100 + number, sfi=number, tag=tag, dg=number)
    for number, tag in enumerate(_DG_TAGS, start=1)
)
COM: Final = File(name="EF.COM", fid=0x011E, sfi=0x1E, tag=0x60)
SOD: Final = File(name="EF.SOD", fid=0x011D, sfi=0x1D, tag=0x77)
CARD_ACCESS: Final = File(name="EF.CardAccess", fid=0x011C, sfi=0x1C, tag=0x31, home="MF")
CARD_SECURITY: Final = File(name="EF.CardSecurity", fid=0x011D, sfi=0x1D, tag=0x30, home="MF")

FILES: Final[Mapping[str, File]] = MappingProxyType(
    {file.name: file for file in (CARD_ACCESS, CARD_SECURITY, COM, SOD, *DATA_GROUPS)}
)
_BY_TAG: Final = {file.tag: file for file in DATA_GROUPS}


def by_dg(number: int) -> File:
    """The file of data group 1 to 16; ``KeyError`` for any other number."""
    if not 1 <= number <= len(DATA_GROUPS):
        raise KeyError(number)
    return DATA_GROUPS[number - 1]


def by_tag(tag: int) -> File | None:
    """The data group whose outer tag, as listed in EF.COM, is ``tag``."""
    return _BY_TAG.get(tag)
