"""A thousand certificates in one EF.SOD: refused by the caps, before any is parsed."""

from __future__ import annotations

import dataclasses

import pytest

from eid import tlv
from eid.chip.evidence import UNKNOWN_ACCESS, Evidence
from eid.chip.verify import judge
from eid.testing import der, sod
from eid.trust.store import TrustStore


def crowded(authority, further):
    signer = sod.Signer(
        key=authority.ds_key,
        certificate=authority.ds_der,
        issuer_and_serial=der.sequence(authority.csca_name, der.integer(authority.ds_serial)),
        further=further,
    )
    content = sod.lds_security_object({1: bytes(32)})
    return tlv.encode(0x77, sod.signed_data(content, signer, sod.LDS_SECURITY_OBJECT))


@pytest.mark.parametrize("count", [64, 1_000])
@pytest.mark.parametrize("kind", ["empty", "whole"])
def test_too_many_certificates(authority, card_image, at, count, kind):
    one = der.sequence() if kind == "empty" else authority.csca_der
    trust = TrustStore.of(csca=[authority.csca_der])
    files = {**card_image.files, "EF.SOD": crowded(authority, (one,) * count)}
    evidence = Evidence(files=files, access=UNKNOWN_ACCESS, read_at=at)
    verdict = judge(evidence, trust, at=at)
    assert verdict.verdict == "rejected"
    assert verdict.check("sod.signature").status == "failed"
    assert verdict.holder is None
    assert verdict.reasons == ("cms.certificates" if kind == "empty" else "sod.size",)
    fewer = dataclasses.replace(
        evidence, files={**files, "EF.SOD": crowded(authority, (der.sequence(),) * 63)}
    )
    assert judge(fewer, trust, at=at).check("sod.signature").status == "passed"
