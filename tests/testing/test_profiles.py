"""Kinds of cards: each can be read whole, and each deviation of issue is where it should be."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec as pyca_ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from eid import ec, tlv
from eid.chip.access import Can, MrzKey
from eid.chip.lds.atr_info import parse_atr_info
from eid.chip.lds.biometrics import parse_dg3, parse_dg4
from eid.chip.lds.card_security import parse_card_security
from eid.chip.lds.dg2 import parse_dg2
from eid.chip.lds.dg7 import parse_dg7
from eid.chip.lds.dg11 import parse_dg11
from eid.chip.lds.dg12 import parse_dg12
from eid.chip.lds.dg16 import parse_dg16
from eid.chip.lds.dir import parse_dir
from eid.chip.lds.files import FILES
from eid.chip.lds.security_infos import parse_security_infos
from eid.chip.lds.sod import parse_security_object
from eid.chip.lds.vn import parse_dg13
from eid.chip.plan import Plan
from eid.chip.policy import IDENTIFY
from eid.chip.read import read
from eid.chip.verify import judge
from eid.errors import FormatError
from eid.testing import chip_keys, profile_faults
from eid.testing.card_image import CardImage
from eid.testing.cv_certificates import TerminalAuthority
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.profile_faults import ISSUE_FAULTS
from eid.testing.profiles import CARD_2021, PROFILES, Profile, StaticKeyForm
from eid.testing.softcard import SoftwareCard
from eid.trust.store import TrustStore

DG2_39794 = Path(__file__).parents[1] / "vectors" / "dg2_39794_5"
EVERYTHING = tuple(
    name for name in FILES if name not in ("EF.CardAccess", "EF.CardSecurity", "EF.SOD", "EF.DG14")
)
SMALL = {name for name in ISSUE_FAULTS if not name.startswith(("dg2", "big"))}


@pytest.fixture(scope="module")
def make(authority, at, aa_key):
    def made(profile: Profile) -> CardImage:
        key = aa_key if profile.active == "rsa-2048" else None
        return personalise(PEOPLE["thu"], authority, at=at, profile=profile, aa_private_key=key)

    return made


def key_of(image: CardImage):
    if "EF.CardAccess" in image.files:
        return Can(image.can)
    text = image.mrz_information
    return MrzKey(document_number=text[:-15].rstrip("<"), birth=text[-14:-8], expiry=text[-7:-1])


@pytest.mark.parametrize("name", PROFILES)
def test_every_kind_is_read_whole_and_accepted(make, at, authority, name):
    terminal = TerminalAuthority.create(today=at.date())
    profile = PROFILES[name]
    biometric = name == "eac"
    if biometric:
        profile = replace(profile, cvca=terminal.trust_point)
    image = make(profile)
    locked = () if biometric else ("EF.DG3", "EF.DG4")
    files = tuple(file for file in EVERYTHING if file not in locked)
    evidence = read(
        SoftwareCard(image, sleep=lambda _: None),
        key_of(image),
        plan=Plan(
            name="all", files=("EF.SOD", "EF.DG14", *files), terminal_authentication=biometric
        ),
        challenge=bytes(8),
        terminal=terminal if biometric else None,
        at=at,
    )
    wanted = {file: image.files[file] for file in files if file in image.files}
    assert {file: evidence.files[file] for file in wanted} == wanted
    assert evidence.active_authentication is not None
    trust = TrustStore.of(csca=[authority.csca_der])
    verdict = judge(evidence, trust, policy=IDENTIFY, at=at, challenge=bytes(8))
    signed = {check.name: check.status for check in verdict.checks}
    assert signed["sod.hashes"] == signed["sod.signature"] == "passed"
    assert signed["aa.signature"] == "passed"


def image_with(make, *faults: str, **changes: object) -> CardImage:
    profile = profile_faults.apply(replace(CARD_2021, **changes), faults)
    if not set(faults) - SMALL:
        profile = replace(profile, without=frozenset({2}))
    return make(profile)


def infos_of(image: CardImage):
    (infos,) = tlv.parse(image.files["EF.DG14"]).children()
    return parse_security_infos(infos.raw)


def test_a_fault_by_its_name_or_none():
    assert profile_faults.apply(CARD_2021, ("le-192",)).traits.quirks >= {"le-192"}
    with pytest.raises(FormatError):
        profile_faults.apply(CARD_2021, ("no-such-fault",))


@pytest.mark.parametrize("name", sorted(ISSUE_FAULTS))
def test_the_signature_still_holds(make, name):
    """A deviation of issue is signed with the rest; only DG14 may be left out on purpose."""
    if name == "big-portrait":
        pytest.skip("nothing but a size")
    image = image_with(make, name)
    listed = parse_security_object(signed_content(image))
    unsigned = {14} if name == "dg14-unsigned" else set()
    for number in range(1, 17):
        content = image.files.get(f"EF.DG{number}")
        assert (number in listed.hashes) == (content is not None and number not in unsigned)
        if number in listed.hashes:
            assert listed.hashes[number] == sha256(content).digest()


def signed_content(image: CardImage) -> bytes:
    """The content of the SOD, its signature checked by the authority's own means."""
    data = tlv.parse(image.files["EF.SOD"]).value
    body = tlv.parse(data, ber=True).children(ber=True)[1].children(ber=True)[0]
    octets = body.children(ber=True)[2].children(ber=True)[1].children(ber=True)[0]
    if not octets.constructed:
        return octets.value
    return b"".join(part.value for part in octets.children(ber=True))


def tags(data: bytes) -> list[object]:
    items = tlv.parse_all(data, ber=True)
    return [(item.tag, tags(item.value) if item.constructed else None) for item in items]


class TestFaces:
    @pytest.mark.parametrize(
        ("name", "picture"),
        [
            ("dg2-7f2e", "jpeg"),
            ("dg2-no-owner", "jpeg"),
            ("dg2-length-8", "jpeg"),
            ("dg2-length-1", "jpeg"),
            ("dg2-trailing", "jpeg"),
            ("dg2-jp2", "jp2"),
            ("dg2-j2k", "j2k"),
        ],
    )
    def test_deviations_are_still_faces(self, make, name, picture):
        portrait = parse_dg2(image_with(make, name).files["EF.DG2"])
        assert (portrait.format, portrait.width, portrait.height) == (picture, 420, 560)

    def test_zeros_follow(self, make):
        assert image_with(make, "dg2-trailing").files["EF.DG2"].endswith(bytes(32))

    def test_the_newer_standard(self, make):
        group = image_with(make, "dg2-39794").files["EF.DG2"]
        assert tlv.encode(0x88, b"\x00\x2a") in group
        assert b"\x7f\x2e" in group

        portrait = parse_dg2(group)
        assert (portrait.format, portrait.image[:2].hex()) == ("jpeg", "ffd8")
        box = parse_dg2(image_with(make, "dg2-39794", "dg2-jp2").files["EF.DG2"])
        assert box.format == "jp2"

    def test_the_newer_standard_is_written_as_the_published_sample(self, make):
        """Tags and order are those of ICAO's own file with mandatory fields only."""
        sample = (DG2_39794 / "ICAO_39794_5_AP_DG2_MandFields.dat").read_bytes()
        mine = image_with(make, "dg2-39794", "dg2-jp2").files["EF.DG2"]
        assert tags(mine) == tags(sample)

    def test_more_than_sixty_four_kilobytes(self, make):
        assert len(image_with(make, "big-portrait").files["EF.DG2"]) > 70_000


def test_numbers_of_the_zone(make):
    short, long, two = (image_with(make, name) for name in ("short-number", "long-number", "td2"))
    assert short.mrz_information.startswith("AB12345<<")
    assert b"IDVNMAB12345<<" in short.files["EF.DG1"]
    assert long.mrz_information.startswith("D231458907349")
    assert b"IDVNMD23145890<7349<" in long.files["EF.DG1"]
    assert len(two.files["EF.DG1"]) == 77


def test_keys_of_chip_authentication(make):
    assert infos_of(image_with(make, "ca-no-info")).chip_authentication == ()
    assert [key.key_id for key in infos_of(image_with(make, "ca-key-id-zero")).ca_public_keys] == [
        0
    ]
    two = infos_of(image_with(make, "ca-two-keys"))
    assert [key.key_id for key in two.ca_public_keys] == [1, 2]
    assert [info.key_id for info in two.chip_authentication] == [1, 2]
    mapping = image_with(make, "cam-two-keys")
    assert [key.key_id for key in infos_of(mapping).ca_public_keys] == [13, 16]
    assert "EF.CardSecurity" in mapping.files


def test_offers_of_pace(make):
    several = parse_security_infos(image_with(make, "pace-several").files["EF.CardAccess"])
    assert [info.parameter_id for info in several.pace] == [12, 13, 16]
    unnamed = parse_security_infos(image_with(make, "pace-two-elements").files["EF.CardAccess"])
    assert [info.parameter_id for info in unnamed.pace] == [None]
    weaker = image_with(make, "card-access-weaker")
    offered = parse_security_infos(weaker.files["EF.CardAccess"]).pace[0].oid
    assert offered != infos_of(weaker).pace[0].oid


@pytest.mark.parametrize(
    ("name", "bits", "exponent"), [("aa-1024", 1_024, 65_537), ("aa-e3", 2_048, 3)]
)
def test_rsa_keys(make, name, bits, exponent):
    key = load_der_private_key(image_with(make, name).aa_private_key, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert (key.key_size, key.public_key().public_numbers().e) == (bits, exponent)


def test_elliptic_keys(make):
    for name, curve in (("aa-ecdsa", "brainpoolP256r1"), ("aa-der", "secp256r1")):
        image = image_with(make, name)
        key = load_der_private_key(image.aa_private_key, None)
        assert isinstance(key, pyca_ec.EllipticCurvePrivateKey)
        assert key.curve.name == curve
        assert image.traits.der == (name == "aa-der")
        assert infos_of(image).active_authentication


def test_details(make):
    files = image_with(make, "dg7-empty", "dg11-direct", "dg11-fillers", "dg12-bcd").files
    assert files["EF.DG7"].hex() == "6703020100"
    assert b"\x5f\x0f" in files["EF.DG11"]
    assert tlv.find(tlv.parse(files["EF.DG11"]).children(), 0xA0) is None
    assert tlv.encode(0x5F12, b"<") in files["EF.DG11"]
    assert tlv.encode(0x5F26, bytes.fromhex("20210504")) in files["EF.DG12"]
    assert len(tlv.only(tlv.parse(files["EF.DG12"]).children(), 0x5F55).value) == 7
    plain = image_with(make, groups=frozenset({7, 11, 12, 16})).files
    assert tlv.encode(0x5F26, b"20210504") in plain["EF.DG12"]
    assert tlv.only(tlv.parse(plain["EF.DG11"]).children(), 0xA0)
    assert tlv.parse(plain["EF.DG7"]).children()[0].value == b"\x01"
    assert plain["EF.DG16"][0] == 0x70


def test_details_are_what_the_parsers_read(make):
    thu = PEOPLE["thu"]
    for faults in ((), ("dg11-direct", "dg11-fillers", "dg12-bcd")):
        files = image_with(make, *faults, groups=frozenset({7, 11, 12, 16})).files
        details, document = parse_dg11(files["EF.DG11"]), parse_dg12(files["EF.DG12"])
        assert (details.personal_number, details.birth_date) == (thu.number, thu.birth_date)
        assert (document.issued, document.personalised.hour) == (thu.issue_date, 9)
        assert len(parse_dg7(files["EF.DG7"])) == 1
        assert [person.recorded for person in parse_dg16(files["EF.DG16"])] == [thu.issue_date]


def test_records_of_the_person(make):
    assert parse_dg13(image_with(make, "dg13-layout-b").files["EF.DG13"]).family
    with pytest.raises(FormatError):
        parse_dg13(image_with(make, "dg13-raw").files["EF.DG13"])


def test_lists_and_versions(make):
    extra = image_with(make, "com-extra", "dir-several").files
    assert extra["EF.COM"][-8:].hex().endswith("676d6e6f70")
    assert extra["EF.DIR"].count(b"\x61\x09") == 2
    assert "EF.COM" not in image_with(make, "com-missing").files
    newer = image_with(make, "lds-1.8").files
    assert b"0108" in newer["EF.COM"]
    assert b"0108" in newer["EF.SOD"]


def test_forms_of_the_sod(make):
    streamed = image_with(make, "sod-indefinite").files["EF.SOD"]
    assert tlv.parse(streamed).value[:2] == b"\x30\x80"
    for name, oid in (("be", "1.3.27.1.1.1"), ("sdu", "1.2.528.1.1006.1.20.1")):
        sod = image_with(make, f"sod-content-{name}").files["EF.SOD"]
        assert tlv.encode_oid(oid) in sod
    assert b"\x02\x01\x03\x80\x14" in image_with(make, "sod-key-id").files["EF.SOD"]


def test_the_master_file(make):
    files = make(replace(PROFILES["eac"], without=frozenset({2}))).files
    lengths = parse_atr_info(files["EF.ATR/INFO"])
    assert (lengths.max_command, lengths.max_response) == (1_024, 65_536)
    assert (lengths.extended, lengths.chaining) == (True, True)
    assert parse_dir(files["EF.DIR"]) == (bytes.fromhex("A0000002471001"),)
    assert parse_card_security(files["EF.CardSecurity"]).ca_public_keys
    assert tlv.encode_oid("0.4.0.127.0.7.3.2.1") in files["EF.CardSecurity"]


def test_a_card_without_any_key(make):
    image = make(Profile(active="", static_keys=(), card_access=b"", groups=frozenset({14, 15})))
    assert "EF.DG15" not in image.files
    assert image.ca_private_keys == ()
    assert infos_of(image).items[0].oid == "2.23.136.1.1.6"


def test_biometric_groups_hold_samples(make):
    files = make(replace(PROFILES["eac"], without=frozenset({2}))).files
    assert [finger.format for finger in parse_dg3(files["EF.DG3"])] == [7, 7]
    assert [iris.format for iris in parse_dg4(files["EF.DG4"])] == [9, 9]
    for number, magic in ((3, b"FIR\x00"), (4, b"IIR\x00")):
        content = files[f"EF.DG{number}"]
        assert content.count(magic) == 2
        (group,) = tlv.parse(content).children()
        assert [item.tag for item in group.children()] == [0x02, 0x7F60, 0x7F60]


def test_keys_are_written_as_they_were_drawn():
    form = StaticKeyForm(domain="brainpoolP224r1", explicit=False)
    key = chip_keys.StaticKey.create(form, rng=lambda size: bytes(size - 1) + b"\x07")
    curve = ec.by_name("brainpoolP224r1")
    assert key.private == 7
    assert ec.decode_point(curve, key.public) == ec.public_point(curve, 7)
    assert json.dumps(repr(key)).count("7") < 6
