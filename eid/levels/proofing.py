"""The ways up: who may have which level, and what takes an account there (contracts §6).

>>> from datetime import UTC, datetime
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> eligibility("2021-03-01", rules=Rules.load(), at=now)
Eligibility(highest_level=1, alone=False)
>>> eligibility("1990-05-17", rules=Rules.load(), at=now)
Eligibility(highest_level=2, alone=True)
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from eid.errors import AccountError, HolderMismatch, InsufficientEvidence
from eid.levels.account import NUMBER, Account, Profile, move, profile_from_card
from eid.levels.assess import age_on
from eid.levels.assurance import Factor
from eid.levels.factors.card import card_factor
from eid.levels.rules import VIETNAM, Rules

if TYPE_CHECKING:
    from eid.chip.verify import VerifiedCard

CHANNELS = frozenset({"code", "passkey"})
"""What may confirm a person's channel: a code by message, e-mail or letter, or a passkey. A SIM
in one's own name is not asked for: who has none is served by another channel."""
CHANNEL_MAX_AGE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """The highest account level at an age, and whether the person acts without a representative."""

    highest_level: int
    alone: bool


def eligibility(birth_date: str, *, rules: Rules, at: datetime) -> Eligibility:
    """By age (Decree 69/2024 art. 7); an unknown birth date counts as the youngest."""
    current = rules.at(at)
    age = age_on(birth_date, at.astimezone(VIETNAM).date())
    alone = current.number("account.age", "alone")
    level_2 = current.number("account.level_2", "min_age")
    return Eligibility(
        highest_level=2 if level_2 is None or (age is not None and age >= level_2) else 1,
        alone=alone is None or (age is not None and age >= alone),
    )


def check_eligible(
    profile: Profile, level: int, *, representative: str | None, rules: Rules, at: datetime
) -> None:
    """AccountError unless this person may have the level (row L-005).

    Codes: ``account.document_kind`` (a document that is not Vietnam's, or without a number),
    ``account.age`` (never level 2 under six), ``account.representative_missing`` (under 14, or a
    ward, without the account of who acts for the person).
    """
    if profile.issuing_state != "VNM" or not NUMBER.fullmatch(profile.personal_number):
        raise AccountError(
            "This kind of document raises no account here.", code="account.document_kind"
        )
    allowed = eligibility(profile.birth_date, rules=rules, at=at)
    if level > allowed.highest_level:
        raise AccountError(
            "A child under six never has level 2.",
            code="account.age",
            highest_level=allowed.highest_level,
        )
    if not allowed.alone and representative is None:
        raise AccountError(
            "A person under 14 is enrolled through a representative.",
            code="account.representative_missing",
        )


def raise_remotely(
    account: Account, card: VerifiedCard, *, channel: Factor | None, rules: Rules, at: datetime
) -> Account:
    """Level 1 from one's own reader: the chip answered our challenge, and a channel was reached.

    Raises InsufficientEvidence (``card.possession``, ``channel``), HolderMismatch when the
    account is another person's, AccountError for an age, a document or a state that does not
    allow it. A portrait check may be added; it never replaces one of the two.
    """
    card_factor(card, at)
    if (
        channel is None
        or channel.method not in CHANNELS
        or not timedelta(seconds=-60) <= at - channel.at <= CHANNEL_MAX_AGE
    ):
        raise InsufficientEvidence(
            "Level 1 needs a confirmed channel to the person.",
            missing=("channel",),
            code="channel",
        )
    profile = profile_from_card(card)
    check_same_person(account, profile)
    check_eligible(profile, 1, representative=account.representative, rules=rules, at=at)
    return replace(move(account, "proofed_remotely", at=at, source="chip_local"), profile=profile)


def check_same_person(account: Account, profile: Profile) -> None:
    """HolderMismatch when the account already belongs to another number."""
    if account.profile is None or not account.profile.personal_number:
        return
    known = account.profile.personal_number.encode()
    if not hmac.compare_digest(known, profile.personal_number.encode()):
        raise HolderMismatch(
            "The card belongs to another person than the account.", code="holder_mismatch"
        )


def differences(typed: Profile, chip: Profile) -> tuple[str, ...]:
    """The fields that were typed otherwise than the chip says: the chip wins (row L-006)."""
    return tuple(
        one.name
        for one in fields(Profile)
        if getattr(typed, one.name) and getattr(typed, one.name) != getattr(chip, one.name)
    )
