"""Targets of the chip: every parser of bytes that a card, a terminal or a file controls."""

from pathlib import Path

from eid import tlv
from eid.chip import chip_auth
from eid.chip.card_profile import CardProfile
from eid.chip.evidence import Evidence
from eid.chip.lds.atr_info import parse_atr_info
from eid.chip.lds.biometrics import parse_dg3, parse_dg4
from eid.chip.lds.card_security import parse_card_security
from eid.chip.lds.com import parse_com
from eid.chip.lds.dg1 import parse_dg1
from eid.chip.lds.dg2 import parse_dg2
from eid.chip.lds.dg7 import parse_dg7
from eid.chip.lds.dg11 import parse_dg11
from eid.chip.lds.dg12 import parse_dg12
from eid.chip.lds.dg14 import parse_dg14
from eid.chip.lds.dg15 import parse_dg15
from eid.chip.lds.dg16 import parse_dg16
from eid.chip.lds.dir import parse_dir
from eid.chip.lds.security_infos import parse_security_infos
from eid.chip.lds.sod import parse_sod
from eid.chip.lds.vn import parse_dg13
from eid.chip.plan import parse_plan
from eid.chip.terminal_auth import parse_cv_certificate, parse_trust_points
from eid.testing.personalise import VIETNAM_CARD_ACCESS

VECTORS = Path(__file__).parents[1] / "vectors"
SILVER = VECTORS / "bsi_silver"
FACE = VECTORS / "dg2_39794_5" / "ICAO_39794_5_AP_DG2_AllFields.dat"


def _silver(name: str) -> bytes:
    return (SILVER / name).read_bytes()


def _short(data: bytes) -> bytes:
    """A container with its picture cut short, so that mutations hit the headers."""
    return data[:400]


def _text(tag: int, *fields: tuple[int, bytes]) -> bytes:
    return tlv.encode(tag, *(tlv.encode(field, value) for field, value in fields))


_DETAILS = ((0x5F0E, b"DOE<<JOE"), (0x5F2B, b"19900131"), (0x5F42, b"A<B"), (0x5F1A, b"X"))
_INFOS = _silver("Datagroup14.bin")

TARGETS = {
    "tlv": (lambda data: tlv.parse_all(data, ber=True), [_INFOS, VIETNAM_CARD_ACCESS]),
    "card_access": (parse_security_infos, [VIETNAM_CARD_ACCESS]),
    "com": (parse_com, [_silver("EF_COM.bin")]),
    "sod": (parse_sod, [_silver("EF_SOD.bin")]),
    "card_security": (parse_card_security, [_silver("EF_SOD.bin")[4:]]),
    "dg1": (parse_dg1, [_silver("Datagroup1.bin")]),
    "dg2": (parse_dg2, [_silver("Datagroup2.bin"), FACE.read_bytes()]),
    "dg3": (parse_dg3, [_short(_silver("Datagroup3.bin")), _silver("Datagroup3.bin")]),
    "dg4": (parse_dg4, [_silver("Datagroup4.bin")]),
    "dg7": (parse_dg7, [_text(0x67, (0x02, b"\x01"), (0x5F43, b"\xff\xd8"))]),
    "dg11": (parse_dg11, [_text(0x6B, *_DETAILS)]),
    "dg12": (parse_dg12, [_text(0x6C, *_DETAILS, (0x5F55, b"20201121101112"))]),
    "dg13": (
        parse_dg13,
        [bytes.fromhex("6d1d301b02010106062 8d3160100 08310c300a020101".replace(" ", ""))],
    ),
    "dg14": (parse_dg14, [_INFOS]),
    "dg15": (parse_dg15, [_silver("Datagroup15.bin")]),
    "dg16": (parse_dg16, [_text(0x70, (0x02, b"\x01"), (0xA1, tlv.encode(0x5F51, b"JO")))]),
    "atr_info": (parse_atr_info, [bytes.fromhex("7F660802020400020208004703D0D2E0")]),
    "dir": (parse_dir, [_text(0x61, (0x4F, bytes.fromhex("A0000002471001")))]),
    "cv_certificate": (
        parse_cv_certificate,
        [
            _text(
                0x7F21, (0x7F4E, tlv.encode(0x42, b"A") + tlv.encode(0x5F20, b"B")), (0x5F37, b"s")
            )
        ],
    ),
    "trust_points": (parse_trust_points, [tlv.encode(0x42, b"DETESTCVCA00001") + bytes(19)]),
    "chip_request": (
        chip_auth.ChipRequest.from_bytes,
        [_text(0x30, (0x80, b"*"), (0x81, b""), (0x82, b"k"), (0x83, b"c"))],
    ),
    "chip_keys": (lambda data: chip_auth.choose(parse_dg14(data)), [_INFOS]),
    "evidence": (Evidence.from_json, [b'{"version":1,"files":{"EF.COM":"YAA"}}']),
    "card_profile": (CardProfile.from_json, [CardProfile().to_json()]),
    "plan": (
        lambda data: parse_plan(data.decode("utf-8", "replace")),
        [b'name = "a"\nfiles = ["EF.SOD", "EF.DG1"]\nchip_authentication = true\n'],
    ),
}
