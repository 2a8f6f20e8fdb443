"""A lifted card is read on, and what was read is kept only for the chip that proves its key."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest

from eid.chip.evidence import Evidence
from eid.chip.transport import Counting, Transport
from eid.errors import CardError, CardRemoved, DeadlineExceeded
from eid.testing.card_image import CardImage
from eid.testing.faults import pulled
from eid.testing.softcard import SoftwareCard

CHALLENGE = bytes(range(8))
Take = Callable[..., Evidence]


def returning(*cards: Transport) -> Callable[[], Transport]:
    waiting: Iterator[Transport] = iter(cards)
    return lambda: next(waiting)


@pytest.mark.parametrize("at_apdu", range(1, 17))
def test_lifted_at_any_command(take: Take, reference_image: CardImage, at_apdu: int) -> None:
    whole = take()
    back = Counting(SoftwareCard(reference_image))
    evidence = take(
        SoftwareCard(reference_image, faults=[pulled(at_apdu)]), reconnect=returning(back)
    )
    assert evidence.files == whole.files
    assert evidence.active_authentication is not None
    assert evidence.chip_authentication is not None
    if at_apdu == 16:
        assert back.octets < 8_000, "DG2 was not sent again"


def test_lifted_in_the_middle_of_a_file(take: Take, reference_image: CardImage) -> None:
    """A file that is half there counts for nothing."""
    back = SoftwareCard(reference_image)
    lifted = SoftwareCard(reference_image, faults=[pulled(60)])
    evidence = take(lifted, reconnect=returning(back), extended=False)
    assert evidence.files["EF.DG2"] == reference_image.files["EF.DG2"]


def test_c_other_card_with_the_same_files(take: Take, reference_image: CardImage) -> None:
    """A copy without the chip's key is not taken for the card that was lifted."""
    copy = dataclasses.replace(reference_image, ca_private_keys=(4711,))
    with pytest.raises(CardError):
        take(
            SoftwareCard(reference_image, faults=[pulled(13)]),
            reconnect=returning(SoftwareCard(copy)),
        )


@pytest.mark.parametrize("keys", [(), None])
def test_without_chip_authentication_active_authentication_tells(
    take: Take, reference_image: CardImage, keys: tuple[int, ...] | None
) -> None:
    plain = dataclasses.replace(reference_image, ca_private_keys=())
    copy = dataclasses.replace(plain, aa_private_key=b"") if keys is None else plain
    back = Counting(SoftwareCard(copy))
    evidence = take(SoftwareCard(plain, faults=[pulled(15)]), reconnect=returning(back))
    assert evidence.files["EF.DG2"] == plain.files["EF.DG2"]
    kept = back.octets < 8_000
    assert kept is (keys is not None)


def test_without_any_proof_all_is_read_again(take: Take, reference_image: CardImage) -> None:
    plain = dataclasses.replace(reference_image, ca_private_keys=())
    back = Counting(SoftwareCard(plain))
    take(SoftwareCard(plain, faults=[pulled(13)]), reconnect=returning(back), challenge=None)
    assert back.octets > 20_000


def test_another_card_is_read_from_its_start(take: Take, reference_image: CardImage) -> None:
    files = {**reference_image.files, "EF.DG1": b"\x61\x03xyz", "EF.SOD": b"\x77\x03xyz"}
    other = dataclasses.replace(reference_image, files=files)
    evidence = take(
        SoftwareCard(reference_image, faults=[pulled(14)]),
        reconnect=returning(SoftwareCard(other)),
    )
    assert evidence.files["EF.DG1"] == b"\x61\x03xyz"
    assert {name: evidence.files[name] for name in evidence.files} == {
        name: files[name] for name in evidence.files
    }


def test_several_absences_end(take: Take, reference_image: CardImage) -> None:
    def reconnect() -> Transport:
        return SoftwareCard(reference_image, faults=[pulled(12)])

    with pytest.raises(CardRemoved) as caught:
        take(reconnect(), reconnect=reconnect)
    assert caught.value.code == "card.restless"


def test_nothing_without_reconnect(take: Take, reference_image: CardImage) -> None:
    with pytest.raises(CardRemoved):
        take(SoftwareCard(reference_image, faults=[pulled(9)]))


def test_the_deadline_holds_over_absences(take: Take, reference_image: CardImage) -> None:
    now = [0.0]

    def reconnect() -> Transport:
        now[0] += 40.0
        return SoftwareCard(reference_image)

    with pytest.raises(DeadlineExceeded):
        take(
            SoftwareCard(reference_image, faults=[pulled(9)]),
            reconnect=reconnect,
            clock=lambda: now[0],
        )


@pytest.mark.parametrize("after", [0, 3, 9])
def test_cancelled(take: Take, reference_image: CardImage, after: int) -> None:
    card = SoftwareCard(reference_image)
    with pytest.raises(CardError) as caught:
        take(card, cancelled=lambda: card.count >= after)
    assert caught.value.code == "card.cancelled"
    assert card.count == after
