r"""DG7: displayed signature or mark, as encoded pictures (ICAO Doc 9303-10 §4.7.7).

>>> parse_dg7(bytes.fromhex("6708 020101 5F4302FFD8"))
(b'\xff\xd8',)
"""

from __future__ import annotations

from typing import Final

from eid import tlv
from eid.chip.lds.files import FILES
from eid.chip.lds.template import contents
from eid.errors import FormatError

_PICTURE: Final = 0x5F43
_MAX_PICTURES: Final = 9


def parse_dg7(data: bytes) -> tuple[bytes, ...]:
    """The pictures, none for an empty file. Raises ``FormatError``."""
    items = tlv.parse_all(contents(data, FILES["EF.DG7"]), ber=True)
    pictures = tuple(item.value for item in items if item.tag == _PICTURE)
    counts = [item.value for item in items if item.tag == 0x02]
    if len(pictures) > _MAX_PICTURES or counts not in ([], [bytes([len(pictures)])]):
        raise FormatError("DG7 has a wrong number of pictures.", code="dg7.count")
    return pictures
