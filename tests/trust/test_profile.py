"""What a certificate must be for its role."""

from __future__ import annotations

import pytest

from eid import tlv
from eid.errors import EidError, FormatError
from eid.testing import certificates, der
from eid.trust.algorithms import SHA1, SHA256, SignatureAlgorithm
from eid.trust.certificates import parse_certificate
from eid.trust.profile import (
    authority_key_id,
    check_authority,
    check_key,
    check_sha1,
    check_signer,
    document_types,
    is_authority,
    key_usage,
    may_sign_crls,
    subject_key_id,
)

extension = certificates.extension


def usage(octet, *, unused=0, critical=True):
    return extension("2.5.29.15", der.bits(bytes([octet]), unused=unused), critical=critical)


@pytest.fixture
def made(party):
    """A certificate with exactly these extensions, signed by the test authority."""
    authority, signer = party("CSCA"), party("DS")

    def make(*extensions):
        return parse_certificate(authority.issue(signer, extensions=extensions))

    make.aki = extension("2.5.29.35", der.sequence(der.implicit(0, authority.key.identifier)))
    return make


def refused(check, certificate, code):
    with pytest.raises(EidError) as caught:
        check(certificate)
    assert caught.value.code == code


def test_a_plain_signer(made):
    check_signer(made(usage(0x80), made.aki))
    check_signer(made(usage(0xC0), made.aki))


@pytest.mark.parametrize("octet", [0x00, 0x40, 0x84, 0x82, 0x86])
def test_signer_key_usage(made, octet):
    refused(check_signer, made(usage(octet), made.aki), "chain.key_usage")


def test_signer_key_usage_must_be_critical(made):
    """TR-03105-5.1 LDS_H_64, which no forged card tests."""
    refused(check_signer, made(usage(0x80, critical=False), made.aki), "chain.key_usage")
    refused(check_signer, made(made.aki), "chain.key_usage")


def test_signer_other_extensions(made):
    good = (usage(0x80), made.aki)
    purpose = extension("2.5.29.37", der.sequence(der.oid("2.23.136.1.1.3")))
    constraints = extension("2.5.29.19", der.sequence(der.boolean(value=True)))
    refused(check_signer, made(*good, purpose), "chain.key_usage")
    refused(check_signer, made(*good, constraints), "chain.ca")
    refused(check_signer, made(usage(0x80)), "chain.extension")
    empty = extension("2.5.29.35", der.sequence(der.implicit(2, b"\1")))
    refused(check_signer, made(usage(0x80), empty), "chain.extension")
    unknown = extension("1.2.3.4", b"", critical=True)
    refused(check_signer, made(*good, unknown), "chain.extension")
    check_signer(made(*good, extension("1.2.3.4", b"")))
    refused(check_signer, made(*good, good[0]), "certificate.extension_duplicate")


def test_authorities(made):
    constraints = extension("2.5.29.19", der.sequence(der.boolean(value=True)), critical=True)
    good = made(constraints, usage(0x06))
    check_authority(good)
    assert may_sign_crls(good)
    assert not may_sign_crls(made(constraints, usage(0x04)))
    refused(check_authority, made(usage(0x06)), "chain.ca")
    refused(check_authority, made(constraints), "chain.key_usage")
    refused(check_authority, made(constraints, usage(0x02)), "chain.key_usage")
    unknown = extension("1.2.3.4", b"", critical=True)
    refused(check_authority, made(constraints, usage(0x06), unknown), "chain.extension")
    refused(
        check_authority,
        made(constraints, usage(0x06), usage(0x06)),
        "certificate.extension_duplicate",
    )


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("3000", False), ("3003020100", False), ("3003010100", False), ("30030101ff", True),
        ("3003010101", True), ("30060101ff020100", True), ("30060101ff0201ff", True), ("0500", False),
    ],
)  # fmt: skip
def test_basic_constraints(made, value, wanted):
    assert is_authority(made(extension("2.5.29.19", bytes.fromhex(value)))) is wanted


def test_key_usage_bits(made):
    two = extension("2.5.29.15", bytes.fromhex("0303078080"))
    assert key_usage(made(two)) == {0, 8}
    assert key_usage(made(made.aki)) == frozenset()
    for bad in ("0500", "0301", "030100", "03020880", "030400808080"):
        with pytest.raises(FormatError):
            key_usage(made(extension("2.5.29.15", bytes.fromhex(bad))))


def test_key_identifiers(made):
    assert subject_key_id(made(extension("2.5.29.14", der.octets(b"id")))) == b"id"
    assert subject_key_id(made(made.aki)) == authority_key_id(made(usage(0x80))) == b""
    with pytest.raises(FormatError):
        subject_key_id(made(extension("2.5.29.14", der.null())))


def test_document_types(made):
    listed = der.sequence(der.integer(0), der.set_of(der.printable("P"), der.printable("I<")))
    assert document_types(made(extension("2.23.136.1.1.6.2", listed))) == {"P", "I"}
    assert document_types(made(made.aki)) is None
    with pytest.raises(FormatError):
        document_types(made(extension("2.23.136.1.1.6.2", der.sequence())))


def with_key(certificate, spki):
    parts = tlv.children(tlv.parse(certificate.raw))
    fields = [item.raw for item in tlv.children(parts[0])]
    fields[6] = spki
    return parse_certificate(der.sequence(der.sequence(*fields), parts[1].raw, parts[2].raw))


def rsa_info(bits):
    key = der.sequence(der.integer((1 << (bits - 1)) + 1), der.integer(65537))
    algorithm = der.sequence(der.oid("1.2.840.113549.1.1.1"), der.null())
    return der.sequence(algorithm, der.bits(key))


def test_key_sizes(signer):
    check_key(with_key(signer, rsa_info(2048)))
    refused(check_key, with_key(signer, rsa_info(2047)), "algorithm.key_size")
    refused(check_key, with_key(signer, rsa_info(1000)), "key.rsa")
    domain = der.sequence(der.integer((1 << 1023) + 1), der.integer(2))
    algorithm = der.sequence(der.oid("1.2.840.113549.1.3.1"), domain)
    dh = der.sequence(algorithm, der.bits(der.integer(9)))
    refused(check_key, with_key(signer, dh), "algorithm.key")


def test_sha1_is_behind_its_switch():
    weak = SignatureAlgorithm(scheme="ecdsa", digest=SHA1)
    mask = SignatureAlgorithm(scheme="rsa-pss", digest=SHA256, mask_digest=SHA1, salt_length=20)
    for algorithm in (weak, mask):
        check_sha1(algorithm, insecure_allow_sha1=True)
        with pytest.raises(EidError) as caught:
            check_sha1(algorithm, insecure_allow_sha1=False)
        assert caught.value.code == "algorithm.sha1"
    check_sha1(SignatureAlgorithm(scheme="ecdsa", digest=SHA256), insecure_allow_sha1=False)


def test_a_negative_serial_is_no_reason_to_refuse(party):
    signer = parse_certificate(party("CSCA").issue(party("DS"), serial=-7))
    assert signer.findings == ("certificate.serial",)
    check_signer(signer)
