"""What a whole read costs, pinned: PACE, CA, AA, DG1, DG2, DG13, DG14, DG15 and SOD."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eid.chip.evidence import Evidence
from eid.chip.transport import Counting
from eid.testing.card_image import CardImage
from eid.testing.softcard import SoftwareCard


def whole(evidence: Evidence) -> None:
    assert evidence.active_authentication is not None
    assert evidence.chip_authentication is not None
    assert {"EF.DG1", "EF.DG2", "EF.DG13", "EF.DG14", "EF.DG15", "EF.SOD"} < set(evidence.files)


def test_extended(take: Callable[..., Evidence], reference_image: CardImage) -> None:
    """The best peer needs 26 to 33 APDUs and 22,537 to 22,827 bytes."""
    counting = Counting(SoftwareCard(reference_image))
    whole(take(counting))
    assert (counting.apdus, counting.octets <= 22_133) == (16, True), counting.octets


def test_short(take: Callable[..., Evidence], reference_image: CardImage) -> None:
    """The best peer needs 116 to 123 APDUs and 26,112 to 26,469 bytes."""
    counting = Counting(SoftwareCard(reference_image))
    whole(take(counting, extended=False))
    assert (counting.apdus, counting.octets <= 25_712) == (106, True), counting.octets


def test_chip_without_extended_length(
    take: Callable[..., Evidence], reference_image: CardImage
) -> None:
    """Found out before PACE, by one command that the chip refuses."""
    counting = Counting(SoftwareCard(reference_image, extended=False))
    whole(take(counting))
    assert counting.apdus == 107


@pytest.mark.parametrize("extended", [None, False])
def test_reads_are_equal(
    take: Callable[..., Evidence], reference_image: CardImage, extended: bool | None
) -> None:
    evidence = take(extended=extended)
    assert all(reference_image.files[name] == content for name, content in evidence.files.items())
