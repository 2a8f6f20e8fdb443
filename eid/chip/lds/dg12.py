"""DG12: further details of the document (ICAO Doc 9303-10 §4.7.12). Every field is optional.

>>> parse_dg12(bytes.fromhex("6C07 5F260420201121")).issued
datetime.date(2020, 11, 21)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

from eid.chip.lds import details
from eid.chip.lds.files import FILES

_STAMP: Final = "%Y%m%d%H%M%S"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DocumentDetails:
    """The fields of DG12; empty where the card leaves them out. ``fields`` keeps all as bytes.

    ``front`` and ``rear`` are encoded pictures of the document.
    """

    authority: str
    issued: date | None
    other_persons: tuple[str, ...]
    endorsements: str
    tax_or_exit: str
    front: bytes
    rear: bytes
    personalised: datetime | None
    machine: str
    fields: details.Fields = field(repr=False)


def parse_dg12(data: bytes) -> DocumentDetails:
    """Read DG12. Raises ``FormatError``."""
    fields = details.read_fields(data, FILES["EF.DG12"])
    return DocumentDetails(
        authority=details.text(fields, 0x5F19),
        issued=details.day(fields, 0x5F26),
        other_persons=details.texts(fields, 0x5F1A),
        endorsements=details.text(fields, 0x5F1B),
        tax_or_exit=details.text(fields, 0x5F1C),
        front=details.single(fields, 0x5F1D),
        rear=details.single(fields, 0x5F1E),
        personalised=_moment(details.single(fields, 0x5F55)),
        machine=details.text(fields, 0x5F56),
        fields=fields,
    )


def _moment(value: bytes) -> datetime | None:
    """Read a time as fourteen digits or seven bytes of BCD; an impossible one is None."""
    digits = value.hex() if len(value) == 7 else value.decode("ascii", "replace")
    if len(digits) != 14 or not (digits.isascii() and digits.isdigit()):
        return None
    try:
        return datetime.strptime(digits, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
