"""A card profile from a read: facts of the chip's kind, and nothing of its holder."""

from __future__ import annotations

import dataclasses

import pytest

from eid.chip.access import can_from_number, personal_number
from eid.chip.card_profile import CardProfile
from eid.chip.read.survey import survey
from eid.errors import AccessDenied, CardRemoved
from eid.testing.card_image import CardImage
from eid.testing.chip_traits import Traits
from eid.testing.faults import pulled
from eid.testing.people import Person
from eid.testing.softcard import SoftwareCard


def taken(image: CardImage, person: Person, **options: object) -> CardProfile:
    can = can_from_number(personal_number(person.number))
    profile = survey(SoftwareCard(image, **options), can)
    assert CardProfile.from_json(profile.to_json()) == profile
    return profile


def test_facts(card_image: CardImage, people: dict[str, Person]) -> None:
    profile = taken(card_image, people["thu"])
    lengths = {fact.name: fact.length for fact in profile.files}
    assert lengths["EF.DG2"] == len(card_image.files["EF.DG2"])
    assert {fact.name: fact.sw for fact in profile.files}["EF.DG3"] == 0x6982
    assert (profile.extended_length, profile.bac) == (True, True)
    assert profile.select_master_file == 0x6D00
    assert profile.chip_keys[0].domain == "brainpoolP256r1"
    assert profile.chip_keys[0].explicit
    assert profile.sod == ("2.16.840.1.101.3.4.2.1", "ecdsa", "brainpoolP384r1")
    assert {time.instruction for time in profile.times} >= {0xB0, 0x86, 0x88}


def test_nothing_of_the_holder(card_image: CardImage, people: dict[str, Person]) -> None:
    person = people["thu"]
    text = taken(card_image, person).to_json().decode()
    for secret in (person.number, person.can, person.document_number, person.surname):
        assert secret not in text


@pytest.mark.parametrize("quirk", ["aa-6d00", "no-extended", "dir-6982", "ca-no-kat"])
def test_odd_chips_are_described(
    card_image: CardImage, people: dict[str, Person], quirk: str
) -> None:
    odd = dataclasses.replace(card_image, traits=Traits(quirks=frozenset({quirk})))
    profile = taken(odd, people["thu"])
    assert profile.bac is False
    assert (profile.active_keys[0].trailer == "") is (quirk == "aa-6d00")


def test_files_that_cannot_be_understood(card_image: CardImage, people: dict[str, Person]) -> None:
    files = {**card_image.files, "EF.SOD": b"\x77\x01x", "EF.DG14": b"\x6e\x01x", "EF.COM": b"`\0"}
    del files["EF.DG15"]
    profile = taken(dataclasses.replace(card_image, files=files), people["thu"])
    assert (profile.sod, profile.chip_keys, profile.active_keys) == ((), (), ())


def test_failures_are_typed(card_image: CardImage, people: dict[str, Person]) -> None:
    with pytest.raises(CardRemoved):
        taken(card_image, people["thu"], faults=[pulled(12)])
    with pytest.raises(AccessDenied):
        taken(dataclasses.replace(card_image, can="000000"), people["thu"])
