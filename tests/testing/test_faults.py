from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key

from eid.errors import FormatError
from eid.testing.card_image import CardImage
from eid.testing.faults import KINDS, Fault, cloned, forced, pulled, tampered_dg1


def test_another_name_in_dg1_under_the_same_check_digits(card_image: CardImage) -> None:
    forged = tampered_dg1(card_image)
    before, after = card_image.files["EF.DG1"], forged.files["EF.DG1"]
    assert (before[:65], before[66:]) == (after[:65], after[66:])
    assert before[65:71] == b"NGUYEN"
    assert after[65:71] == b"AGUYEN"
    assert {**forged.files, "EF.DG1": before} == card_image.files


def test_a_name_that_starts_with_a(card_image: CardImage) -> None:
    dg1 = card_image.files["EF.DG1"].replace(b"NGUYEN", b"AGUYEN")
    forged = tampered_dg1(replace(card_image, files={"EF.DG1": dg1}))
    assert forged.files["EF.DG1"][65:71] == b"BGUYEN"


def test_a_clone_has_all_files_and_another_key(card_image: CardImage) -> None:
    clone = cloned(card_image)
    assert clone.files == card_image.files
    original, copy = (
        load_der_private_key(image.aa_private_key, None).public_key()
        for image in (card_image, clone)
    )
    assert original != copy
    assert clone.ca_private_keys == ()


@pytest.mark.parametrize("kind", KINDS)
def test_faults_travel_as_text(kind: str) -> None:
    fault = Fault(kind, 17)
    assert Fault.from_text(fault.to_text()) == fault


@pytest.mark.parametrize(
    "text", ["", "pull", "pull@", "pull@-1", "pull@x", "burn@1", "pull@9999999"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        Fault.from_text(text)


def test_when_a_fault_is_due() -> None:
    assert [n for n in range(1, 5) if pulled(3).due(n)] == [3]
    assert all(Fault("flip").due(n) for n in range(1, 5))


def test_forced_randomness_comes_first_and_has_its_size() -> None:
    rng = forced([b"ab", b"c"], bytes)
    assert [rng(2), rng(1), rng(3)] == [b"ab", b"c", bytes(3)]
    with pytest.raises(ValueError, match="size"):
        forced([b"ab"], bytes)(3)
