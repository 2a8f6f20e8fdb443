"""The reference card of the bars, and a way to read it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from eid.chip.evidence import Evidence
from eid.chip.read import read
from eid.testing.card_image import CardImage
from eid.testing.softcard import SoftwareCard
from tests.chip.read.reference import CAN, reference_card


@pytest.fixture(scope="session")
def reference_image() -> CardImage:
    return reference_card()


@pytest.fixture
def take(reference_image: CardImage, at: datetime) -> Callable[..., Evidence]:
    """Read the reference card, or another transport."""

    def run(transport: object = None, **options: object) -> Evidence:
        values = {"challenge": bytes(range(8)), "at": at} | options
        card = transport if transport is not None else SoftwareCard(reference_image)
        return read(card, values.pop("key", CAN), **values)

    return run
