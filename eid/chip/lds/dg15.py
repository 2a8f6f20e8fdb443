"""DG15: the Active Authentication public key (ICAO Doc 9303-10 §4.7.15; 9303-11 §6.1)."""

from __future__ import annotations

from eid.chip.lds.files import FILES
from eid.chip.lds.template import contents
from eid.errors import FormatError
from eid.trust.public_keys import EcKey, RsaKey, parse_public_key

PublicKeyInfo = RsaKey | EcKey


def parse_dg15(data: bytes) -> PublicKeyInfo:
    """The chip's key: ``RsaKey`` (n, e) or ``EcKey`` (curve, point). Raises ``FormatError``."""
    key = parse_public_key(contents(data, FILES["EF.DG15"]))
    if not isinstance(key, RsaKey | EcKey):
        raise FormatError("DG15 holds a key that cannot sign here.", code="dg15.algorithm")
    return key
