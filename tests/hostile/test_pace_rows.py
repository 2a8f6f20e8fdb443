"""C-014, C-015, C-019, C-028, C-032: what a lying chip tries while it is opened.

Each ends in a typed error, and nothing more is sent once the lie is seen.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime

import pytest

from eid.chip.access import Can
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.errors import CardError
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault
from eid.testing.people import Person
from eid.testing.personalise import personalise
from eid.testing.profile_faults import ISSUE_FAULTS
from eid.testing.profiles import CARD_2021
from eid.testing.softcard import SoftwareCard

CARD_ACCESS, SET_AT = 1, 1


@pytest.mark.parametrize(
    ("row", "quirk", "steps"),
    [
        ("C-014", "pace-long-nonce", 1),
        ("C-015", "pace-off-curve", 2),
        ("C-015", "pace-infinity", 2),
        ("C-015", "pace-reflected-key", 3),
        ("C-019", "pace-wrong-token", 4),
        ("C-019", "pace-reflected-token", 4),
    ],
)
def test_pace_ends_where_the_chip_lies(
    card_image: CardImage, at: datetime, row: str, quirk: str, steps: int
) -> None:
    assert row
    traits = dataclasses.replace(card_image.traits, quirks=frozenset({quirk}))
    card = SoftwareCard(dataclasses.replace(card_image, traits=traits))
    with pytest.raises(CardError):
        read(card, Can(card_image.can), plan=PLANS["kiosk"], at=at)
    assert card.count == CARD_ACCESS + SET_AT + steps


@pytest.mark.parametrize("kind", ["flip", "naked", "missing_status"])
@pytest.mark.parametrize("command", [7, 9, 11])
def test_c_032_a_protected_answer_that_is_not_authentic(
    card_image: CardImage, at: datetime, kind: str, command: int
) -> None:
    """C-032: a flipped bit, no protection, no protected status: the session is over."""
    card = SoftwareCard(card_image, faults=[Fault.from_text(f"{kind}@{command}")])
    with pytest.raises(CardError):
        read(card, Can(card_image.can), plan=PLANS["kiosk"], at=at)
    assert card.count == command


def test_c_028_the_strongest_offer(
    authority: DocumentAuthority, people: dict[str, Person], at: datetime
) -> None:
    """C-028: of several offers, the weakest first, the strongest is run."""
    profile = ISSUE_FAULTS["pace-several"].apply(CARD_2021)
    image = personalise(people["thu"], authority, at=at, profile=profile)
    evidence = read(
        SoftwareCard(image, sleep=lambda _: None), Can(image.can), plan=PLANS["kiosk"], at=at
    )
    assert (evidence.access.parameter_id, (evidence.access.oid or "")[-1]) == (16, "4")
