"""A shared card profile played back: the same kind of card, with another holder and other keys."""

from dataclasses import replace

import pytest

from eid import tlv
from eid.chip.access import Can, MrzKey
from eid.chip.card_profile import (
    ActiveKey,
    CardProfile,
    ChipAuthenticationOffer,
    ChipKey,
    CommandTime,
    FileFact,
    PaceOffer,
)
from eid.chip.lds.security_infos import parse_security_infos
from eid.chip.read.survey import survey
from eid.errors import FormatError
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.profiles import PROFILES, VIETNAM_CARD_ACCESS
from eid.testing.replay import replayed
from eid.testing.softcard import SoftwareCard

REAL = CardProfile(
    atr="3b8a80018031f873f74182900098",
    extended_length=False,
    max_command=1_024,
    max_response=2_048,
    select_master_file=0x6A86,
    bac=True,
    lds_version="0108",
    terminal_authentication=(1,),
    pace=(PaceOffer(oid="0.4.0.127.0.7.2.2.4.2.4", parameter_id=16),),
    chip_authentication=(ChipAuthenticationOffer(oid="0.4.0.127.0.7.2.2.3.2.4", key_id=1),),
    chip_keys=(ChipKey(domain="brainpoolP384r1", key_id=1),),
    active_keys=(ActiveKey(algorithm="rsa", bits=1_024, trailer="bc"),),
    files=(
        FileFact(name="EF.COM", length=30),
        FileFact(name="EF.CardSecurity", length=2_000),
        FileFact(name="EF.DG1", length=95),
        FileFact(name="EF.DG2", length=19_000),
        FileFact(name="EF.DG3", length=None, sw=0x6982),
        FileFact(name="EF.DG11", length=None, sw=0x6A82),
        FileFact(name="EF.DG13", length=None, sw=0x6982),
        FileFact(name="EF.DG14", length=400),
        FileFact(name="EF.DG15", length=200),
    ),
    times=(
        CommandTime(instruction=0xB0, count=90, median_us=9_000, longest_us=20_000),
        CommandTime(instruction=0x86, count=4, median_us=120_000, longest_us=200_000),
    ),
)


# Octets by which the DER INTEGER of one random DH public key may differ from another's, generously.
MOST_INTEGER_DIFFERENCE = 4


@pytest.fixture
def card(authority, at):
    profile = replayed(CardProfile.from_json(REAL.to_json()))
    return personalise(PEOPLE["thu"], authority, at=at, profile=profile)


def test_files_and_lengths_are_those_of_the_card(card):
    groups = {name for name in card.files if name.startswith("EF.DG")}
    assert groups == {"EF.DG1", "EF.DG2", "EF.DG3", "EF.DG14", "EF.DG15"}
    assert len(card.files["EF.DG2"]) == 19_000
    assert {"EF.CardSecurity", "EF.COM", "EF.ATR/INFO"} <= card.files.keys()
    assert b"0108" in card.files["EF.COM"]


def test_protocols_are_those_of_the_card(card):
    access = parse_security_infos(card.files["EF.CardAccess"])
    assert [(info.oid, info.parameter_id) for info in access.pace] == [
        ("0.4.0.127.0.7.2.2.4.2.4", 16)
    ]
    assert tuple(info.key_id for info in _dg14(card).chip_authentication) == (1,)
    assert _dg14(card).terminal_authentication


def _dg14(card):
    (infos,) = tlv.parse(card.files["EF.DG14"]).children()
    return parse_security_infos(infos.raw)


def test_behaviour_is_that_of_the_card(card):
    traits = card.traits
    assert not traits.extended
    assert traits.bac
    assert traits.quirks == {"select-mf-6a86"}
    assert (traits.command_us, traits.crypto_us) == (9_000, 111_000)
    assert traits.signature_digest == "sha1-bc"
    assert card.atr.hex() == REAL.atr


def test_an_unknown_card_is_the_barest_one():
    profile = replayed(CardProfile())
    assert profile.groups == {1}
    assert (profile.card_access, profile.active, profile.static_keys) == (b"", "", ())
    assert profile.traits.extended
    assert profile.atr_info is None


def test_an_elliptic_chip():
    key = ActiveKey(algorithm="ecdsa", bits=256, curve="secp256r1", response="der")
    profile = replayed(replace(REAL, active_keys=(key,)))
    assert profile.active == "ecdsa-secp256r1"
    assert profile.traits.der


def test_groups_by_their_bits():
    profile = replayed(replace(REAL, chip_keys=(ChipKey(domain="dh-2048"),)))
    assert [key.domain for key in profile.static_keys] == ["dh-2"]


@pytest.mark.parametrize(
    "changes",
    [
        {"atr": "3b8"},
        {"chip_keys": (ChipKey(domain="dh-1536"),)},
        {"chip_keys": (ChipKey(domain="dh-many"),)},
        {"chip_authentication": (ChipAuthenticationOffer(oid="nothing"),)},
    ],
    ids=["atr", "group", "bits", "oid"],
)
def test_what_cannot_be_played(changes):
    with pytest.raises(FormatError):
        replayed(replace(REAL, **changes))


def test_card_access_is_as_long_as_the_cards():
    """Vietnam's card repeats Chip and Terminal Authentication there, others do not."""
    vietnamese = replace(
        REAL,
        pace=(PaceOffer(oid="0.4.0.127.0.7.2.2.4.2.2", parameter_id=13),),
        chip_authentication=(ChipAuthenticationOffer(oid="0.4.0.127.0.7.2.2.3.2.2"),),
        files=(FileFact(name="EF.CardAccess", length=54),),
    )
    assert replayed(vietnamese).card_access == VIETNAM_CARD_ACCESS
    assert len(replayed(replace(vietnamese, files=())).card_access) == 22


@pytest.mark.parametrize("name", ["cccd-2021", "bac-passport", "pace-cam", "pace-dh", "3des"])
def test_a_survey_of_the_copy_is_the_survey_of_the_card(authority, at, name):
    """What is left out of a profile: times, and lengths that depend on names and signatures."""
    seen = _survey(authority, at, PROFILES[name])
    again = _survey(authority, at, replayed(seen))
    assert _steady(again) == _steady(seen)
    assert seen.files
    assert abs(_length(again, "EF.DG14") - _length(seen, "EF.DG14")) <= MOST_INTEGER_DIFFERENCE


def _survey(authority, at, profile) -> CardProfile:
    image = personalise(PEOPLE["thu"], authority, at=at, profile=profile)
    text = image.mrz_information
    zone = MrzKey(document_number=text[:-15].rstrip("<"), birth=text[-14:-8], expiry=text[-7:-1])
    key = Can(image.can) if "EF.CardAccess" in image.files else zone
    return survey(SoftwareCard(image), key)


def _length(found: CardProfile, name: str) -> int:
    return next((fact.length or 0 for fact in found.files if fact.name == name), 0)


def _steady(found: CardProfile) -> CardProfile:
    varying = {"EF.SOD", "EF.CardSecurity", "EF.DG13"}
    if any(key.domain.startswith("dh-") for key in found.chip_keys):
        varying.add("EF.DG14")  # a DH public key is a DER INTEGER: its sign octet comes and goes
    files = tuple(
        replace(fact, length=0) if fact.name in varying else fact for fact in found.files
    )
    return replace(found, times=(), files=files)
