"""PACE of the card in every mapping: worked examples, every parameter, CAM's proof, passwords."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from eid import ec, tlv
from eid.chip import crypto, pace
from eid.chip.access import Can, MrzKey, Pin, Puk
from eid.chip.apdu import Command, Response
from eid.chip.lds.security_infos import parse_security_infos
from eid.ec import integrated
from eid.ec.groups import group_by_parameter_id
from eid.errors import AccessDenied, CardError, ProtocolError
from eid.testing import certificates, der, softcard_passwords
from eid.testing.card_image import CardImage
from eid.testing.chip_traits import Traits
from eid.testing.faults import forced
from eid.testing.profiles import PACE_DH_GM, PACE_ECDH_GM, PROFILES, card_access
from eid.testing.softcard import SoftwareCard
from eid.testing.softcard_apdu import Refused
from eid.testing.softcard_pace import ChipPace, ChipSecrets

VECTORS = Path(__file__).parents[1] / "vectors" / "emrtd"
ICAO = json.loads((VECTORS / "icao-9303-11-examples.json").read_text())
TR = json.loads((VECTORS / "tr-03110-eac-examples.json").read_text())
FAMILIES = {"DH-GM": 1, "ECDH-GM": 2, "DH-IM": 3, "ECDH-IM": 4, "ECDH-CAM": 6}
CURVES = [curve.parameter_id for curve in ec.CURVES.values()]
COMBINATIONS = [
    (family, cipher, number)
    for family, cipher in product(FAMILIES, range(1, 5))
    for number in ([0] if family.startswith("DH") else [13])
    if family != "ECDH-CAM"
]


def image_of(*offers: tuple[str, int | None], **options: object) -> CardImage:
    return CardImage(files={"EF.CardAccess": card_access(*offers)}, can="123456", **options)


def general(data: bytes, *, last: bool = False) -> bytes:
    return Command(0 if last else 0x10, 0x86, 0, 0, tlv.encode(0x7C, data), le=256).encode()


@pytest.mark.parametrize("kind", ["dh", "ecdh"])
def test_the_examples_of_tr_03110_with_a_pin(kind):
    run = {name: value for name, value in TR[kind].items() if name != "password"}
    octets = {name: bytes.fromhex(value) for name, value in run.items() if name != "password_type"}
    order = group_by_parameter_id(0).q if kind == "dh" else ec.by_parameter_id(13).n
    privates = [
        (int(run[name], 16) % order).to_bytes((order.bit_length() + 7) // 8, "big")
        for name in ("map_picc_priv_key", "picc_priv_key")
    ]
    oid, number = (PACE_DH_GM, 0) if kind == "dh" else (PACE_ECDH_GM, 13)
    image = image_of((f"{oid}.2", number), pin=TR[kind]["password"])
    card = SoftwareCard(image, rng=forced([octets["nonce"], *privates], bytes))
    choose = tlv.encode(0x80, tlv.encode_oid(f"{oid}.2")) + bytes.fromhex("830103")
    assert card.transmit(Command(0, 0x22, 0xC1, 0xA4, choose).encode()).hex() == "9000"

    def step(tag: int, name: str, answer: int, expected: str, **options: bool) -> None:
        data = tlv.encode(tag, octets[name]) if name else b""
        wanted = tlv.encode(0x7C, tlv.encode(answer, octets[expected])) + b"\x90\x00"
        assert card.transmit(general(data, **options)) == wanted

    step(0, "", 0x80, "nonce_enc")
    step(0x81, "map_pcd_pub_key", 0x82, "map_picc_pub_key")
    step(0x83, "pcd_pub_key", 0x84, "picc_pub_key")
    step(0x85, "authentication_token_pcd", 0x86, "authentication_token_picc", last=True)


@pytest.mark.parametrize(("kind", "number"), [("H1_pace_ecdh_im", 13), ("H2_pace_dh_im", 0)])
def test_the_examples_of_integrated_mapping(kind, number):
    case = ICAO[kind]
    family = 4 if number else 3
    oid = f"0.4.0.127.0.7.2.2.4.{family}.2"
    chip = ChipSecrets(
        card_access=card_access((oid, number)),
        passwords=softcard_passwords.ChipPasswords({2: b"123456"}),
        rng=forced([bytes.fromhex(case["nonce_s"])], bytes),
    )
    handshake = ChipPace(chip, tlv.encode(0x80, tlv.encode_oid(oid)) + bytes.fromhex("830102"))
    handshake.step(bytes.fromhex("7C00"), last=False)
    mapping = tlv.encode(0x7C, tlv.encode(0x81, bytes.fromhex(case["nonce_t"])))
    assert handshake.step(mapping, last=False).hex() == "7c028200"
    parts = ("mapped_generator_x", "mapped_generator_y") if number else ("mapped_generator",)
    assert handshake.domain.public(1).hex().upper().removeprefix("04") == "".join(
        case[part] for part in parts
    )


def opened(image: CardImage) -> bool:
    card = SoftwareCard(image)
    offer = pace.offer_of(parse_security_infos(image.files["EF.CardAccess"]).pace[0])

    def exchange(command: Command) -> Response:
        return Response.parse(card.transmit(command.encode(extended=not command.short)))

    session = pace.run(exchange, offer, Can("123456")).messaging
    answer = session.open(exchange(session.protect(Command(0, 0xB0, 0x9C, 0, le=200))))
    return answer.data == image.files["EF.CardAccess"]


@pytest.mark.parametrize(("family", "cipher", "number"), COMBINATIONS)
def test_every_family_with_every_cipher(family, cipher, number):
    assert opened(image_of((f"0.4.0.127.0.7.2.2.4.{FAMILIES[family]}.{cipher}", number)))


@pytest.mark.parametrize("number", [1, 2, *(n for n in CURVES if n not in (10, 13))])
def test_every_standard_parameter(number):
    """Generic mapping over curves is in ``test_softcard_pace``."""
    agreements = ("DH-GM", "DH-IM") if number < 8 else ("ECDH-IM",)
    for family in agreements:
        assert opened(image_of((f"0.4.0.127.0.7.2.2.4.{FAMILIES[family]}.2", number)))


def test_explicit_parameters_of_a_known_curve(talk):
    curve = ec.by_name("brainpoolP320r1")
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), certificates.explicit_parameters(curve))
    infos = (
        der.sequence(der.oid(f"{PACE_ECDH_GM}.3"), der.integer(2), der.integer(200)),
        der.sequence(der.oid(PACE_ECDH_GM), algorithm, der.integer(200)),
    )
    profile = replace(PROFILES["eac"], card_access=tlv.encode(0x31, *infos), active="")
    card = talk(replace(profile, groups=frozenset({1, 14})))
    assert card.open().pace.domain.curve == curve


def test_chip_authentication_mapping_proves_the_static_key(talk):
    card = talk("pace-cam").open()
    security = card.image.files["EF.CardSecurity"]
    key = next(key for key in card.image.ca_private_keys)
    curve = ec.by_name("secp384r1")
    factor = int.from_bytes(card.pace.chip_data, "big")
    static = ec.public_point(curve, key)
    assert ec.encode_point(curve, static) in security
    assert ec.encode_point(curve, ec.multiply(curve, factor, static)) == card.pace.mapping_key
    assert card.read(0x1D, le=100).data == security[:100], "in the master file"


def test_a_clone_cannot_run_the_mapping(talk):
    card = talk("pace-cam", "ca-wrong-key").open()
    curve = ec.by_name("secp384r1")
    static = ec.public_point(curve, card.image.ca_private_keys[0])
    factor = int.from_bytes(card.pace.chip_data, "big")
    assert ec.encode_point(curve, ec.multiply(curve, factor, static)) != card.pace.mapping_key


def test_cam_without_its_key_breaks_off():
    with pytest.raises(CardError):
        opened(image_of(("0.4.0.127.0.7.2.2.4.6.2", 13)))


@pytest.mark.parametrize(
    "offer",
    [("0.4.0.127.0.7.2.2.4.6.1", 13), ("0.4.0.127.0.7.2.2.4.2.9", 13), (f"{PACE_ECDH_GM}.2", 3)],
)
def test_offers_that_no_chip_runs(offer):
    choose = tlv.encode(0x80, tlv.encode_oid(offer[0])) + bytes.fromhex("830102")
    card = SoftwareCard(image_of(offer))
    assert card.transmit(Command(0, 0x22, 0xC1, 0xA4, choose).encode()).hex() == "6a80"


def test_a_nonce_of_the_wrong_size_is_refused():
    oid = "0.4.0.127.0.7.2.2.4.4.4"
    card = SoftwareCard(image_of((oid, 13)))
    choose = tlv.encode(0x80, tlv.encode_oid(oid)) + bytes.fromhex("830102")
    card.transmit(Command(0, 0x22, 0xC1, 0xA4, choose).encode())
    answer = card.transmit(general(b""))
    assert len(answer) == 2 + 2 + 32 + 2
    assert card.transmit(general(tlv.encode(0x81, bytes(16)))).hex() == "6a80"


def test_a_card_access_without_a_number_means_brainpool(talk):
    access = card_access((f"{PACE_ECDH_GM}.2", None))
    image = CardImage(files={"EF.CardAccess": access}, can="123456")
    card = SoftwareCard(image)
    choose = tlv.encode(0x80, tlv.encode_oid(f"{PACE_ECDH_GM}.2")) + bytes.fromhex("83010284010D")
    assert card.transmit(Command(0, 0x22, 0xC1, 0xA4, choose).encode()).hex() == "9000"


class TestPasswords:
    PIN, WRONG, PUK = Pin("246810"), Pin("135791"), Puk("1234567890")

    def fail(self, talk, card):
        attempt = talk(card.image)
        attempt.card = card.card
        with pytest.raises(AccessDenied):
            attempt.open(self.WRONG)

    def choose(self, card) -> int:
        data = tlv.encode(0x80, tlv.encode_oid(f"{PACE_ECDH_GM}.2")) + bytes.fromhex("830103")
        return card.plain(Command(0, 0x22, 0xC1, 0xA4, data)).sw

    def test_every_kind_opens_the_card(self, talk):
        mrz = MrzKey(document_number="C0999999", birth="900302", expiry="300302")
        for key in (mrz, self.PIN, self.PUK, None):
            assert talk("pin").open(key).select().read(1).data

    def test_wrong_pins_are_counted_beyond_a_reset(self, talk):
        card = talk("pin")
        assert self.choose(card) == 0x9000
        self.fail(talk, card)
        card.card.reset()
        assert self.choose(card) == 0x63C2
        card.open(self.PIN)
        card.card.reset()
        assert self.choose(card) == 0x9000, "a right one sets the counter back"

    def test_a_suspended_pin_wants_the_can_in_the_same_session(self, talk):
        card = talk("pin", "pin-suspended")
        assert self.choose(card) == 0x63C1
        assert card.card.transmit(general(b"")).hex() == "6985"
        card.open()
        data = tlv.encode(0x80, tlv.encode_oid(f"{PACE_ECDH_GM}.2")) + bytes.fromhex("830103")
        assert card(Command(0, 0x22, 0xC1, 0xA4, data)).sw == 0x63C1
        nonce = card(Command(0x10, 0x86, 0, 0, bytes.fromhex("7C00"), le=256))
        assert nonce.sw == 0x9000

    def test_a_blocked_pin_is_freed_by_the_puk(self, talk):
        card = talk("pin", "pin-blocked")
        assert self.choose(card) == 0x63C0
        assert card.card.transmit(general(b"")).hex() == "6983"
        reset = Command(0, 0x2C, 0x03, 0x03)
        assert card.open()(reset).sw == 0x6982, "the CAN does not free it"
        card.card.reset()
        card.session = None
        card.open(self.PUK)
        assert card(Command(0, 0x2C, 0x02, 0x03)).sw == 0x6A86
        assert card(reset).sw == 0x9000
        card.card.reset()
        card.session = None
        assert card.open(self.PIN).session.is_open

    def test_three_wrong_ones_block(self):
        passwords = softcard_passwords.ChipPasswords({softcard_passwords.PIN: b"1"})
        for _ in range(4):
            passwords.failed(softcard_passwords.PIN)
        assert passwords.tries(softcard_passwords.PIN) == 0
        with pytest.raises(Refused):
            passwords.begin(softcard_passwords.PIN, resumed=True)


@pytest.mark.parametrize(
    "trick",
    [
        "pace-reflected-key",
        "pace-off-curve",
        "pace-infinity",
        "pace-wrong-token",
        "pace-reflected-token",
    ],
)
def test_a_lying_chip_is_found_out(talk, trick):
    with pytest.raises(ProtocolError):
        talk("cccd-2021", trick).open()


def test_a_secret_with_a_leading_zero(talk, monkeypatch):
    secrets_seen = []
    kdf = crypto.kdf
    monkeypatch.setattr(crypto, "kdf", lambda s, c, u: secrets_seen.append(s) or kdf(s, c, u))
    card = talk("cccd-2021", "leading-zero").open()
    assert card.select().read(1).data
    assert secrets_seen[-1][0] == 0
    assert len(secrets_seen[-1]) == 32


def test_a_chip_that_cannot_find_one_gives_up():
    chip = ChipSecrets(
        card_access=card_access((f"{PACE_ECDH_GM}.2", 13)),
        passwords=softcard_passwords.ChipPasswords({2: b"123456"}),
        rng=lambda size: b"\x01" * size,
        tricks=frozenset({"leading-zero"}),
    )
    handshake = ChipPace(chip, tlv.encode(0x80, tlv.encode_oid(f"{PACE_ECDH_GM}.2")) + b"\x83\1\2")
    handshake.domain = _Stubborn()
    with pytest.raises(Refused):
        handshake._agree(b"")


class _Stubborn:
    def check(self, theirs):
        return theirs

    def draw(self, rng):
        return 1

    def agree(self, private, theirs):
        return b"\x01"


def test_stuck_after_a_failure_until_reset(talk):
    card = talk("cccd-2021", "stuck-after-pace")
    with pytest.raises(AccessDenied):
        card.open(Can("000000"))
    assert card.plain(Command(0, 0xB0, 0x9C, 0, le=10)).sw == 0x6985
    card.card.reset()
    assert card.open().session.is_open


def test_the_parameter_may_have_to_be_named(talk):
    card = talk("cccd-2021", "pace-needs-parameter")
    data = tlv.encode(0x80, tlv.encode_oid(f"{PACE_ECDH_GM}.2")) + bytes.fromhex("830102")
    assert card.plain(Command(0, 0x22, 0xC1, 0xA4, data)).sw == 0x6A80
    assert card.open().session.is_open


def test_integrated_mapping_is_never_offered_where_it_cannot_run():
    assert not integrated.maps(ec.by_name("secp224r1"))
    card = SoftwareCard(image_of(("0.4.0.127.0.7.2.2.4.4.2", 10)))
    choose = tlv.encode(0x80, tlv.encode_oid("0.4.0.127.0.7.2.2.4.4.2")) + b"\x83\x01\x02"
    card.transmit(Command(0, 0x22, 0xC1, 0xA4, choose).encode())
    card.transmit(general(b""))
    assert card.transmit(general(tlv.encode(0x81, bytes(16)))).hex() == "6a80"


def test_a_long_nonce_fits_long_keys():
    image = image_of(
        (f"{PACE_ECDH_GM}.4", 13), traits=Traits(quirks=frozenset({"pace-long-nonce"}))
    )
    assert opened(image)
