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
