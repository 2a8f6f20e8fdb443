"""Targets of the chip: every parser of bytes that a card, a terminal or a file controls.

The corpus is made of published cards, of forged ones, and of small files written here.
"""

from pathlib import Path

from eid import tlv
from eid.chip import chip_auth
from eid.chip.access import Can
from eid.chip.apdu import Command, Response
from eid.chip.card import Card
from eid.chip.card_profile import CardProfile
from eid.chip.crypto import Suite
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
from eid.chip.lds.sod import parse_security_object, parse_sod
from eid.chip.lds.vn import parse_dg13
from eid.chip.messaging import SecureMessaging
from eid.chip.mrz import parse_mrz
from eid.chip.plan import parse_plan
from eid.chip.read.opening import Door, open_chip
from eid.chip.terminal_auth import parse_cv_certificate, parse_trust_points
from eid.chip.transport import ReaderInfo
from eid.testing.card_image import CardImage
from eid.testing.holder_file import EXAMPLE, holder_from_toml
from eid.testing.personalise import VIETNAM_CARD_ACCESS
from eid.testing.softcard_messaging import ChipSession

VECTORS = Path(__file__).parents[1] / "vectors"
SILVER = VECTORS / "bsi_silver"
FACE = VECTORS / "dg2_39794_5" / "ICAO_39794_5_AP_DG2_AllFields.dat"


FORGED = VECTORS / "forged_cards"


def _forged(name: str, most: int = 24) -> list[bytes]:
    """This file of some of the forged cards, from one end of the folder to the other."""
    found = sorted(FORGED.glob(f"*/{name}"))
    return [path.read_bytes() for path in found[:: max(1, len(found) // most)]]


def _content(sod: bytes) -> bytes:
    return parse_sod(sod).content


def _silver(name: str) -> bytes:
    return (SILVER / name).read_bytes()


def _short(data: bytes) -> bytes:
    """A container with its picture cut short, so that mutations hit the headers."""
    return data[:400]


def _text(tag: int, *fields: tuple[int, bytes]) -> bytes:
    return tlv.encode(tag, *(tlv.encode(field, value) for field, value in fields))


_DETAILS = ((0x5F0E, b"DOE<<JOE"), (0x5F2B, b"19900131"), (0x5F42, b"A<B"), (0x5F1A, b"X"))
_INFOS = _silver("Datagroup14.bin")

_READ = Command(0x00, 0xB0, 0x9D, 0x00, le=256)
_KEY = bytes(16)
_PROTECTED = ChipSession(Suite.AES_128, _KEY, _KEY, ssc=1).protect(b"hello", 0x9000)


def _open(answer: bytes) -> Response:
    """An answer inside a session."""
    session = SecureMessaging(Suite.AES_128, _KEY, _KEY, bytes(16))
    session.protect(_READ)
    return session.open(Response.parse(answer))


class _Says:
    """A chip that answers with the next part of what it was given, whatever it is asked."""

    reader = ReaderInfo(name="Fuzz")

    def __init__(self, data: bytes) -> None:
        self._data = data

    def transmit(self, command: bytes) -> bytes:
        size = 2 + (command[-1] + len(command) * 7) % 61
        said, self._data = self._data[:size], self._data[size:] or b"\x6f\x00"
        return said.ljust(2, b"\x90")

    def close(self) -> None:
        pass


def _read(data: bytes) -> bytes:
    """A whole file from a chip that says anything at all."""
    return Card(_Says(data)).read_file(0x011E, 0x1E)


def _opening(data: bytes) -> object:
    """PACE with such a chip."""
    card = Card(_Says(data))
    door = Door(
        key=Can("123456"), rng=bytes, insecure_bac_after_pace=False, restart=lambda same: same
    )
    return open_chip(card, door)


TARGETS = {
    "tlv": (lambda data: tlv.parse_all(data, ber=True), [_INFOS, VIETNAM_CARD_ACCESS]),
    "card_access": (parse_security_infos, [VIETNAM_CARD_ACCESS]),
    "com": (parse_com, [_silver("EF_COM.bin"), *_forged("ef_com.bin")]),
    "sod": (parse_sod, [_silver("EF_SOD.bin"), *_forged("ef_sod.bin")]),
    "security_object": (parse_security_object, [_content(_silver("EF_SOD.bin"))]),
    "card_security": (parse_card_security, [_silver("EF_SOD.bin")[4:]]),
    "dg1": (parse_dg1, [_silver("Datagroup1.bin"), *_forged("ef_dg1.bin")]),
    "mrz": (parse_mrz, [_silver("Datagroup1.bin")[5:], b"I<" + bytes(88)]),
    "dg2": (parse_dg2, [_silver("Datagroup2.bin"), FACE.read_bytes()]),
    "dg3": (parse_dg3, [_short(_silver("Datagroup3.bin")), _silver("Datagroup3.bin")]),
    "dg4": (parse_dg4, [_silver("Datagroup4.bin")]),
    "dg7": (parse_dg7, [_text(0x67, (0x02, b"\x01"), (0x5F43, b"\xff\xd8"))]),
    "dg11": (parse_dg11, [_text(0x6B, *_DETAILS)]),
    "dg12": (parse_dg12, [_text(0x6C, *_DETAILS, (0x5F55, b"20201121101112"))]),
    "dg13": (
        parse_dg13,
        _forged("ef_dg13.bin"),
    ),
    "dg14": (parse_dg14, [_INFOS, *_forged("ef_dg14.bin")]),
    "dg15": (parse_dg15, [_silver("Datagroup15.bin"), *_forged("ef_dg15.bin")]),
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
    "verifier_session": (
        chip_auth.VerifierSession.from_bytes,
        [
            _text(
                0x30,
                (0x80, _text(0x30, (0x80, b"*"), (0x81, b""), (0x82, b"k"), (0x83, b"c"))),
                (0x81, bytes(32)),
                (0x82, b"AES-128"),
                (0x83, bytes(16)),
                (0x84, bytes(16)),
            )
        ],
    ),
    "card_image": (
        CardImage.from_json,
        [CardImage(files={"EF.DG1": b"a"}, can="123456").to_json()],
    ),
    "holder": (holder_from_toml, [EXAMPLE.encode()]),
    "protected_answer": (_open, [_PROTECTED]),
    "wire": (_read, [b"\x60\x82\x01\x00" + bytes(256), _silver("Datagroup1.bin")]),
    "opening": (_opening, [VIETNAM_CARD_ACCESS + b"\x90\x00\x7c\x12\x80\x10" + bytes(16)]),
    "evidence": (Evidence.from_json, [b'{"version":1,"files":{"EF.COM":"YAA"}}']),
    "card_profile": (CardProfile.from_json, [CardProfile().to_json()]),
    "plan": (
        lambda data: parse_plan(data.decode("utf-8", "replace")),
        [b'name = "a"\nfiles = ["EF.SOD", "EF.DG1"]\nchip_authentication = true\n'],
    ),
}
