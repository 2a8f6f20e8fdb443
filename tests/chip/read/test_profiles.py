"""Every kind of card that the software card can be, and every habit, through a whole read."""

from __future__ import annotations

import dataclasses
from datetime import datetime

import pytest

from eid.chip.access import Can, MrzKey
from eid.chip.evidence import Evidence
from eid.chip.plan import Plan
from eid.chip.read import read
from eid.errors import CardError, NotGenuine
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import Person
from eid.testing.personalise import personalise
from eid.testing.profile_faults import ISSUE_FAULTS
from eid.testing.profiles import PROFILES
from eid.testing.softcard import SoftwareCard
from eid.testing.softcard_quirks import QUIRKS

PLAN = Plan(name="all", files=("EF.SOD", "EF.DG14", "EF.DG1", "EF.DG15", "EF.COM", "EF.DG2"))
FATAL = {
    "no-status-object",
    "ca-pretends",
    "ca-wrong-key",
    "pace-reflected-key",
    "pace-off-curve",
    "pace-infinity",
    "pace-long-nonce",
    "pace-wrong-token",
    "pace-reflected-token",
}


def key_of(image: CardImage) -> Can | MrzKey:
    if image.can and "EF.CardAccess" in image.files:
        return Can(image.can)
    text = image.mrz_information
    return MrzKey(document_number=text[:-15], birth=text[-14:-8], expiry=text[-7:-1])


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_profiles(
    authority: DocumentAuthority, people: dict[str, Person], at: datetime, name: str
) -> None:
    image = personalise(people["thu"], authority, at=at, profile=PROFILES[name])
    image = dataclasses.replace(
        image, traits=dataclasses.replace(image.traits, bit_rate=0, command_us=0, crypto_us=0)
    )
    evidence = read(SoftwareCard(image), key_of(image), plan=PLAN, challenge=bytes(8), at=at)
    for file, content in evidence.files.items():
        assert image.files[file] == content
    assert {"EF.SOD", "EF.DG1", "EF.DG2"} <= set(evidence.files)
    expected = "BAC" if name == "bac-passport" else "PACE"
    assert evidence.access.protocol == expected
    assert (evidence.chip_authentication is not None) is (name != "bac-passport")
    assert Evidence.from_json(evidence.to_json()) == evidence


@pytest.mark.parametrize("name", sorted(QUIRKS))
def test_habits(card_image: CardImage, at: datetime, name: str) -> None:
    """What real cards do is read; what only a false card does ends in a typed error."""
    traits = dataclasses.replace(card_image.traits, quirks=frozenset({name}))
    card = SoftwareCard(dataclasses.replace(card_image, traits=traits), sleep=lambda _: None)

    def attempt() -> Evidence:
        return read(card, Can(card_image.can), plan=PLAN, challenge=bytes(8), at=at)

    if name in FATAL:
        with pytest.raises((CardError, NotGenuine)):
            attempt()
        return
    evidence = attempt()
    for file, content in evidence.files.items():
        assert card_image.files[file] == content


def test_two_element_pace(
    authority: DocumentAuthority, people: dict[str, Person], at: datetime
) -> None:
    """A PACEInfo that does not name its parameters: the usual curve is taken, and written down."""
    profile = ISSUE_FAULTS["pace-two-elements"].apply(PROFILES["cccd-2021"])
    image = personalise(people["thu"], authority, at=at, profile=profile)
    card = SoftwareCard(image, sleep=lambda _: None)
    evidence = read(card, Can(image.can), plan=PLAN, at=at)
    assert (evidence.access.protocol, evidence.access.parameter_id) == ("PACE", 13)


def test_c_mapping_of_a_chip_without_its_key(
    authority: DocumentAuthority, people: dict[str, Person], at: datetime
) -> None:
    """PACE-CAM by a copy: the mapping does not fit EF.CardSecurity."""
    image = personalise(people["thu"], authority, at=at, profile=PROFILES["pace-cam"])
    copy = dataclasses.replace(
        image,
        traits=dataclasses.replace(image.traits, bit_rate=0, command_us=0, crypto_us=0),
        ca_private_keys=tuple(key ^ 2 for key in image.ca_private_keys),
    )
    with pytest.raises(NotGenuine) as caught:
        read(SoftwareCard(copy), key_of(copy), plan=PLAN, at=at)
    assert caught.value.code == "pace.cam"
