"""DG14: the signed SecurityInfos (ICAO Doc 9303-10 §4.7.14; 9303-11 §9.2)."""

from __future__ import annotations

from eid.chip.lds.files import FILES
from eid.chip.lds.security_infos import SecurityInfos, parse_security_infos
from eid.chip.lds.template import contents


def parse_dg14(data: bytes) -> SecurityInfos:
    """The SecurityInfos inside DG14. Raises ``FormatError``."""
    return parse_security_infos(contents(data, FILES["EF.DG14"]))
