"""What the test issuer writes, read by other people's code: asn1crypto, cryptography, openssl."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, crl as asn1_crl, x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from eid import ec as eid_ec
from eid.testing.authority import DocumentAuthority

HASHES = {1: bytes(32), 2: bytes([2]) * 32, 14: bytes([14]) * 32}


def _public_key(authority: DocumentAuthority) -> ec.EllipticCurvePublicKey:
    """The authority's key, its explicit parameters left aside."""
    certificate = asn1_x509.Certificate.load(authority.csca_der)
    point = certificate["tbs_certificate"]["subject_public_key_info"]["public_key"].native
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.BrainpoolP512R1(), point)


def _verify_certificate(der: bytes, key: ec.EllipticCurvePublicKey) -> None:
    certificate = x509.load_der_x509_certificate(der)
    assert certificate.signature_hash_algorithm is not None
    key.verify(
        certificate.signature,
        certificate.tbs_certificate_bytes,
        ec.ECDSA(certificate.signature_hash_algorithm),
    )


def test_the_anchor_spells_its_curve_out(authority: DocumentAuthority) -> None:
    info = asn1_x509.Certificate.load(authority.csca_der).public_key
    parameters = info["algorithm"]["parameters"]
    curve = eid_ec.by_name("brainpoolP512r1")
    assert parameters.name == "specified"
    written = parameters.chosen.native
    assert written["field_id"]["parameters"] == curve.p
    assert int.from_bytes(written["curve"]["a"], "big") == curve.a
    assert int.from_bytes(written["curve"]["b"], "big") == curve.b
    assert written["base"][1:65] == curve.gx.to_bytes(64, "big")
    assert (written["order"], written["cofactor"]) == (curve.n, 1)


def test_the_anchor_signs_itself(authority: DocumentAuthority) -> None:
    _verify_certificate(authority.csca_der, _public_key(authority))


def test_the_anchor_signs_the_signer(authority: DocumentAuthority) -> None:
    _verify_certificate(authority.ds_der, _public_key(authority))


def test_another_authority_does_not(authority: DocumentAuthority, at: datetime) -> None:
    other = DocumentAuthority.create(at=at)
    with pytest.raises(InvalidSignature):
        _verify_certificate(authority.ds_der, _public_key(other))


def test_extensions_follow_9303_12(authority: DocumentAuthority) -> None:
    anchor = x509.load_der_x509_certificate(authority.csca_der)
    signer = x509.load_der_x509_certificate(authority.ds_der)
    constraints = anchor.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
    usage = anchor.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_cert_sign
    assert usage.crl_sign
    assert not usage.digital_signature
    signing = signer.extensions.get_extension_for_class(x509.KeyUsage).value
    assert signing.digital_signature
    assert not signing.key_cert_sign
    own = anchor.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    issuer = signer.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert issuer.key_identifier == own.digest
    assert signer.issuer == anchor.subject
    assert signer.serial_number == authority.ds_serial
    types = signer.extensions.get_extension_for_oid(x509.ObjectIdentifier("2.23.136.1.1.6.2"))
    assert isinstance(types.value, x509.UnrecognizedExtension)
    assert types.value.value.hex() == "30090201003104130249" + "44"


def test_the_signer_is_on_its_named_curve(authority: DocumentAuthority) -> None:
    key = x509.load_der_x509_certificate(authority.ds_der).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "brainpoolP384r1"


def test_the_signer_signs_inside_its_usage_period_only(
    authority: DocumentAuthority, at: datetime
) -> None:
    signer = x509.load_der_x509_certificate(authority.ds_der)
    period = signer.extensions.get_extension_for_class(x509.PrivateKeyUsagePeriod).value
    assert period.not_after is not None
    assert period.not_after < signer.not_valid_after_utc.replace(tzinfo=None)
    assert authority.signs_at(at)
    assert not authority.signs_at(at - timedelta(days=31))
    assert not authority.signs_at(at + timedelta(days=61))


@pytest.mark.parametrize("with_time", [False, True])
def test_the_security_object_is_signed_over_its_attributes(
    authority: DocumentAuthority, at: datetime, with_time: bool
) -> None:
    sod = authority.sign_sod(HASHES, signing_time=at if with_time else None)
    assert sod[0] == 0x77
    info = cms.ContentInfo.load(sod[4:], strict=True)
    signed = info["content"]
    content = bytes(signed["encap_content_info"]["content"])
    (signer,) = signed["signer_infos"]
    attributes = {item["type"].dotted: item["values"][0].native for item in signer["signed_attrs"]}
    assert signed["encap_content_info"]["content_type"].dotted == "2.23.136.1.1.1"
    assert attributes["1.2.840.113549.1.9.4"] == hashlib.sha256(content).digest()
    assert ("1.2.840.113549.1.9.5" in attributes) == with_time
    signer_key = x509.load_der_x509_certificate(authority.ds_der).public_key()
    assert isinstance(signer_key, ec.EllipticCurvePublicKey)
    signer_key.verify(
        signer["signature"].native,
        signer["signed_attrs"].untag().dump(),
        ec.ECDSA(hashes.SHA256()),
    )
    assert signed["certificates"][0].dump() == authority.ds_der
    serial = signer["sid"].chosen["serial_number"].native
    assert serial == authority.ds_serial


def test_the_revocation_list_is_signed_and_names_serials(
    authority: DocumentAuthority, at: datetime
) -> None:
    der = authority.crl(revoked=[7, authority.ds_serial], at=at, number=9)
    revocations = x509.load_der_x509_crl(der)
    _public_key(authority).verify(
        revocations.signature, revocations.tbs_certlist_bytes, ec.ECDSA(hashes.SHA512())
    )
    assert [entry.serial_number for entry in revocations] == [7, authority.ds_serial]
    assert revocations.last_update_utc == at.replace(microsecond=0)
    assert revocations.next_update_utc == at + timedelta(days=90)
    assert revocations.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 9


def test_an_empty_revocation_list_has_no_empty_sequence(
    authority: DocumentAuthority, at: datetime
) -> None:
    loaded = asn1_crl.CertificateList.load(authority.crl(at=at), strict=True)
    assert loaded["tbs_cert_list"]["revoked_certificates"].native is None


def test_a_new_signer_keeps_the_anchor(authority: DocumentAuthority, at: datetime) -> None:
    other = authority.new_signer(at=at)
    assert other.csca_der == authority.csca_der
    assert other.ds_serial != authority.ds_serial
    assert other.ds_key != authority.ds_key
    _verify_certificate(other.ds_der, _public_key(authority))


def test_a_rolled_over_authority_is_linked_to_its_predecessor(
    authority: DocumentAuthority, at: datetime, tmp_path: Path
) -> None:
    successor, link = authority.roll_over(at=at)
    _verify_certificate(link, _public_key(authority))
    with pytest.raises(InvalidSignature):
        _verify_certificate(link, _public_key(successor))
    infos = [asn1_x509.Certificate.load(der).public_key for der in (link, successor.csca_der)]
    assert infos[0].dump() == infos[1].dump()
    _verify_certificate(successor.ds_der, _public_key(successor))
    folder = authority.trust_folder(tmp_path, link=link)
    assert (folder / "link" / "test-link.der").read_bytes() == link


def test_representations_hide_keys(authority: DocumentAuthority) -> None:
    assert str(authority.csca_key.scalar) not in repr(authority)
    assert str(authority.ds_key.scalar) not in repr(authority.ds_key)


def test_the_same_randomness_makes_the_same_keys(at: datetime) -> None:
    one, two = (DocumentAuthority.create(at=at, rng=_counting()) for _ in range(2))
    assert (one.csca_key, one.ds_key) == (two.csca_key, two.ds_key)


def _counting() -> Callable[[int], bytes]:
    state = {"n": 0}

    def rng(size: int) -> bytes:
        state["n"] += 1
        return hashlib.shake_256(state["n"].to_bytes(4, "big")).digest(size)

    return rng


def test_the_trust_folder_holds_anchor_and_list(
    authority: DocumentAuthority, at: datetime, tmp_path: Path
) -> None:
    crl = authority.crl(at=at)
    folder = authority.trust_folder(tmp_path / "trust", crl=crl)
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}
    assert files == {"csca/test-csca.der": authority.csca_der, "crl/test-csca.crl": crl}
    assert {p.name for p in folder.iterdir()} == {"csca", "link", "ds", "crl"}


def test_a_trust_folder_without_a_list(authority: DocumentAuthority, tmp_path: Path) -> None:
    assert not list((authority.trust_folder(tmp_path) / "crl").iterdir())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_reads_and_verifies_all_of_it(
    authority: DocumentAuthority, at: datetime, tmp_path: Path
) -> None:
    folder = authority.trust_folder(tmp_path, crl=authority.crl(revoked=[5], at=at))
    (tmp_path / "sod.der").write_bytes(authority.sign_sod(HASHES)[4:])
    anchor = tmp_path / "anchor.pem"
    _openssl("x509", "-inform", "der", "-in", folder / "csca/test-csca.der", "-out", anchor)
    checked = _openssl(
        "crl", "-inform", "der", "-in", folder / "crl/test-csca.crl", "-CAfile", anchor, "-noout"
    )
    assert b"verify OK" in checked
    checked = _openssl(
        "cms", "-verify", "-inform", "der", "-in", tmp_path / "sod.der", "-noverify"
    )
    assert b"successful" in checked.lower()


def _openssl(*arguments: str | Path) -> bytes:
    done = subprocess.run(
        ["openssl", *map(str, arguments)], capture_output=True, check=True, timeout=30
    )
    return done.stdout + done.stderr
