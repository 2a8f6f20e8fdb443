"""DG1: the machine-readable zone (ICAO Doc 9303-10 §4.7.1).

>>> parse_dg1(bytes.fromhex("61075F1F04") + b"I<VN")[:2]
Traceback (most recent call last):
    ...
eid.errors.FormatError: DG1 is malformed.
"""

from __future__ import annotations

from typing import Final

from eid import tlv
from eid.chip.lds.files import FILES
from eid.chip.lds.template import contents
from eid.chip.mrz import Mrz, parse_mrz
from eid.errors import FormatError

_MRZ: Final = 0x5F1F
_SIZES: Final = (90, 72, 88)


def parse_dg1(data: bytes) -> Mrz:
    """The MRZ of TD1, TD2 or TD3 size. Raises ``FormatError``; check digits are ``problems``."""
    items = tlv.parse_all(contents(data, FILES["EF.DG1"]), ber=True)
    text = tlv.only(items, _MRZ).value
    if len(items) != 1 or len(text) not in _SIZES:
        raise FormatError("DG1 is malformed.", code="dg1.size")
    return parse_mrz(text)
