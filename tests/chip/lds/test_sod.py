"""EF.SOD: the specimen of the BSI, and the list of hashes with one thing wrong."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from eid import tlv
from eid.chip.lds.sod import parse_security_object, parse_sod
from eid.errors import FormatError
from eid.testing import der

SILVER = Path(__file__).parents[2] / "vectors" / "bsi_silver"
SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
VERSIONS = der.sequence(der.printable("0108"), der.printable("040000"))


def entry(number, digest=bytes(32)):
    return der.sequence(der.integer(number), der.octets(digest))


def listed(*entries, version=0, digest=SHA256, more=()):
    return der.sequence(der.integer(version), digest, der.sequence(*entries), *more)


def test_the_silver_specimen():
    signed = parse_sod((SILVER / "EF_SOD.bin").read_bytes())
    assert signed.content_type == "2.23.136.1.1.1"
    assert signed.signer_info.algorithm.scheme == "rsa-pss"
    assert signed.signer_info.algorithm.salt_length == 32
    found = parse_security_object(signed.content)
    assert (found.version, found.digest.name) == (0, "sha256")
    assert set(found.hashes) == {1, 2, 3, 4, 14}
    for number, digest in found.hashes.items():
        assert sha256((SILVER / f"Datagroup{number}.bin").read_bytes()).digest() == digest


def test_versions():
    found = parse_security_object(listed(entry(1), version=1, more=(VERSIONS,)))
    assert (found.version, found.lds_version, found.unicode_version) == (1, "0108", "040000")
    assert parse_security_object(listed(entry(1))).lds_version is None
    assert parse_security_object(listed()).hashes == {}


@pytest.mark.parametrize(
    "content",
    [
        der.set_of(), der.sequence(), der.sequence(der.integer(0), SHA256), listed(entry(0)),
        listed(entry(17)), listed(entry(-1)), listed(entry(257)), listed(entry(1), entry(1)),
        listed(*[entry(1)] * 17), listed(der.null()), listed(der.sequence(der.integer(1))),
        listed(der.sequence(der.octets(b"1"), der.octets(b""))), listed(entry(1 << 40)),
        listed(entry(1), more=(VERSIONS, VERSIONS)), listed(entry(1), more=(der.null(),)),
        listed(entry(1), more=(der.sequence(der.printable("0108")),)),
        listed(entry(1), digest=der.sequence(der.oid("1.2.840.113549.2.5"))),
        listed(entry(1), version=1 << 40),
    ],
)  # fmt: skip
def test_malformed(content):
    with pytest.raises(FormatError):
        parse_security_object(content)


def test_too_long():
    with pytest.raises(FormatError) as caught:
        parse_sod(tlv.encode(0x77, bytes(70_000)))
    assert caught.value.code == "sod.size"
