"""The chip's half of PACE: pinned to the published example, then against the library's reader."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from eid import ec, tlv
from eid.chip.access import AccessKey, Can, MrzKey
from eid.chip.apdu import Command, Response
from eid.chip.lds.security_infos import parse_security_infos
from eid.chip.pace import choose_pace, establish
from eid.errors import AccessDenied
from eid.testing.card_image import CardImage
from eid.testing.faults import forced
from eid.testing.personalise import PACE_ECDH_GM, card_access
from eid.testing.softcard import SoftwareCard

_FOLDER = Path(__file__).parents[1] / "vectors" / "icao-9303"
G1 = json.loads((_FOLDER / "pace_ecdh_gm_chip.json").read_text())["input"]
ZEROS = json.loads((_FOLDER / "pace_leading_zeros.json").read_text())["cases"]
SUITES = {1: "3DES", 2: "AES-128", 3: "AES-192", 4: "AES-256"}
SET_AT = bytes.fromhex("0022C1A412800A04007F0007020204020283010184010D")
G1_IMAGE = CardImage(
    files={"EF.CardAccess": bytes.fromhex(G1["ef_card_access"]), "EF.COM": b"\x60\x00"},
    can="123456",
    mrz_information=G1["mrz_information"],
)


def _bytes(name: str) -> bytes:
    return bytes.fromhex(G1[name])


def _g1_card(chip_private: str = G1["chip_private"]) -> SoftwareCard:
    blocks = (_bytes("nonce_s"), _bytes("map_chip_private"), bytes.fromhex(chip_private))
    return SoftwareCard(G1_IMAGE, rng=forced(blocks, secrets.token_bytes))


def _establish(card: SoftwareCard, image: CardImage, key: AccessKey, **options: object) -> None:
    """Run the reader's PACE and one protected command over it."""

    def exchange(command: Command) -> Response:
        return Response.parse(card.transmit(command.encode()))

    info = choose_pace(parse_security_infos(image.files["EF.CardAccess"]))
    session = establish(exchange, info, key, **options)
    answer = session.open(exchange(session.protect(Command(0, 0xB0, 0x9C, 0, le=100))))
    assert answer.data == image.files["EF.CardAccess"]


def test_the_published_example_byte_for_byte() -> None:
    card = _g1_card()
    assert card.transmit(SET_AT).hex() == "9000"
    for pair in G1["general_authenticate_apdus"]:
        assert card.transmit(bytes.fromhex(pair["command"])).hex().upper() == pair["response"]


@pytest.mark.parametrize("case", ZEROS.values(), ids=ZEROS.keys())
def test_leading_zeros_keep_their_place(case: dict[str, str]) -> None:
    card = _g1_card(case["chip_private"])
    key = MrzKey(
        document_number=G1["document_number"],
        birth=G1["date_of_birth"],
        expiry=G1["date_of_expiry"],
    )
    blocks = (_bytes("map_terminal_private"), _bytes("terminal_private"))
    _establish(card, G1_IMAGE, key, rng=forced(blocks, secrets.token_bytes))


@pytest.mark.parametrize("octets", [1, 2])
def test_the_token_is_made_from_the_whole_secret(octets: int) -> None:
    """Recomputed here from the padded secret with other people's primitives."""
    case = ZEROS[f"secret_{octets}"]
    card = _g1_card(case["chip_private"])
    _steps(card, 2)
    third = bytes.fromhex(G1["general_authenticate_apdus"][2]["command"])
    chip_public = card.transmit(third)[4:-2]
    secret = bytes.fromhex(case["shared_secret"])
    assert len(secret) - len(secret.lstrip(b"\x00")) == octets
    token = _token(secret, chip_public)
    answer = card.transmit(bytes.fromhex("008600000C7C0A8508") + token + b"\x00")
    expected = _token(secret, b"\x04" + _bytes("terminal_public"))
    assert answer == bytes.fromhex("7C0A8608") + expected + b"\x90\x00"


def _token(secret: bytes, point: bytes) -> bytes:
    assert len(secret) == 32
    cmac = CMAC(AES(hashlib.sha1(secret + b"\x00\x00\x00\x02").digest()[:16]))
    cmac.update(bytes.fromhex("7F494F060A04007F00070202040202") + b"\x86\x41" + point)
    return cmac.finalize()[:8]


@pytest.mark.parametrize("suite", SUITES.keys(), ids=SUITES.values())
@pytest.mark.parametrize("key", [Can("123456"), None], ids=["can", "mrz"])
def test_every_suite_with_both_passwords(suite: int, key: Can | None) -> None:
    offered = card_access((f"{PACE_ECDH_GM}.{suite}", 13))
    image = replace(G1_IMAGE, files={"EF.CardAccess": offered})
    mrz = MrzKey(document_number="T22000129", birth="640812", expiry="101031")
    _establish(SoftwareCard(image), image, key or mrz)


@pytest.mark.parametrize("curve", ec.CURVES.values(), ids=ec.CURVES.keys())
def test_every_curve(curve: ec.Curve) -> None:
    assert curve.parameter_id is not None
    image = replace(
        G1_IMAGE, files={"EF.CardAccess": card_access((f"{PACE_ECDH_GM}.2", curve.parameter_id))}
    )
    _establish(SoftwareCard(image), image, Can("123456"))


def test_a_wrong_password_fails_at_the_last_step() -> None:
    card = SoftwareCard(G1_IMAGE)
    with pytest.raises(AccessDenied):
        _establish(card, G1_IMAGE, Can("123457"))
    assert card.count == 5
    assert card.transmit(bytes.fromhex("00B09E0000")).hex() == "6982"


def test_after_a_failure_the_chip_takes_a_new_attempt() -> None:
    card = SoftwareCard(G1_IMAGE)
    with pytest.raises(AccessDenied):
        _establish(card, G1_IMAGE, Can("000000"))
    _establish(card, G1_IMAGE, Can("123456"))


@pytest.mark.parametrize(
    ("request_data", "status"),
    [
        ("800A04007F00070202040202830102", "9000"),
        ("800A04007F0007020204020283010284010D", "9000"),
        ("800A04007F00070202040202830103", "6A88"),
        ("800A04007F00070202040202", "6A88"),
        ("800A04007F0007020204020283010284010C", "6A80"),
        ("800A04007F00070202040204830102", "6A80"),
        ("830102", "6A80"),
        ("800A04", "6A80"),
    ],
)
def test_what_mse_set_at_accepts(request_data: str, status: str) -> None:
    command = Command(0, 0x22, 0xC1, 0xA4, bytes.fromhex(request_data))
    assert SoftwareCard(G1_IMAGE).transmit(command.encode()).hex().upper() == status


def test_mse_with_another_template_is_refused() -> None:
    card = SoftwareCard(G1_IMAGE)
    assert card.transmit(bytes.fromhex("0022C1A600")).hex() == "6a86"


def test_a_card_without_can_or_mrz_knows_no_such_password() -> None:
    card = SoftwareCard(replace(G1_IMAGE, mrz_information=""))
    assert card.transmit(SET_AT).hex() == "6a88"


def test_two_offers_on_one_protocol_need_the_parameter() -> None:
    offered = card_access((f"{PACE_ECDH_GM}.2", 12), (f"{PACE_ECDH_GM}.2", 13))
    card = SoftwareCard(replace(G1_IMAGE, files={"EF.CardAccess": offered}))
    without = Command(0, 0x22, 0xC1, 0xA4, bytes.fromhex("800A04007F00070202040202830102"))
    assert card.transmit(without.encode()).hex() == "6a80"
    assert card.transmit(SET_AT).hex() == "9000"


def test_offers_the_chip_does_not_run_are_passed_over() -> None:
    offered = card_access(("0.4.0.127.0.7.2.2.4.4.2", 13), (f"{PACE_ECDH_GM}.2", 13))
    card = SoftwareCard(replace(G1_IMAGE, files={"EF.CardAccess": offered}))
    assert card.transmit(SET_AT).hex() == "9000"


def _steps(card: SoftwareCard, count: int) -> None:
    assert card.transmit(SET_AT).hex() == "9000"
    for pair in G1["general_authenticate_apdus"][:count]:
        assert card.transmit(bytes.fromhex(pair["command"]))[-2:].hex() == "9000"


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_a_step_in_the_wrong_form_ends_the_attempt(before: int) -> None:
    card = _g1_card()
    _steps(card, before)
    pair = G1["general_authenticate_apdus"][before]
    command = bytearray.fromhex(pair["command"])
    command[0] ^= 0x10
    assert card.transmit(bytes(command)).hex() == "6985"
    assert card.transmit(bytes.fromhex(pair["command"])).hex() == "6985"


@pytest.mark.parametrize("before", [1, 2, 3])
@pytest.mark.parametrize("content", ["", "7C00", "7C028000", "7D00", "FF"])
def test_a_step_without_its_object_is_refused(before: int, content: str) -> None:
    card = _g1_card()
    _steps(card, before)
    chain = 0x00 if before == 3 else 0x10
    command = Command(chain, 0x86, 0, 0, bytes.fromhex(content), le=256)
    assert card.transmit(command.encode()).hex() == "6a80"


@pytest.mark.parametrize("before", [1, 2])
@pytest.mark.parametrize("point", ["off the curve", "short", "infinity"])
def test_bad_points_are_refused(before: int, point: str) -> None:
    card = _g1_card()
    _steps(card, before)
    encoded = {
        "off the curve": b"\x04" + bytes(31) + b"\x01" + bytes(31) + b"\x01",
        "short": b"\x04" + bytes(62),
        "infinity": b"\x00",
    }[point]
    data = tlv.encode(0x7C, tlv.encode(0x81 + 2 * (before - 1), encoded))
    command = Command(0x10, 0x86, 0, 0, data, le=256)
    assert card.transmit(command.encode()).hex() == "6a80"


def test_the_chips_own_key_sent_back_is_refused() -> None:
    card = _g1_card()
    _steps(card, 2)
    data = tlv.encode(0x7C, tlv.encode(0x83, b"\x04" + _bytes("chip_public")))
    command = Command(0x10, 0x86, 0, 0, data, le=256)
    assert card.transmit(command.encode()).hex() == "6a80"


def test_general_authenticate_without_a_choice_is_refused() -> None:
    assert SoftwareCard(G1_IMAGE).transmit(bytes.fromhex("10860000027C0000")).hex() == "6985"


def test_a_reset_in_the_middle_forgets_the_attempt() -> None:
    card = _g1_card()
    _steps(card, 2)
    card.reset()
    command = bytes.fromhex(G1["general_authenticate_apdus"][2]["command"])
    assert card.transmit(command).hex() == "6985"
