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
from eid.levels.assurance import CHANNEL, Factor, HolderMatch
from eid.levels.factors.card import chip_answered
from eid.levels.rules import VIETNAM, Rules

if TYPE_CHECKING:
    from eid.chip.verify import VerifiedCard

CHANNEL_MAX_AGE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """How the holder was matched: by an officer's own login (``second`` agreed), or by a face.

    ``face`` is what :func:`eid.levels.factors.face.face_factor` made of an engine's signed result
    for this transaction. ``two`` asks for two officers.
    """

    officer: str | None = None
    second: str | None = None
    face: Factor | None = None
    two: bool = False

    @property
    def match(self) -> HolderMatch:
        """An officer's eyes count before an engine's."""
        if self.officer is not None:
            return "officer"
        return "none" if self.face is None else "face"

    def check(self, account: Account, *, rules: Rules, at: datetime) -> None:
        """AccountError unless this is a match of the account's holder, by somebody else."""
        if self.face is not None:
            _check_face(self.face, rules, at)
        if self.match == "none":
            raise AccountError(
                "Level 2 needs a match of the holder, by an officer or the face port.",
                code="account.holder_match_missing",
            )
        if account.id in {self.officer, self.second}:
            raise AccountError("Officers do not enrol themselves.", code="counter.own_account")
        if self.two and (self.officer is None or self.second in {None, self.officer}):
            raise AccountError("A second officer must agree.", code="counter.second_officer")


def _check_face(face: Factor, rules: Rules, at: datetime) -> None:
    limit = rules.at(at).number("factor.freshness", "inherence")
    old = limit is not None and at - face.at > timedelta(seconds=limit)
    if face.method != "face" or old or face.at - at > timedelta(seconds=60):
        raise AccountError(
            "The match of the face is too old, or none.", code="account.holder_match_missing"
        )


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
    chip_answered(card, at)
    if (
        channel is None
        or channel.method != CHANNEL
        or not timedelta(seconds=-60) <= at - channel.at <= CHANNEL_MAX_AGE
    ):
        raise InsufficientEvidence(
            "Level 1 needs a confirmed channel to the person.",
            missing=("channel",),
            code="channel",
        )
    profile = profile_from_card(card)
    if account.profile is not None and not account.profile.personal_number:
        raise AccountError(
            "The account's number was cancelled: the counter decides whose card this is.",
            code="account.number_cancelled",
        )
    check_same_person(account, profile)
    check_eligible(profile, 1, representative=account.representative, rules=rules, at=at)
    return replace(move(account, "proofed_remotely", at=at, source=card.source), profile=profile)


def raise_in_presence(
    account: Account,
    card: VerifiedCard,
    *,
    presence: Presence,
    representative: str | None = None,
    rules: Rules,
    at: datetime,
) -> Account:
    """Level 2: the chip answered our challenge, and the holder was matched in presence.

    The card may have been judged as long ago as a factor counts, for a second officer to come.
    Raises InsufficientEvidence ``card.possession``, HolderMismatch, or AccountError:
    ``account.holder_match_missing``, ``counter.own_account`` for an officer's own account,
    ``counter.second_officer`` when another person must agree, an age, a document or a state.
    """
    presence.check(account, rules=rules, at=at)
    limit = rules.at(at).number("factor.freshness", "possession")
    age = at - card.verified_at
    chip_answered(card, card.verified_at)
    if age < timedelta(seconds=-60) or (limit is not None and age > timedelta(seconds=limit)):
        raise InsufficientEvidence(
            "The card was judged too long ago.",
            missing=("card.possession",),
            code="card.possession",
        )
    profile = profile_from_card(card)
    check_same_person(account, profile)
    check_eligible(profile, 2, representative=representative, rules=rules, at=at)
    raised = move(
        account, "proofed_at_counter", at=at, holder_match=presence.match, source=card.source
    )
    return replace(raised, profile=profile, representative=representative)


def check_representative(
    representative: Account | None, ward: str, *, level: int, rules: Rules, at: datetime
) -> None:
    """AccountError ``account.representative`` unless this account may act for a ward.

    Another person than the ward, of age, no ward himself, active, and proofed at least as well
    as the ward's account shall be.
    """
    adult = rules.at(at).number("account.representative", "min_age")
    profile = None if representative is None else representative.profile
    age = None if profile is None else age_on(profile.birth_date, at.astimezone(VIETNAM).date())
    if (
        representative is None
        or representative.id == ward
        or representative.representative is not None
        or representative.state != "active"
        or representative.level < level
        or (adult is not None and (age is None or age < adult))
    ):
        raise AccountError(
            "This account cannot act for another person.", code="account.representative"
        )


def check_same_person(account: Account, profile: Profile) -> None:
    """HolderMismatch when the account already belongs to another number, or was somebody else's.

    After a number was cancelled the new one follows a corrected name or date of birth, not both: a
    password handed on makes nobody the person that services know the account as.
    """
    before = account.profile
    if before is None:
        return
    if before.personal_number:
        known, shown = before.personal_number.encode(), profile.personal_number.encode()
        same = hmac.compare_digest(known, shown)
    else:
        likeness = (before.name == profile.name, before.birth_date == profile.birth_date)
        same = not before.name or any(likeness)
    if not same:
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
