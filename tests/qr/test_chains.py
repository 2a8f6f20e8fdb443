"""Signers of foreign codes by certificate: what leads to a pinned authority counts, nothing else."""

import base64
import hashlib
import json
from datetime import UTC, date, datetime, timedelta

import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from PIL import Image

from eid import ec, tlv as tlv_of_der
from eid.cli import program
from eid.errors import EidError
from eid.keys import canonical_json, encode_base64url
from eid.qr import c40, cbor, envelope
from eid.qr.chains import verify_chained
from eid.qr.issuers import Denied, IssuerKey, IssuerKeys
from eid.qr.signers import SoftwareSigner
from eid.testing import certificates, der
from eid.testing.certificates import Issuer, Key, Validity
from eid.trust.store import TrustStore
from tests.qr.test_foreign import MRZ, tlv

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
DAY, YEAR = timedelta(days=1), timedelta(days=365)
P256 = ec.by_name("secp256r1")
ROOT, SIGNING, OTHER = (Key(curve=P256, scalar=number) for number in (0xCA, 0x5EED, 0x0DD))
SIGNER = SoftwareSigner.of(SIGNING.private)
SERIAL = 0x32
NO_KEYS = IssuerKeys.of([])
HEALTH = "1.3.6.1.4.1.1847.2021.1.2"


def authority(key=ROOT, country="DE"):
    validity = Validity(not_before=NOW - YEAR, not_after=NOW + YEAR, signs_until=NOW + YEAR)
    subject = certificates.name(country, "Test", "Test CSCA")
    return certificates.certificate(
        Issuer(name=subject, key=key, digest="sha256"), serial=1, subject=subject,
        validity=validity, key=key, extensions=certificates.authority_extensions(key, key, validity),
    )  # fmt: skip


def signer(*, by=ROOT, country="DE", name="TS", begins=NOW - 30 * DAY, ends=NOW + YEAR, use=None,
           signs_until=None, usage=b"\x80", serial=SERIAL):  # fmt: skip
    validity = Validity(not_before=begins, not_after=ends, signs_until=signs_until or ends)
    issuer = certificates.name("DE", "Test", "Test CSCA")
    extensions = list(certificates.signer_extensions(SIGNING, by, validity, ("ID",)))
    extensions[0] = certificates.extension("2.5.29.15", der.bits(usage, unused=1), critical=True)
    if use is not None:
        extensions.append(certificates.extension("2.5.29.37", der.sequence(der.oid(use))))
    return certificates.certificate(
        Issuer(name=issuer, key=by, digest="sha256"), serial=serial,
        subject=certificates.name(country, "Test", name), validity=validity, key=SIGNING,
        extensions=extensions,
    )  # fmt: skip


def dcc(certificate, *, country="DE", issued=NOW - DAY):
    kid = hashlib.sha256(certificate).digest()[:8]
    claims = {1: country, 4: int((NOW + DAY).timestamp()), 6: int(issued.timestamp()),
              -260: {1: {"ver": "1.3.0"}}}  # fmt: skip
    protected, payload = cbor.encode({1: -7, 4: kid}), cbor.encode(claims)
    signature = SIGNER.sign(cbor.encode(["Signature1", protected, b"", payload]))
    message = cbor.Tag(18, [protected, {}, payload, signature])
    return ("HC1:" + envelope.pack(cbor.encode(message))).encode()


def idb(certificate, *, country="DEU", issued=NOW - DAY, inside=False, reference=None):
    reference = reference or hashlib.sha1(certificate).digest()[-5:]
    header = c40.encode(country) + b"\1" + reference + b"\0" + c40.write_date(issued.date())
    signed = header + tlv(0x61, tlv(7, c40.encode(MRZ)))
    size = len(certificate).to_bytes(2, "big")
    carried = b"\x7e\x82" + size + certificate if inside else b""
    payload = signed + carried + tlv(0x7F, SIGNER.sign(signed))
    return b"RDB1B" + base64.b32encode(payload).rstrip(b"=")


def vds(_, *, country="DE", issued=NOW - DAY, reference="32"):
    signed = (
        bytes([0xDC, 3]) + c40.encode("D  ") + c40.encode(f"{country}TS{len(reference):02x}".upper())
        + c40.encode(reference) + c40.write_date(date(2026, 1, 1)) + c40.write_date(issued.date())
        + b"\xfd\x02\2\3abc"
    )  # fmt: skip
    return signed + b"\xff\x40" + SIGNER.sign(signed)


def vds_nc(certificate, *, country="D", **_):
    data = {"hdr": {"is": country, "t": "icao.test", "v": 1}, "msg": {"uvci": "1"}}
    proof = {"alg": "ES256", "cer": encode_base64url(certificate),
             "sigvl": encode_base64url(SIGNER.sign(canonical_json(data)))}  # fmt: skip
    return json.dumps({"sig": proof, "data": data}).encode()


MAKE = {
    "dcc": dcc,
    "idb": idb,
    "idb inside": lambda certificate, **more: idb(certificate, inside=True, **more),
    "vds": vds,
    "vds_nc": vds_nc,
}
FOREIGN_COUNTRY = {"dcc": "FR", "idb": "FRA", "idb inside": "FRA", "vds": "FR", "vds_nc": "FRA"}
KINDS = pytest.mark.parametrize("kind", list(MAKE))
DATED = pytest.mark.parametrize("kind", ["dcc", "idb", "idb inside", "vds"])


def check(kind, certificate, *, csca=None, keys=NO_KEYS, at=NOW, crl=(), known=True, **code):
    """Only what a code carries itself is not in ds/."""
    listed = [certificate] if known and kind in {"dcc", "idb", "vds"} else []
    store = TrustStore.of(csca=[authority() if csca is None else csca], ds=listed, crl=crl)
    return verify_chained(
        MAKE[kind](certificate, **code), kind=kind.partition(" ")[0], keys=keys, store=store, at=at
    )


def refused(kind, certificate, **more):
    with pytest.raises(EidError) as refusal:
        check(kind, certificate, **more)
    return refusal.value.code


@KINDS
def test_a_certificate_that_leads_to_a_pinned_authority_counts(kind):
    found = check(kind, signer())
    assert found.kind == kind.partition(" ")[0]
    assert found.key.public_key == SIGNER.public_key


@KINDS
def test_without_its_authority_nothing_counts(kind):
    assert refused(kind, signer(), csca=authority(OTHER)) == "chain.unanchored"
    assert refused(kind, signer(by=OTHER)) in {"chain.unanchored", "chain.signature"}


@pytest.mark.parametrize("kind", ["dcc", "idb", "vds"])
def test_a_signer_that_nobody_knows_is_named_as_such(kind):
    assert refused(kind, signer(), known=False) == "qr.kid_unknown"


@KINDS
def test_a_revoked_signer_is_refused(kind):
    issuer = Issuer(name=certificates.name("DE", "Test", "Test CSCA"), key=ROOT, digest="sha256")
    dates = {"number": 1, "this_update": NOW - DAY, "next_update": NOW + DAY}
    good = certificates.revocation_list(issuer, revoked=[7], **dates)
    assert check(kind, signer(), crl=[good])
    gone = certificates.revocation_list(issuer, revoked=[SERIAL], **dates)
    assert refused(kind, signer(), crl=[gone]) == "chain.revoked"


@KINDS
def test_an_expired_signer_is_refused(kind):
    assert refused(kind, signer(ends=NOW - DAY)) == "chain.validity"


@DATED
def test_a_code_is_signed_in_its_signers_time(kind):
    assert check(kind, signer(begins=NOW - DAY), issued=NOW - DAY)
    late = signer(begins=NOW - 9 * DAY, signs_until=NOW - 3 * DAY)
    assert refused(kind, late, issued=NOW - DAY) == "chain.validity"
    early = signer(begins=NOW - DAY)
    assert refused(kind, early, issued=NOW - 4 * DAY) == "chain.validity"


@KINDS
def test_a_certificate_made_for_another_use_is_refused(kind):
    server, lists = "1.3.6.1.5.5.7.3.1", "2.23.136.1.1.3"
    assert check(kind, signer(use=HEALTH))
    for use in (server, lists):
        assert refused(kind, signer(use=use)) == "chain.key_usage"
    for usage in (b"\x06", b"\x84", b"\x40"):  # an authority's, an authority's too, no signatures
        assert refused(kind, signer(usage=usage)) == "chain.key_usage"


@KINDS
def test_the_certificate_speaks_for_its_own_country(kind):
    code = refused(kind, signer(), country=FOREIGN_COUNTRY[kind])
    assert code == ("qr.kid_unknown" if kind == "vds" else "qr.issuer_of_key")


@KINDS
def test_what_a_trust_list_denies_stays_denied(kind):
    certificate = signer()
    found = check(kind, certificate)
    key = IssuerKey(issuer=found.key.issuer, kid=found.key.kid, public_key=SIGNER.public_key,
                    denied=(Denied(),))  # fmt: skip
    assert refused(kind, certificate, keys=IssuerKeys.of([key])) == "qr.key_denied"


def twin(certificate):
    """The same certificate with the other signature that ECDSA allows: another hash."""
    whole = tlv_of_der.parse(certificate)
    body, algorithm, bits = tlv_of_der.children(whole)
    r, s = decode_dss_signature(bits.value[1:])
    changed = der.bits(encode_dss_signature(r, P256.n - s))
    return der.sequence(body.raw, algorithm.raw, changed)


@KINDS
def test_a_denied_key_stays_denied_in_a_certificate_of_another_name(kind):
    certificate = twin(signer())
    assert check(kind, certificate).key.public_key == SIGNER.public_key
    listed = IssuerKey(issuer="DE", kid=b"another", public_key=SIGNER.public_key,
                       denied=(Denied(),))  # fmt: skip
    assert refused(kind, certificate, keys=IssuerKeys.of([listed])) == "qr.key_denied"


def test_a_certificate_inside_must_be_the_one_that_is_named():
    assert refused("idb inside", signer(), reference=b"12345") == "qr.kid_unknown"
    assert refused("vds_nc", b"no certificate") in {
        "tlv.truncated",
        "certificate.format",
        "tlv.tag",
    }


@pytest.mark.parametrize("kind", ["shc", "vds", "idb", "dcc", "vds_nc"])
def test_other_bytes_are_refused(kind):
    store = TrustStore.of(csca=[authority()])
    for code in (b"", b"\xff\xfe", b"HC1:", b"RDB1B", b"\xdc" * 30, b"{}", b"shc:/12"):
        with pytest.raises(EidError):
            verify_chained(code, kind=kind, keys=NO_KEYS, store=store, at=NOW)


def test_from_the_command_line(tmp_path, capsys):
    certificate = signer()
    for name, content in (("csca", authority()), ("ds", certificate)):
        (tmp_path / "trust" / name).mkdir(parents=True)
        (tmp_path / "trust" / name / "one.der").write_bytes(content)

    def verified(code):
        options = ["--trust", str(tmp_path / "trust"), "--at", NOW.isoformat(), "--json"]
        exit_code = program.run(["qr", "verify", code.decode(), *options])
        return exit_code, json.loads(capsys.readouterr().out)

    exit_code, report = verified(dcc(certificate))
    assert (exit_code, report["verdict"], report["issuer"]) == (0, "accepted", "DE")
    drawn = zxingcpp.create_barcode(vds(certificate), zxingcpp.BarcodeFormat.DataMatrix)
    picture = tmp_path / "seal.png"
    Image.fromarray(drawn.to_image(scale=4)).save(picture)
    exit_code, report = verified(str(picture).encode())
    assert (exit_code, report["kind"], report["issuer"]) == (0, "vds", "DETS")
    exit_code, report = verified(dcc(signer()))  # signed anew, so another certificate
    assert (exit_code, report["code"]) == (1, "qr.kid_unknown")
    exit_code, report = verified(vds_nc(signer(by=OTHER)))
    assert (exit_code, report["verdict"]) == (1, "rejected")
