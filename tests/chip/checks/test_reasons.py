"""Our codes as reason classes."""

from __future__ import annotations

import pytest

from eid.chip.checks.reasons import reason_class


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("signature_invalid", "sod.signature"), ("cms.digest", "sod.digest"),
        ("chain.unanchored", "trust.unknown"), ("chain.revoked", "chain.revoked"),
        ("algorithm.sha1", "algorithm"), ("key.curve", "algorithm"), ("mrz.sex", "mrz"),
        ("dg1.size", "mrz"), ("dg2.image", "dg2"), ("dg.hash", "dg.hash"), ("aa.trailer", "aa.failed"),
        ("aa.unavailable", "aa.unavailable"), ("chip_auth.key", "ca.key"),
        ("pace.downgrade", "pace.downgrade"), ("tlv.depth", "parse"), ("cms.signers", "parse"),
        ("certificate.field", "parse"), ("anything.else", "parse"),
    ],
)  # fmt: skip
def test_classes(code, wanted):
    assert reason_class(code) == wanted
