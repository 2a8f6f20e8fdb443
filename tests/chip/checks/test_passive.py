"""Passive Authentication where the forged cards leave a choice untested."""

from __future__ import annotations

import dataclasses
from hashlib import sha1, sha256
from pathlib import Path

import pytest

from eid import tlv
from eid.chip.evidence import UNKNOWN_ACCESS, Evidence
from eid.chip.verify import IDENTIFY, judge
from eid.testing import certificates, der, sod
from eid.testing.certificates import Issuer
from eid.trust.store import TrustStore

SILVER = Path(__file__).parents[2] / "vectors" / "bsi_silver"
SHA1 = der.sequence(der.oid("1.3.14.3.2.26"))


@pytest.fixture
def card(authority, card_image, at):
    """Judge the test card with another security object or other trusted things."""
    files = {name: data for name, data in card_image.files.items() if name != "EF.DG3"}

    def call(security_object=None, *, policy=IDENTIFY, drop=(), ds=(), **more):
        given = {name: data for name, data in files.items() if name not in drop} | more
        if security_object is not None:
            given["EF.SOD"] = security_object
        evidence = Evidence(files=given, access=UNKNOWN_ACCESS, read_at=at)
        trust = TrustStore.of(csca=[authority.csca_der], ds=ds)
        return judge(evidence, trust, policy=policy, at=at)

    call.groups = {number: card_image.files[f"EF.DG{number}"] for number in (1, 2, 3, 13, 14, 15)}
    return call


@pytest.fixture
def signed(authority):
    """A security object over any content, by the test signer or one with other extensions."""

    def call(content, *, certificate=None):
        return sod.security_object(
            content,
            key=authority.ds_key,
            certificate=authority.ds_der if certificate is None else certificate,
            issuer_and_serial=der.sequence(authority.csca_name, der.integer(authority.ds_serial)),
        )

    return call


def hashes_of(card, hashing=sha256):
    return {number: hashing(data).digest() for number, data in card.groups.items()}


def test_the_signer_may_lie_in_the_trust_folder(card, signed, authority):
    bare = signed(sod.lds_security_object(hashes_of(card)), certificate=b"")
    assert card(bare).reasons == ("sod.no_signer",)
    assert card(bare, ds=[authority.ds_der]).verdict == "accepted"


def test_an_unreadable_neighbour_of_the_signer_does_no_harm(card, signed, authority):
    content = sod.lds_security_object(hashes_of(card))
    both = signed(content, certificate=der.sequence() + authority.ds_der)
    assert card(both).verdict == "accepted"
    alone = signed(content, certificate=der.sequence())
    assert card(alone).reasons == ("certificate.format",)


def test_a_signer_named_by_key(card, authority):
    content = sod.lds_security_object(hashes_of(card))
    made = sod.security_object(
        content, key=authority.ds_key, certificate=authority.ds_der,
        issuer_and_serial=der.implicit(0, authority.ds_key.identifier),
    )  # fmt: skip
    info = made.replace(
        der.integer(1) + der.implicit(0, authority.ds_key.identifier),
        der.integer(3) + der.implicit(0, authority.ds_key.identifier),
    )
    assert card(info).verdict == "accepted"
    nobody = info.replace(
        der.integer(3) + der.implicit(0, authority.ds_key.identifier),
        der.integer(3) + der.implicit(0, bytes(20)),
    )
    assert card(nobody).reasons == ("sod.no_signer",)


def test_a_signer_whose_own_identifier_is_unreadable(card, authority, at):
    odd = certificates.certificate(
        Issuer(name=authority.csca_name, key=authority.csca_key),
        serial=9,
        subject=authority.csca_name,
        validity=authority.ds_validity,
        key=authority.ds_key,
        extensions=[certificates.extension("2.5.29.14", der.null())],
    )
    made = sod.security_object(
        sod.lds_security_object(hashes_of(card)), key=authority.ds_key, certificate=odd,
        issuer_and_serial=der.implicit(0, bytes(20)),
    )  # fmt: skip
    made = made.replace(
        der.integer(1) + der.implicit(0, bytes(20)), der.integer(3) + der.implicit(0, bytes(20))
    )
    assert card(made).reasons == ("sod.no_signer",)


def test_sha1_over_the_files_needs_its_switch(card, signed):
    entries = (
        der.sequence(der.integer(number), der.octets(digest))
        for number, digest in hashes_of(card, sha1).items()
    )
    weak = signed(der.sequence(der.integer(0), SHA1, der.sequence(*entries)))
    assert card(weak).reasons[0] == "algorithm.sha1"
    legacy = dataclasses.replace(IDENTIFY, insecure_allow_sha1=True)
    assert card(weak, policy=legacy).verdict == "accepted"


@pytest.mark.parametrize(
    ("version", "more", "wanted"),
    [
        (0, (), "passed"),
        (1, (der.sequence(der.printable("0107"), der.printable("040000")),), "passed"),
        (1, (der.sequence(der.printable("0108"), der.printable("040000")),), "failed"),
        (1, (der.sequence(der.printable("0109"), der.printable("040000")),), "failed"),
        (0, (der.sequence(der.printable("0107"), der.printable("040000")),), "failed"),
        (2, (der.sequence(der.printable("0108"), der.printable("040000")),), "failed"),
    ],
)
def test_versions_against_an_ef_com_of_1_7(card, signed, version, more, wanted):
    entries = (
        der.sequence(der.integer(number), der.octets(digest))
        for number, digest in hashes_of(card).items()
    )
    digest = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
    made = signed(der.sequence(der.integer(version), digest, der.sequence(*entries), *more))
    verdict = card(made)
    assert verdict.check("lds.consistency").status == wanted


def test_without_ef_com_the_signed_list_stands_alone(card):
    verdict = card(drop=("EF.COM",))
    assert verdict.check("lds.consistency").code == "lds.com_not_read"
    assert verdict.verdict == "accepted"


def test_a_complete_reading_may_be_demanded(card):
    complete = dataclasses.replace(IDENTIFY, require_complete=True)
    assert card(policy=complete).verdict == "accepted"
    assert card(policy=complete, drop=("EF.DG13",)).reasons[0] == "dg.missing"


def test_the_state_that_is_served(card):
    assert card(policy=dataclasses.replace(IDENTIFY, issuing_state="VNM")).verdict == "accepted"
    other = card(policy=dataclasses.replace(IDENTIFY, issuing_state="LAO"))
    assert other.reasons == ("mrz.issuing_state",)


def test_chip_keys_may_be_demanded(card):
    keys = dataclasses.replace(IDENTIFY, require_chip_keys=True)
    assert card(policy=keys).verdict == "accepted"
    assert card(policy=keys, drop=("EF.DG14",)).reasons == ("chip_auth.unavailable",)


def silver(*numbers):
    files = {
        f"EF.DG{number}": (SILVER / f"Datagroup{number}.bin").read_bytes() for number in numbers
    }
    for name in ("COM", "SOD"):
        files[f"EF.{name}"] = (SILVER / f"EF_{name}.bin").read_bytes()
    return files


def test_the_silver_specimen_has_no_anchor(at):
    moment = at.replace(year=2014, month=6)

    def verdict(files):
        evidence = Evidence(files=files, access=UNKNOWN_ACCESS, read_at=moment)
        return judge(evidence, TrustStore.of(), at=moment)

    found = verdict(silver(1, 2, 3, 4, 14))
    assert found.verdict == "unanchored"
    assert found.holder.name == "MUSTERMANN ERIKA"
    assert found.check("portrait").status == "passed"
    assert found.check("chip_auth").code == "chip_auth.not_performed"
    assert found.check("pace.confirmation").code == "pace.unconfirmed"
    uncovered = verdict(silver(1, 2, 3, 4, 14, 15))
    assert uncovered.reasons == ("dg.not_covered",)
    assert uncovered.error.facts["file"] == "EF.DG15"
    assert uncovered.check("aa.signature").code == "not_checked"


def test_sha1_over_the_list_needs_its_switch(card, authority):
    """The list hashed by SHA-1, the attributes signed with SHA-256."""
    content = sod.lds_security_object(hashes_of(card))
    oid = der.oid(sod.LDS_SECURITY_OBJECT)
    attributes = (
        der.sequence(der.oid("1.2.840.113549.1.9.3"), der.set_of(oid)),
        der.sequence(
            der.oid("1.2.840.113549.1.9.4"), der.set_of(der.octets(sha1(content).digest()))
        ),
    )
    info = der.sequence(
        der.integer(1),
        der.sequence(authority.csca_name, der.integer(authority.ds_serial)),
        SHA1,
        der.explicit(0, *sorted(attributes)),
        certificates.signature_algorithm("sha256"),
        der.octets(authority.ds_key.sign(der.set_of(*attributes), "sha256")),
    )
    data = der.sequence(
        der.integer(3),
        der.set_of(SHA1),
        der.sequence(oid, der.explicit(0, der.octets(content))),
        der.explicit(0, authority.ds_der),
        der.set_of(info),
    )
    weak = tlv.encode(0x77, der.sequence(der.oid("1.2.840.113549.1.7.2"), der.explicit(0, data)))
    assert card(weak).reasons == ("algorithm.sha1",)
    legacy = dataclasses.replace(IDENTIFY, insecure_allow_sha1=True)
    assert card(weak, policy=legacy).verdict == "accepted"


@pytest.mark.parametrize(
    ("given", "wanted"), [(b"0107", b"0108"), (b"040000", b"030000"), (b"040000", b"040100")]
)
def test_ef_com_states_other_versions(card, card_image, given, wanted):
    com = card_image.files["EF.COM"].replace(given, wanted)
    assert card(**{"EF.COM": com}).reasons == ("lds.version",)
