"""Every named fault and every profile: read over its transport, judged, and ended as listed here.

What a card may do is met and accepted, or it ends in a typed error or a rejection; never between.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from eid.chip.access import Can, MrzKey
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.chip.verify import judge
from eid.errors import CardError
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import PEOPLE
from eid.testing.personalise import authority_for, personalise
from eid.testing.profile_faults import ISSUE_FAULTS, apply
from eid.testing.profiles import PROFILES, Profile
from eid.testing.softcard import SoftwareCard
from eid.testing.softcard_quirks import QUIRKS
from eid.trust.store import TrustStore

PLAN = dataclasses.replace(PLANS["kiosk"], files=(*PLANS["kiosk"].files, "EF.COM"))
ENDS = {
    "card-access-weaker": "pace.downgrade",
    "com-extra": "lds.data_groups",
    "dg14-unsigned": "dg.not_covered",
    "sod-content-data": "cms.content_type",
    "sod-long-integers": "signature_invalid",
    "sod-no-attributes": "cms.format",
    "aa-partial": "aa.range",
    "ca-pretends": "chip_auth.unproven",
    "ca-wrong-key": "chip_auth.unproven",
    "no-status-object": "card.secure_messaging",
    "pace-infinity": "pace.point",
    "pace-long-nonce": "pace.nonce",
    "pace-off-curve": "pace.point",
    "pace-reflected-key": "pace.reflection",
    "pace-reflected-token": "pace.token",
    "pace-wrong-token": "pace.token",
}
"""How a read or a judgement ends that is not accepted. That a chip never signs is no refusal here."""


@pytest.fixture(scope="module")
def authorities() -> dict[object, tuple[DocumentAuthority, datetime]]:
    """One for each way of signing: making keys is most of the work."""
    return {}


Outcome = Callable[[Profile], str]


@pytest.fixture
def outcome(
    authorities: dict[object, tuple[DocumentAuthority, datetime]],
    at: datetime,
    aa_key: rsa.RSAPrivateKey,
) -> Outcome:
    """Issue a card of this profile, read it, judge it, and say how it ended."""

    def run(profile: Profile) -> str:
        kind = profile.signs, profile.signer_serial, profile.age_days, profile.document_types
        if kind not in authorities:
            authorities[kind] = authority_for(profile, at=at)
        return _ended(profile, authorities[kind], at, aa_key)

    return run


def _ended(
    profile: Profile,
    issuing: tuple[DocumentAuthority, datetime],
    at: datetime,
    aa_key: rsa.RSAPrivateKey,
) -> str:
    authority, issued = issuing
    own = aa_key if profile.active == "rsa-2048" else None
    image = personalise(PEOPLE["thu"], authority, at=issued, profile=profile, aa_private_key=own)
    try:
        evidence = read(
            SoftwareCard(image, sleep=lambda _: None),
            key(image),
            plan=PLAN,
            challenge=bytes(8),
            deadline_s=300.0,
            at=at,
        )
    except CardError as error:
        return error.code
    trust = TrustStore.of(csca=[authority.csca_der], crl=[authority.crl(at=at)])
    verdict = judge(evidence, trust, at=at, challenge=bytes(8))
    return verdict.verdict if not verdict.reasons else verdict.reasons[0]


def key(image: CardImage) -> Can | MrzKey:
    if "EF.CardAccess" in image.files:
        return Can(image.can)
    number, birth, expiry = (image.mrz_information[a:b] for a, b in ((0, 9), (10, 16), (17, 23)))
    return MrzKey(document_number=number.rstrip("<"), birth=birth, expiry=expiry)


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_profile(name: str, outcome: Outcome) -> None:
    assert outcome(PROFILES[name]) == "accepted"


@pytest.mark.parametrize("name", sorted([*ISSUE_FAULTS, *QUIRKS]))
def test_every_fault(name: str, outcome: Outcome) -> None:
    assert outcome(apply(PROFILES["cccd-2021"], (name,))) == ENDS.get(name, "accepted")
