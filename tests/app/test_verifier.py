import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from eid.app.installation import LOGIN
from eid.app.verifier import TrustFolder, Verifier
from eid.chip.access import can_from_number, personal_number
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.errors import ChallengeMismatch, HolderMismatch, Revoked, SettingsError
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import PEOPLE
from eid.testing.softcard import SoftwareCard

CHALLENGE = bytes(range(8))
THU = PEOPLE["thu"]


@pytest.fixture
def folder(tmp_path: Path, authority: DocumentAuthority, at: datetime) -> Path:
    return authority.trust_folder(tmp_path / "trust", crl=authority.crl(at=at))


@pytest.fixture
def verifier(folder: Path) -> Verifier:
    return Verifier(trust=TrustFolder(folder), policy=LOGIN)


def test_a_login_needs_the_chips_own_answer(
    verifier: Verifier, card_image: CardImage, at: datetime
) -> None:
    evidence = read(
        SoftwareCard(card_image),
        can_from_number(personal_number(THU.number)),
        plan=PLANS["kiosk"],
        challenge=CHALLENGE,
        at=at,
    )
    assert verifier(evidence, CHALLENGE, at, THU.number).possession_proven
    with pytest.raises(ChallengeMismatch):
        verifier(evidence, bytes(8), at, None)
    with pytest.raises(HolderMismatch):
        verifier(evidence, CHALLENGE, at, PEOPLE["linh"].number if "linh" in PEOPLE else "0" * 12)


def test_a_new_revocation_list_counts_at_once(
    verifier: Verifier,
    folder: Path,
    authority: DocumentAuthority,
    card_image: CardImage,
    at: datetime,
) -> None:
    evidence = read(
        SoftwareCard(card_image),
        can_from_number(personal_number(THU.number)),
        plan=PLANS["kiosk"],
        challenge=CHALLENGE,
        at=at,
    )
    assert verifier(evidence, CHALLENGE, at, None)
    crl = authority.crl(revoked=[authority.ds_serial], at=at + timedelta(seconds=1), number=2)
    authority.trust_folder(folder, crl=crl)
    with pytest.raises(Revoked):
        verifier(evidence, CHALLENGE, at + timedelta(minutes=1), None)


def test_an_unchanged_folder_is_parsed_once(folder: Path) -> None:
    trust = TrustFolder(folder)
    first = trust.current()
    assert trust.current() is first
    os.utime(folder / "csca" / "test-csca.der", ns=(0, 0))
    assert trust.current() is not first


def test_a_lost_folder_stops_every_login(folder: Path, tmp_path: Path) -> None:
    trust = TrustFolder(folder)
    trust.current()
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(SettingsError):
        trust.current()
