"""EF.CardSecurity beside EF.CardAccess (TR-03105-5.1 LDS_J_01 to J_04)."""

from __future__ import annotations

import dataclasses

import pytest

from eid import tlv
from eid.chip.evidence import UNKNOWN_ACCESS, Evidence
from eid.chip.verify import judge
from eid.testing import der
from eid.testing.authority import DocumentAuthority
from eid.testing.sod import CARD_SECURITY_OBJECT, Signer, signed_data
from eid.trust.store import TrustStore

EXTRA = der.sequence(der.oid("0.4.0.127.0.7.2.2.2"), der.integer(1))


@pytest.fixture
def world(authority, card_image, at):
    def judged(content, *, by=authority, trust=None, signed_at=None, spoil=False):
        signer = Signer(
            key=by.ds_key, certificate=by.ds_der,
            issuer_and_serial=der.sequence(by.csca_name, der.integer(by.ds_serial)),
        )  # fmt: skip
        data = signed_data(content, signer, CARD_SECURITY_OBJECT, signed_at)
        data = data[:-1] + bytes([data[-1] ^ 1]) if spoil else data
        files = {**card_image.files, "EF.CardSecurity": data}
        evidence = Evidence(files=files, access=UNKNOWN_ACCESS, read_at=at)
        store = trust or TrustStore.of(csca=[authority.csca_der])
        return judge(evidence, store, at=at).check("pace.confirmation")

    return judged


@pytest.fixture
def entries(card_image):
    return [one.raw for one in tlv.parse(card_image.files["EF.CardAccess"]).children()]


def test_the_same_or_more_is_right(world, entries, at):
    assert world(der.set_of(*entries)).status == "passed"
    assert world(der.set_of(*entries, EXTRA), signed_at=at).status == "passed"


def test_fewer_or_other_entries_are_a_downgrade(world, entries):
    assert world(der.set_of(*entries[:-1])).code == "pace.downgrade"
    assert world(der.set_of(*entries[:-1], EXTRA)).code == "pace.downgrade"


def test_it_must_be_signed_by_a_signer_of_the_anchor(world, entries, authority, at):
    stranger = DocumentAuthority.create(at=at)
    content = der.set_of(*entries)
    assert world(content, spoil=True).status == "failed"
    evil = dataclasses.replace(authority, ds_key=stranger.ds_key)
    assert world(content, by=evil).code == "signature_invalid"
    revoked = TrustStore.of(
        csca=[authority.csca_der], crl=[authority.crl(revoked=(authority.ds_serial,), at=at)]
    )
    assert world(content, trust=revoked).code == "chain.revoked"


def test_without_an_anchor_nothing_is_confirmed(world, entries, at):
    assert world(der.set_of(*entries), trust=TrustStore.of()).code == "pace.unconfirmed"
    stranger = DocumentAuthority.create(at=at, country="VN")
    assert world(der.set_of(*entries), by=stranger).code == "pace.unconfirmed"


def test_a_signer_that_is_none(world, entries, authority, at):
    csca = dataclasses.replace(authority, ds_key=authority.csca_key, ds_der=authority.csca_der)
    assert world(der.set_of(*entries), by=csca).status == "failed"
    assert world(b"\x04\x00").status == "failed"


def test_a_signer_that_its_anchor_did_not_sign(world, entries, authority, at):
    namesake = DocumentAuthority.create(at=at)
    evil = dataclasses.replace(
        authority,
        ds_key=namesake.ds_key,
        ds_der=namesake.ds_der.replace(
            namesake.csca_key.identifier, authority.csca_key.identifier
        ),
        ds_serial=namesake.ds_serial,
    )
    assert world(der.set_of(*entries), by=evil).code == "chain.signature"
