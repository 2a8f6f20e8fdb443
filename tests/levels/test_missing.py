"""Every refusal says what is missing, in words that a kiosk can show."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from eid.errors import InsufficientEvidence
from eid.levels.account import Account, profile_from_card
from eid.levels.assess import assess
from eid.levels.assurance import Factor
from eid.levels.missing import said, sentences
from eid.levels.payments import Transfer, assess_payment
from eid.levels.proofing import raise_remotely
from eid.levels.rules import Rules

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULES = Rules.load()


def everything_that_can_be_missing(card):
    account = Account(id="a", username="thu", created_at=AT, state="active", level=2)
    profile = profile_from_card(card())
    accounts = (
        None,
        account,
        replace(account, level=1, profile=profile),
        replace(account, state="locked", profile=profile),
        replace(account, level=0, state="registered", profile=profile),
        replace(account, profile=replace(profile, expiry="2020-01-01")),
    )
    found = set()
    for who, shown, consent in product(
        accounts, (None, card(), card(possession_proven=False)), (True, False)
    ):
        given = assess(card=shown, factors=(), account=who, consent=consent, rules=RULES, at=AT)
        found |= set(given.missing)
    transfer = Transfer(amount=10**9, at=AT)
    found |= set(assess_payment(transfer, earlier=(), rules=RULES).missing)
    for shown, channel in ((card(), None), (card(possession_proven=False), Factor.of("code", AT))):
        with pytest.raises(InsufficientEvidence) as caught:
            raise_remotely(accounts[4], shown, channel=channel, rules=RULES, at=AT)
        found |= set(caught.value.missing)
    return found


def test_every_name_has_a_sentence_in_both_languages_and_every_sentence_a_use(card):
    names = everything_that_can_be_missing(card)
    assert names == sentences().keys()
    for words in sentences().values():
        assert words.keys() == {"vi", "en"}
        assert all(text.endswith(".") and len(text) < 120 for text in words.values())


def test_in_the_order_that_was_asked_for():
    first, second = said(("consent", "factor.possession"))
    assert first == sentences()["consent"]["vi"]
    assert second == sentences()["factor.possession"]["vi"]
    with pytest.raises(KeyError):
        said(("nothing",))
