from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import InsufficientEvidence
from eid.levels.factors.card import card_factor

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("age", [0, 120, -120])
def test_a_proven_card_is_possession_from_the_time_it_was_judged(card, age):
    factor = card_factor(card(), AT + timedelta(seconds=age))
    assert (factor.method, factor.kind, factor.amr, factor.at) == ("card", "possession", "sc", AT)


@pytest.mark.parametrize(
    ("changes", "age"), [({"possession_proven": False}, 0), ({}, 121), ({}, -121)]
)
def test_l001_anything_less_is_not(card, changes, age):
    with pytest.raises(InsufficientEvidence) as caught:
        card_factor(card(**changes), AT + timedelta(seconds=age))
    assert caught.value.missing == ("card.possession",)
