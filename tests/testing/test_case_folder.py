"""Cards from the folders of forged cards: the chip they describe, ready to be read."""

import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from eid.chip.access import Can
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.errors import FormatError
from eid.testing import data_groups
from eid.testing.case_folder import MAX_FILE, card_from_case
from eid.testing.people import PEOPLE
from eid.testing.softcard import SoftwareCard

CASES = Path(__file__).parents[1] / "vectors" / "forged_cards"


@pytest.mark.parametrize(
    "name",
    [
        "base-bp256",
        "aa-ecdsa",
        "ca-absent",
        "ca-dh-512",
        "ca-generator",
        "hash-dg1-number",
    ],
)
def test_a_case_can_be_read_like_a_card(name, at):
    image = card_from_case(CASES / name)
    evidence = read(
        SoftwareCard(image), Can(image.can), plan=PLANS["bank"], challenge=bytes(8), at=at
    )
    for file in PLANS["bank"].files:
        assert evidence.files.get(file) == image.files.get(file)
    assert evidence.active_authentication is not None


def test_many_cases_make_a_card():
    for entry in json.loads((CASES / "index.json").read_text())[::9]:
        image = card_from_case(CASES / entry["id"])
        assert len(image.can) == 6
        SoftwareCard(image).transmit(bytes.fromhex("00A4020C02011C"))


def test_the_can_is_the_tail_of_the_number():
    image = card_from_case(CASES / "base-bp256")
    assert image.can.encode() in image.files["EF.DG1"]
    assert len(image.mrz_information) == 24
    assert card_from_case(CASES / "der-dg1-empty").can == "123456"


@pytest.fixture
def case(tmp_path) -> Path:
    return Path(shutil.copytree(CASES / "base-bp256", tmp_path / "case"))


def rewrite(case: Path, **members: object) -> None:
    content = json.loads((case / "case.json").read_text())
    (case / "case.json").write_text(json.dumps(content | members))


def refused(case: Path) -> bool:
    with pytest.raises(FormatError) as caught:
        card_from_case(case)
    return caught.value.code == "testing.case"


@pytest.mark.parametrize(
    "members",
    [
        {"files": ["EF.COM"]},
        {"files": {"EF.COM": 5}},
        {"files": {"EF.COM": "../case.json"}},
        {"files": {"EF.COM": "not-there.bin"}},
        {"chip_keys": {"aa": "ef_com.bin"}},
        {"chip_keys": None},
    ],
)
def test_a_folder_that_is_no_case(case, members):
    rewrite(case, **members)
    assert refused(case)


def test_other_contents_of_the_description(case):
    for text in ("[]", "{", ""):
        (case / "case.json").write_text(text)
        assert refused(case)
    shutil.rmtree(case)
    assert refused(case)


def test_a_file_too_big(case):
    (case / "ef_com.bin").write_bytes(bytes(MAX_FILE + 1))
    assert refused(case)


def test_a_case_without_keys_or_with_other_ones(case):
    rewrite(case, chip_keys={})
    image = card_from_case(case)
    assert (image.aa_private_key, image.ca_private_keys) == (b"", ())
    rewrite(case, chip_keys={"ca": "chip_aa.pem"})
    assert card_from_case(case).ca_private_keys in ((), card_from_case(case).ca_private_keys)


def test_a_key_of_another_kind(case):
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (case / "chip_aa.pem").write_bytes(pem)
    assert refused(case)


def test_a_passports_zone(case):
    (case / "ef_dg1.bin").write_bytes(data_groups.dg1(PEOPLE["thu"], zone="TD3"))
    image = card_from_case(case)
    assert image.can == PEOPLE["thu"].can
    assert image.mrz_information == "C0999999<290030263003024"
