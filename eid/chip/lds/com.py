"""EF.COM: versions and the list of data groups (ICAO Doc 9303-10 §4.6.1). It is unsigned.

>>> parse_com(bytes.fromhex("6014 5F0104 30313037 5F3606 303430303030 5C02 6175")).data_groups
frozenset({1, 2})
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eid import tlv
from eid.chip.lds.files import COM, by_tag
from eid.chip.lds.template import contents
from eid.errors import FormatError

_LDS_VERSION: Final = 0x5F01
_UNICODE_VERSION: Final = 0x5F36
_TAG_LIST: Final = 0x5C
_MAX_TAGS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Com:
    """LDS version (``"0107"``), Unicode version (``"040000"``) and data-group numbers."""

    lds_version: str
    unicode_version: str
    data_groups: frozenset[int]


def parse_com(data: bytes) -> Com:
    """Parse EF.COM. Raises ``FormatError``."""
    items = tlv.parse_all(contents(data, COM), ber=True)
    tags = tlv.only(items, _TAG_LIST).value
    found = [by_tag(tag) for tag in tags]
    if not tags or len(tags) > _MAX_TAGS or None in found or len(set(tags)) != len(tags):
        raise FormatError("The tag list of EF.COM is malformed.", code="com.tag_list")
    return Com(
        lds_version=_digits(tlv.only(items, _LDS_VERSION), 4),
        unicode_version=_digits(tlv.only(items, _UNICODE_VERSION), 6),
        data_groups=frozenset(file.dg for file in found if file is not None and file.dg),
    )


def _digits(item: tlv.Tlv, size: int) -> str:
    text = item.value.decode("ascii", "replace")
    if len(text) != size or not (text.isascii() and text.isdigit()):
        raise FormatError("A version of EF.COM is malformed.", code="com.version")
    return text
