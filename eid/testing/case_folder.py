"""A software card from a case folder of forged cards: its files and, where it has them, its keys.

A folder holds ``case.json``, the chip's files and private keys in PEM; what the case expects of a
verifier is not looked at. Files may be malformed on purpose and are taken as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec as pyca_ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from eid import tlv
from eid.errors import FormatError
from eid.testing.card_image import CardImage, private_key_der
from eid.testing.chip_traits import Traits

MAX_FILE: Final = 1 << 20
_TD1_SIZE: Final = 90
_TD3_SIZE: Final = 88
_FALLBACK_CAN: Final = "123456"


def card_from_case(folder: Path) -> CardImage:
    """Load the card of a case; its CAN is the tail of the personal number in DG1.

    A chip without a readable number in DG1 has the CAN 123456. Raises FormatError when the
    folder holds no usable case.
    """
    case = _case(folder)
    files = {name: _content(folder, path) for name, path in _texts(case.get("files")).items()}
    keys = _texts(case.get("chip_keys"))
    dg1 = files.get("EF.DG1", b"")
    zone = _zone(dg1)
    return CardImage(
        files=files,
        can=_can(zone),
        mrz_information=_mrz_information(zone),
        aa_private_key=_active_key(folder, keys),
        ca_private_keys=_static_key(folder, keys),
        traits=Traits(bac=True),
    )


def _case(folder: Path) -> dict[str, object]:
    try:
        case = json.loads(_content(folder, "case.json"))
    except ValueError as e:
        raise _unusable() from e
    if not isinstance(case, dict):
        raise _unusable()
    return case


def _texts(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise _unusable()
    return {str(name): text for name, text in value.items()}


def _content(folder: Path, name: str) -> bytes:
    if Path(name).name != name:
        raise _unusable()
    try:
        with (folder / name).open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as e:
        raise _unusable() from e
    if len(content) > MAX_FILE:
        raise _unusable()
    return content


def _active_key(folder: Path, keys: Mapping[str, str]) -> bytes:
    if "aa" not in keys:
        return b""
    key = _pem(_content(folder, keys["aa"]))
    return private_key_der(key)


def _static_key(folder: Path, keys: Mapping[str, str]) -> tuple[int, ...]:
    if "ca" not in keys:
        return ()
    key = _pem(_content(folder, keys["ca"]))
    if isinstance(key, rsa.RSAPrivateKey):
        return ()
    return (key.private_numbers().private_value,)


def _pem(data: bytes) -> rsa.RSAPrivateKey | pyca_ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError) as e:
        raise _unusable() from e
    if not isinstance(key, rsa.RSAPrivateKey | pyca_ec.EllipticCurvePrivateKey):
        raise _unusable()
    return key


def _zone(dg1: bytes) -> str:
    """The machine-readable zone, empty where DG1 is malformed."""
    try:
        text = tlv.only(tlv.parse_first(dg1)[0].children(), 0x5F1F).value.decode("ascii")
    except (FormatError, UnicodeDecodeError):
        return ""
    return text if len(text) in (_TD1_SIZE, _TD3_SIZE) else ""


def _can(zone: str) -> str:
    number = zone[15:27] if len(zone) == _TD1_SIZE else zone[72:84]
    return number[-6:] if len(number) == 12 and number.isdigit() else _FALLBACK_CAN


def _mrz_information(zone: str) -> str:
    if len(zone) == _TD1_SIZE:
        return zone[5:15] + zone[30:37] + zone[38:45]
    return zone[44:54] + zone[57:64] + zone[65:72] if zone else ""


def _unusable() -> FormatError:
    return FormatError("The folder holds no usable case.", code="testing.case")
