"""DG15: a key that can sign, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from eid import ec, tlv
from eid.chip.lds.dg15 import parse_dg15
from eid.errors import FormatError
from eid.testing import der
from eid.testing.certificates import public_key_info
from eid.trust.public_keys import EcKey, RsaKey

SILVER = Path(__file__).parents[2] / "vectors" / "bsi_silver"


def test_rsa_and_ec():
    key = parse_dg15((SILVER / "Datagroup15.bin").read_bytes())
    assert isinstance(key, RsaKey)
    assert key.n.bit_length() == 1024
    curve = ec.by_name("brainpoolP256r1")
    info = public_key_info(curve, ec.encode_point(curve, curve.generator), explicit=True)
    assert parse_dg15(tlv.encode(0x6F, info)) == EcKey(
        curve=curve, point=curve.generator, explicit=True
    )


def test_a_key_that_cannot_sign():
    domain = der.sequence(der.integer((1 << 1023) + 1), der.integer(2))
    algorithm = der.sequence(der.oid("1.2.840.113549.1.3.1"), domain)
    with pytest.raises(FormatError) as caught:
        parse_dg15(tlv.encode(0x6F, der.sequence(algorithm, der.bits(der.integer(9)))))
    assert caught.value.code == "dg15.algorithm"
    with pytest.raises(FormatError) as caught:
        parse_dg15(tlv.encode(0x6E))
    assert caught.value.code == "lds.tag"
