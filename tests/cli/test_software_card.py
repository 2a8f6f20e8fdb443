"""Which card is prepared for which options; what does not go together is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eid.chip.card_profile import CardProfile, FileFact, PaceOffer
from eid.cli.software_card import Wanted, prepare
from eid.errors import FormatError
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault
from eid.testing.holder_file import EXAMPLE

CASE = Path(__file__).parents[1] / "vectors" / "forged_cards" / "base-bp256"
PLAIN = Wanted(
    person="thu",
    holder=None,
    profile="can-cuoc-2024",
    faults=(),
    image=None,
    case=None,
    save_trust=None,
)


def test_a_new_card_of_a_kind_with_faults_of_all_sorts(tmp_path: Path) -> None:
    faults = ("lds-1.8", "no-sfi", "pull@7")
    prepared = prepare(replace(PLAIN, faults=faults, save_trust=tmp_path))
    assert prepared.faults == (Fault("pull", 7),)
    assert "no-sfi" in prepared.image.traits.quirks
    assert b"0108" in prepared.image.files["EF.COM"]
    assert prepared.image.can == "999999"
    assert list((tmp_path / "csca").iterdir())


def test_a_holder_and_a_profile_from_files(tmp_path: Path) -> None:
    holder, profile = tmp_path / "holder.toml", tmp_path / "profile.json"
    holder.write_text(EXAMPLE)
    offer = PaceOffer(oid="0.4.0.127.0.7.2.2.4.2.4", parameter_id=16)
    shared = CardProfile(pace=(offer,), files=(FileFact(name="EF.DG1", length=93),))
    profile.write_bytes(shared.to_json())
    image = prepare(replace(PLAIN, holder=holder, profile=str(profile))).image
    assert image.can == "555555"
    assert len(image.files["EF.DG1"]) == 93


def test_a_card_that_exists(tmp_path: Path, card_image: CardImage) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(card_image.to_json())
    image = prepare(replace(PLAIN, image=path, faults=("le-192",))).image
    assert image.traits.quirks == card_image.traits.quirks | {"le-192"}
    assert image.files == card_image.files
    assert prepare(replace(PLAIN, case=CASE)).image.files["EF.SOD"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"person": "nobody"}, "input.person"),
        ({"profile": "no-such-kind"}, "input.profile"),
        ({"faults": ("no-such-fault",)}, "testing.fault"),
        ({"faults": ("pull@",)}, "testing.fault"),
        ({"case": CASE, "faults": ("dg2-jp2",)}, "input.fault"),
        ({"case": CASE, "image": Path("x")}, "input.card"),
        ({"case": CASE, "save_trust": Path("x")}, "input.trust"),
    ],
)
def test_what_does_not_go_together(changes: dict[str, object], code: str) -> None:
    with pytest.raises(FormatError) as caught:
        prepare(replace(PLAIN, **changes))
    assert caught.value.code == code
