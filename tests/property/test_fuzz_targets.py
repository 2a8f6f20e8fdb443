"""Every target of `make fuzz`, shortly and always alike: its corpus, whole and mutated."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from eid.errors import EidError
from tests.fuzz import chip, qr, trust
from tests.fuzz.__main__ import mutated

INPUTS = 120
TARGETS = {
    f"{room.__name__.rpartition('.')[2]}.{name}": target
    for room in (chip, qr, trust)
    for name, target in room.TARGETS.items()
}


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_a_value_or_a_typed_error(name: str) -> None:
    target: Callable[[bytes], object]
    target, seeds = TARGETS[name]
    assert seeds
    chosen = random.Random(name)
    for data in (*seeds, *(mutated(chosen, chosen.choice(seeds)) for _ in range(INPUTS))):
        try:
            target(data)
        except EidError:
            continue
