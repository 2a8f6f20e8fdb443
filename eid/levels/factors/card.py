"""The card as a possession factor: only after it proved itself (contracts §1, §6; row L-001)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from eid.errors import InsufficientEvidence
from eid.levels.assurance import Factor

if TYPE_CHECKING:
    from eid.chip.verify import VerifiedCard

MAX_AGE = timedelta(seconds=120)


def card_factor(card: VerifiedCard, at: datetime) -> Factor:
    """The possession factor of a card that answered the verifier's own challenge just now.

    InsufficientEvidence ``card.possession`` when the chain is not anchored, Active
    Authentication is missing or not fresh, or the judgement is older than two minutes.
    """
    if not card.possession_proven or not -MAX_AGE <= at - card.verified_at <= MAX_AGE:
        raise InsufficientEvidence(
            "The card was read, but did not prove to be the original, here and now.",
            missing=("card.possession",),
            code="card.possession",
        )
    return Factor.of("card", card.verified_at)


def chip_answered(card: VerifiedCard, at: datetime) -> None:
    """InsufficientEvidence unless the chip answered us just now and its signer is vouched for.

    As :func:`card_factor`, but a remote verifier's word may stand in for an anchor: enough to
    raise an account to level 1, never a factor (contracts §1, §6).
    """
    if card.possession_proven or card.source != "chip_remote_verifier":
        card_factor(card, at)
        return
    passed = {check.name for check in card.checks if check.status == "passed"}
    answered = "chip_auth" in passed or {"aa.signature", "aa.freshness"} <= passed
    if not answered or not -MAX_AGE <= at - card.verified_at <= MAX_AGE:
        raise InsufficientEvidence(
            "The card was read, but did not answer here and now.",
            missing=("card.possession",),
            code="card.possession",
        )
