from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

import pytest
from asn1crypto import cms, core, keys
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from eid import ec as eid_ec, tlv
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import PEOPLE
from eid.testing.personalise import VIETNAM_CARD_ACCESS, Profile, card_access, personalise


class DataGroupHash(core.Sequence):
    _fields: ClassVar = [("number", core.Integer), ("value", core.OctetString)]


class DataGroupHashes(core.SequenceOf):
    _child_spec = DataGroupHash


class SecurityObject(core.Sequence):
    _fields: ClassVar = [
        ("version", core.Integer),
        ("algorithm", core.Any),
        ("hashes", DataGroupHashes),
    ]


def _hashes(image: CardImage) -> dict[int, bytes]:
    signed = cms.ContentInfo.load(tlv.parse(image.files["EF.SOD"]).value)["content"]
    content = SecurityObject.load(bytes(signed["encap_content_info"]["content"]), strict=True)
    assert content["version"].native == 0
    return {item["number"].native: item["value"].native for item in content["hashes"]}


def _own_hashes(image: CardImage) -> dict[int, bytes]:
    return {
        int(name.removeprefix("EF.DG")): hashlib.sha256(content).digest()
        for name, content in image.files.items()
        if name.startswith("EF.DG")
    }


def test_the_card_has_the_files_of_the_2021_profile(card_image: CardImage) -> None:
    groups = {f"EF.DG{number}" for number in (1, 2, 3, 13, 14, 15)}
    assert set(card_image.files) == groups | {"EF.CardAccess", "EF.COM", "EF.SOD"}
    assert card_image.files["EF.CardAccess"] == VIETNAM_CARD_ACCESS
    assert len(VIETNAM_CARD_ACCESS) == 54
    assert card_image.files["EF.COM"][-6:].hex() == "6175636d6e6f"


def test_the_security_object_lists_every_group(card_image: CardImage) -> None:
    assert _hashes(card_image) == _own_hashes(card_image)


def test_dg15_holds_the_public_half_of_the_chip_key(card_image: CardImage) -> None:
    private = load_der_private_key(card_image.aa_private_key, None)
    public = load_der_public_key(tlv.parse(card_image.files["EF.DG15"]).value)
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == 2048
    assert private.public_key() == public


def test_dg14_repeats_card_access_and_adds_the_chip_key(card_image: CardImage) -> None:
    (infos,) = tlv.children(tlv.parse(card_image.files["EF.DG14"]))
    listed = [item.raw for item in tlv.children(infos)]
    offered = [item.raw for item in tlv.children(tlv.parse(VIETNAM_CARD_ACCESS))]
    assert listed[: len(offered)] == offered
    oid, key_info = tlv.children(tlv.parse(listed[-1]))
    assert tlv.decode_oid(oid.value) == "0.4.0.127.0.7.2.2.1.2"
    info = keys.PublicKeyInfo.load(key_info.raw, strict=True)
    curve = eid_ec.by_name("brainpoolP256r1")
    assert info["algorithm"]["parameters"].chosen.native["order"] == curve.n
    point = eid_ec.public_point(curve, card_image.ca_private_keys[0])
    assert info["public_key"].native == eid_ec.encode_point(curve, point)


def test_an_elliptic_chip_key_is_announced_in_dg14(
    authority: DocumentAuthority, at: datetime
) -> None:
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    image = personalise(PEOPLE["mau"], authority, at=at, aa_private_key=key)
    public = load_der_public_key(tlv.parse(image.files["EF.DG15"]).value)
    assert public == key.public_key()
    announced = "2.23.136.1.1.5", "0.4.0.127.0.7.1.1.4.1.3"
    for dotted in announced:
        assert tlv.encode(0x06, tlv.encode_oid(dotted)) in image.files["EF.DG14"]


def test_a_profile_changes_what_it_names(
    authority: DocumentAuthority, at: datetime, aa_key: rsa.RSAPrivateKey
) -> None:
    profile = Profile(
        card_access=card_access(("0.4.0.127.0.7.2.2.4.2.4", 16)),
        ca_curve="brainpoolP224r1",
        parents="B",
        without=frozenset({2, 3}),
        signing_time=True,
    )
    image = personalise(PEOPLE["thu"], authority, at=at, profile=profile, aa_private_key=aa_key)
    assert "EF.DG2" not in image.files
    assert image.files["EF.COM"][-4:].hex() == "616d6e6f"
    assert set(_hashes(image)) == {1, 13, 14, 15}
    assert image.files["EF.CardAccess"].hex() == "31143012060a04007f00070202040204020102020110"
    assert tlv.encode_oid("1.2.840.113549.1.9.5") in image.files["EF.SOD"]
    assert b"Cha\x0c" in image.files["EF.DG13"]


def test_a_signer_past_its_time_issues_nothing(authority: DocumentAuthority, at: datetime) -> None:
    with pytest.raises(ValueError, match="does not sign"):
        personalise(PEOPLE["thu"], authority, at=at + timedelta(days=90))


def test_passwords_come_from_the_number_and_the_zone(card_image: CardImage) -> None:
    assert card_image.can == "999999"
    assert card_image.mrz_information == "090999999590030263003024"


def test_nothing_secret_or_personal_shows(card_image: CardImage) -> None:
    shown = repr(card_image) + repr(replace(card_image, can="424242"))
    assert "999999" not in shown
    assert "424242" not in shown
    assert str(card_image.ca_private_keys[0]) not in shown
    assert "NGUYEN" not in shown
