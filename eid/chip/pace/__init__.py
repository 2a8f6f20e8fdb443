"""PACE: a password of low entropy opens a strong session (9303-11 §4.4; TR-03110-2 §3.2).

All mappings (generic, integrated, chip authentication) over curves and prime-order groups. Every
public key is checked before it meets a secret, every secret and coordinate has a fixed length, and
tokens are compared in constant time. Whatever goes wrong ends the attempt: nothing is sent again.

>>> from eid.chip.lds.security_infos import parse_security_infos
>>> infos = parse_security_infos(bytes.fromhex("31143012060A04007F0007020204020202010202010D"))
>>> choose_pace(infos).parameter_id
13
"""

from __future__ import annotations

from eid.chip.pace.chip_mapping import check_chip_mapping
from eid.chip.pace.handshake import PaceSession, establish, run, token
from eid.chip.pace.protocols import (
    PROTOCOLS,
    MappingKind,
    Offer,
    PaceProtocol,
    choose_offer,
    choose_pace,
    offer_of,
)

__all__ = [
    "PROTOCOLS",
    "MappingKind",
    "Offer",
    "PaceProtocol",
    "PaceSession",
    "check_chip_mapping",
    "choose_offer",
    "choose_pace",
    "establish",
    "offer_of",
    "run",
    "token",
]
