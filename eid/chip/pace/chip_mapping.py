"""PACE-CAM's proof: the chip knew the static key behind its mapping key (9303-11 §4.4.3.5).

It convinces the terminal that ran the session and nobody else.
"""

from __future__ import annotations

from eid import ec
from eid.chip.lds.security_infos import SecurityInfos
from eid.errors import FormatError, NotGenuine
from eid.trust.public_keys import EcKey, parse_public_key


def check_chip_mapping(
    card_security: SecurityInfos, parameter_id: int | None, mapping_key: bytes, chip_data: bytes
) -> None:
    """Hold CAM's data against EF.CardSecurity; NotGenuine where they do not fit.

    The static key is the one whose key reference is PACE's parameter number, or the only one.
    """
    key = _static_key(card_security, parameter_id)
    curve = key.curve
    size = (curve.n.bit_length() + 7) // 8
    factor = int.from_bytes(chip_data, "big")
    if not 0 < len(chip_data) <= size or not 0 < factor < curve.n:
        raise _refused("The chip's CAM data are out of range.", "pace.cam")
    try:
        expected = ec.encode_point(curve, ec.multiply(curve, factor, key.point))
    except FormatError as error:
        raise _refused("The chip's CAM data are out of range.", "pace.cam") from error
    if mapping_key != expected:
        raise _refused("The chip does not know its static key.", "pace.cam")


def _static_key(infos: SecurityInfos, parameter_id: int | None) -> EcKey:
    keys = infos.ca_public_keys
    named = [key for key in keys if key.key_id == parameter_id] or (keys if len(keys) == 1 else ())
    try:
        parsed = [parse_public_key(key.spki) for key in named]
    except FormatError as error:
        raise _refused("EF.CardSecurity holds an unusable key.", "pace.cam_key") from error
    if len(parsed) != 1 or not isinstance(parsed[0], EcKey):
        raise _refused("EF.CardSecurity holds no key for this session.", "pace.cam_key")
    return parsed[0]


def _refused(message: str, code: str) -> NotGenuine:
    return NotGenuine(message, code=code)
