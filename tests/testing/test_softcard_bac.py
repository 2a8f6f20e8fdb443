"""Basic Access Control of the card: the worked example of 9303-11 D, then what it refuses."""

import json
from pathlib import Path

import pytest

from eid.chip.apdu import Command
from eid.testing.card_image import CardImage
from eid.testing.chip_traits import Traits
from eid.testing.faults import forced
from eid.testing.softcard import SoftwareCard
from eid.testing.softcard_apdu import Refused
from eid.testing.softcard_bac import ChipBac

EXAMPLES = Path(__file__).parents[1] / "vectors" / "emrtd" / "icao-9303-11-examples.json"
D = json.loads(EXAMPLES.read_text())["D_bac"]
SM = json.loads((EXAMPLES.parent / "icao-9303-11-d4-secure-messaging.json").read_text())
CHALLENGE, AUTHENTICATE = (bytes.fromhex(pair["command"]) for pair in D["apdus"])
IMAGE = CardImage(
    files={"EF.COM": bytes.fromhex("60145F0104303130365F36063034303030305C026175")},
    mrz_information=D["mrz_information"],
    traits=Traits(bac=True),
)


def example_card() -> SoftwareCard:
    drawn = (bytes.fromhex(D[name]) for name in ("rnd_ic", "k_ic"))
    return SoftwareCard(IMAGE, rng=forced(drawn, bytes))


def test_the_published_example_byte_for_byte():
    card = example_card()
    for pair in D["apdus"]:
        assert card.transmit(bytes.fromhex(pair["command"])).hex().upper() == pair["response"]


def test_the_session_goes_on_as_published():
    card = example_card()
    card.transmit(bytes.fromhex("00A4040C07A0000002471001"))
    for pair in D["apdus"]:
        card.transmit(bytes.fromhex(pair["command"]))
    card._application.files.select_application(bytes.fromhex("A0000002471001"))
    select = bytes.fromhex("0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800")
    assert card.transmit(select).hex().upper() == "990290008E08FA855A5D4C50A8ED9000"
    read = bytes.fromhex("0CB000000D9701048E08ED6705417E96BA5500")
    answer = "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000"
    assert card.transmit(read).hex().upper() == answer
    read = bytes.fromhex("0CB000040D9701128E082EA28A70F3C7B53500")
    answer = card.transmit(read).hex().upper()
    assert answer == (
        "871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000"
    )


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda c: c[:5] + bytes([c[5] ^ 1]) + c[6:], "6300"),
        (lambda c: c[:-2] + bytes([c[-2] ^ 1]) + c[-1:], "6300"),
        (lambda c: c[:4] + b"\x20" + c[5:37], "6700"),
    ],
    ids=["cryptogram", "mac", "length"],
)
def test_every_wrong_request_looks_alike(change, status):
    card = example_card()
    card.transmit(CHALLENGE)
    assert card.transmit(change(AUTHENTICATE)).hex() == status
    assert card.transmit(AUTHENTICATE).hex() == "6985", "the nonce is used up"


def test_a_replayed_request_meets_another_nonce():
    card = example_card()
    card.transmit(CHALLENGE)
    card.transmit(AUTHENTICATE)
    card.reset()
    card.transmit(CHALLENGE)
    assert card.transmit(AUTHENTICATE).hex() == "6300"


def test_no_authentication_without_a_challenge():
    assert example_card().transmit(AUTHENTICATE).hex() == "6985"
    assert example_card().transmit(bytes.fromhex("0084000004")).hex() == "6700"


def test_a_card_without_bac_refuses_it(talk):
    challenge = Command(0, 0x84, 0, 0, le=8)
    assert talk("can-cuoc-2024").plain(challenge).sw == 0x6985
    assert talk("cccd-2021", "bac-6a88").plain(challenge).sw == 0x6A88


def test_a_passport_opens_by_its_zone(talk):
    card = talk("bac-passport").select()
    assert card.read(1).sw == 0x6982
    card.open_bac()
    assert card.read(1).data == card.image.files["EF.DG1"]
    assert card.read(0x1C).sw == 0x6A82, "no PACE, no EF.CardAccess"


def test_a_cryptogram_of_broken_blocks_is_like_any_other():
    bac = ChipBac(D["mrz_information"], rng=bytes)
    with pytest.raises(Refused) as caught:
        bac._decrypted(bytes(7))
    assert caught.value.sw == 0x6300
