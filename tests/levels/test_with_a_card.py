"""The whole way into a level: a software card is read, judged, and assessed."""

from __future__ import annotations

import pytest

from eid.chip.access import can_from_number, personal_number
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.chip.verify import verify
from eid.levels.account import Account, move, profile_from_card
from eid.levels.assess import assess
from eid.levels.assurance import Factor
from eid.levels.challenge import derive_challenge
from eid.levels.factors.card import card_factor
from eid.levels.rules import Rules
from eid.testing.softcard import SoftwareCard
from eid.trust.store import TrustStore

CHALLENGE = derive_challenge(
    issuer="https://id.example",
    client_id="counter",
    transaction_id="t1",
    cookie_hash=b"",
    random=bytes(range(32)),
)


@pytest.fixture(scope="module")
def verified(card_image, people, trust_folder, at):
    key = can_from_number(personal_number(people["thu"].number))
    evidence = read(SoftwareCard(card_image), key, plan=PLANS["kiosk"], challenge=CHALLENGE, at=at)
    return verify(evidence, TrustStore.load(trust_folder), at=at, challenge=CHALLENGE)


def test_profile_holds_what_the_card_says(verified, people):
    profile, person = profile_from_card(verified), people["thu"]
    assert profile.personal_number == person.number
    assert profile.name == person.name
    assert profile.birth_date == person.birth_date.isoformat()
    assert profile.expiry == person.expiry.isoformat()
    assert profile.issue_date == person.issue_date.isoformat()
    assert profile.address == person.residence
    assert profile.sex == person.sex


def test_from_the_counter_to_a_login(verified, at):
    account = Account(id="a1", username="thu", created_at=at, profile=profile_from_card(verified))
    rules = Rules.load()
    before = assess(card=verified, factors=(), account=account, consent=True, rules=rules, at=at)
    assert (before.level, before.auth_level) == (0, 1)
    account = move(
        account, "proofed_at_counter", at=at, holder_match="officer", source="chip_local"
    )
    factors = [Factor.of("password", at), card_factor(verified, at)]
    after = assess(card=None, factors=factors, account=account, consent=True, rules=rules, at=at)
    assert (after.level, after.auth_level, after.source) == (2, 2, "chip_local")
