"""Countries of certificates against states of the MRZ."""

from __future__ import annotations

import pytest

from eid.chip.checks.countries import _THREE, same_country


@pytest.mark.parametrize(
    ("certificate", "mrz"),
    [("VN", "VNM"), ("vn", "VNM"), ("DE", "D"), ("GB", "GBR"), ("GB", "GBD"), ("LTU", "LTU"),
     ("LT", "LTU"), ("EU", "EUE"), ("UN", "UNO"), ("KS", "RKS"), ("FR", "FRA")],
)  # fmt: skip
def test_the_same(certificate, mrz):
    assert same_country(certificate, mrz)


@pytest.mark.parametrize(
    ("certificate", "mrz"),
    [("", "VNM"), ("VN", "D"), ("DE", "VNM"), ("VN", ""), ("XX", "VNM"), ("", "")],
)
def test_not_the_same(certificate, mrz):
    assert not same_country(certificate, mrz)


def test_the_table_is_whole():
    assert len(_THREE) == 249 + 5
    assert all(len(two) == 2 and len(three) == 3 for two, three in _THREE.items())
    assert len(set(_THREE.values())) >= 253
