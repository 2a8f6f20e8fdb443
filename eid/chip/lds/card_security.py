"""EF.CardSecurity: SecurityInfos under a signature, as PACE-CAM needs them (9303-11 §9.2.10).

The signature is not judged here: whoever relies on the keys verifies :func:`signed_card_security`
against the trust store, as with EF.SOD.
"""

from __future__ import annotations

from typing import Final

from eid.chip.lds.security_infos import SecurityInfos, parse_security_infos
from eid.trust.cms import SignedData, parse_signed_data

ID_SECURITY_OBJECT: Final = "0.4.0.127.0.7.3.2.1"


def signed_card_security(data: bytes) -> SignedData:
    """The SignedData of EF.CardSecurity. Raises ``FormatError``."""
    return parse_signed_data(data, content_types=(ID_SECURITY_OBJECT,))


def parse_card_security(data: bytes) -> SecurityInfos:
    """The SecurityInfos inside, as yet unverified. Raises ``FormatError``."""
    return parse_security_infos(signed_card_security(data).content)
