"""EF.DIR: the applications on a card (ISO/IEC 7816-4 §12.2.3.2). Several cards get it wrong.

>>> parse_dir(bytes.fromhex("6109 4F07A0000002471001"))[0].hex()
'a0000002471001'
"""

from __future__ import annotations

from typing import Final

from eid import tlv
from eid.chip.lds.template import objects
from eid.errors import FormatError

FID, SFI = 0x2F00, 0x1E
_TEMPLATE: Final = 0x61
_AID: Final = 0x4F
_MAX_SIZE: Final = 4096
_MAX_APPLICATIONS: Final = 32


def parse_dir(data: bytes) -> tuple[bytes, ...]:
    """The application identifiers, from one or several templates. Raises ``FormatError``."""
    if len(data) > _MAX_SIZE:
        raise FormatError("EF.DIR is too long.", code="dir.size")
    items = objects(data)
    templates = [item for item in items if item.tag == _TEMPLATE]
    if len(templates) != len(items) or len(templates) > _MAX_APPLICATIONS:
        raise FormatError("EF.DIR is malformed.", code="dir.form")
    found = tuple(tlv.only(item.children(ber=True), _AID).value for item in templates)
    if any(not 1 <= len(aid) <= 16 for aid in found):
        raise FormatError("EF.DIR holds an impossible identifier.", code="dir.aid")
    return found
