"""Codes of other issuers: twins made here by the formats' own rules, and what must be refused."""

import base64
import hashlib
import json
import zlib
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings, strategies as st

from eid.errors import EidError, FormatError, VerificationError
from eid.keys import canonical_json, encode_base64url
from eid.qr import c40, cbor, envelope
from eid.qr.algorithms import write_key
from eid.qr.claim169 import Identity
from eid.qr.credential import verify_credential
from eid.qr.dcc import verify_dcc
from eid.qr.foreign import ForeignCode
from eid.qr.idb import verify_idb
from eid.qr.issue import Terms, issue
from eid.qr.issuers import Denied, IssuerKey, IssuerKeys
from eid.qr.read_foreign import READERS
from eid.qr.recognise import kind_of
from eid.qr.shc import verify_shc
from eid.qr.signers import SoftwareSigner
from eid.qr.vds import verify_vds
from eid.qr.vds_nc import verify_vds_nc
from tests.qr.test_algorithms import FITTING, PRIVATE, sign as sign_with

P256 = ec.derive_private_key(0x5EED, ec.SECP256R1())
ANOTHER = ec.derive_private_key(0x0DD, ec.SECP256R1())
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SIGNER = SoftwareSigner.of(P256)
MRZ = "I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<"
HOUR = int(timedelta(hours=1).total_seconds())


def keys(issuer, kid, *, public_key=None, denied=()):
    key = IssuerKey(
        issuer=issuer, kid=kid, public_key=public_key or SIGNER.public_key, denied=denied
    )
    return IssuerKeys.of([key])


# --- one maker and one check per format ------------------------------------------------------


def make_dcc(*, sign=SIGNER.sign, **changes):
    now = int(NOW.timestamp())
    certificate = {"ver": "1.3.0", "nam": {"fn": "Mẫu"}, "dob": "1990-03-02", "v": [{"dn": 2}]}
    claims = {1: "UT", 4: now + HOUR, 6: now, -260: {1: certificate}, **changes}
    protected = cbor.encode({1: -7, 4: b"kid-8-by"})
    payload = cbor.encode(claims)
    signed = cbor.encode(["Signature1", protected, b"", payload])
    message = cbor.Tag(18, [protected, {}, payload, sign(signed)])
    return "HC1:" + envelope.pack(cbor.encode(message))


def make_shc(*, sign=SIGNER.sign, header=None, raw=None, **changes):
    kid = encode_base64url(b"k" * 32)
    head = encode_base64url(
        json.dumps(header or {"zip": "DEF", "alg": "ES256", "kid": kid}).encode()
    )
    content = {"iss": "https://ut.example", "nbf": NOW.timestamp() - 0.5,
               "exp": int(NOW.timestamp()) + HOUR, "vc": {"type": ["x"]}, **changes}  # fmt: skip
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(json.dumps(content).encode()) + packer.flush()
    payload = encode_base64url(packed if raw is None else raw)
    token = f"{head}.{payload}.{encode_base64url(sign(f'{head}.{payload}'.encode()))}"
    return "shc:/" + "".join(f"{ord(char) - 45:02}" for char in token)


def tlv(tag, value):
    size = bytes([len(value)]) if len(value) < 0x80 else bytes([0x81, len(value)])
    return bytes([tag]) + size + value


def make_idb(*, sign=SIGNER.sign, flag="B", day=date(2026, 11, 20), alg=1, extra=b"", mask=0):
    header = c40.encode("UTO") + bytes([alg]) + b"\1\2\3\4\5" + bytes([mask]) + c40.write_date(day)
    group = tlv(0x61, tlv(7, c40.encode(MRZ)) + tlv(9, b"123456") + extra)
    payload = header + group + tlv(0x7F, sign(header + group))
    if flag == "D":
        payload = zlib.compress(payload)
    return f"RDB1{flag}" + base64.b32encode(payload).decode().rstrip("=")


def make_vds(*, sign=SIGNER.sign, version=3, day=date(2026, 11, 20), features=b"\2\3abc"):
    signer = (
        c40.encode("UTTS05") + c40.encode("AB1CD") if version == 3 else c40.encode("UTTSAB1CD")
    )
    dates = c40.write_date(date(2026, 11, 19)) + c40.write_date(day)
    head = bytes([0xDC, version]) + c40.encode("UTO") + signer + dates + b"\xfd\x02" + features
    return head + b"\xff\x40" + sign(head)


CERTIFICATE = b"a certificate, which is only a name here"


def make_vds_nc(*, sign=SIGNER.sign, alg="ES256", **changes):
    data = {"hdr": {"is": "UTO", "t": "icao.test", "v": 1}, "msg": {"uvci": "Ừ1"}, **changes}
    proof = {"alg": alg, "cer": encode_base64url(CERTIFICATE),
             "sigvl": encode_base64url(sign(canonical_json(data)))}  # fmt: skip
    return json.dumps({"sig": proof, "data": data}, ensure_ascii=False)


KIDS = {
    "dcc": ("UT", b"kid-8-by"),
    "shc": ("https://ut.example", b"k" * 32),
    "idb": ("UTO", b"\1\2\3\4\5"),
    "vds": ("UTTS", b"UTTSAB1CD"),
    "vds_nc": ("UTO", hashlib.sha256(CERTIFICATE).digest()[:8]),
}
MAKE = {"dcc": make_dcc, "shc": make_shc, "idb": make_idb, "vds": make_vds, "vds_nc": make_vds_nc}


def check(kind, code, trusted=None, at=NOW) -> ForeignCode:
    trusted = keys(*KIDS[kind]) if trusted is None else trusted
    match kind:
        case "dcc":
            return verify_dcc(code, trusted, at=at)
        case "shc":
            return verify_shc(code, trusted, at=at)
        case "idb":
            return verify_idb(code, trusted, at=at)
        case "vds":
            return verify_vds(code, trusted, at=at)
        case _:
            return verify_vds_nc(code, trusted)


KINDS = pytest.mark.parametrize("kind", list(MAKE))


def refused(kind, code, trusted=None, at=NOW):
    with pytest.raises(EidError) as refusal:
        check(kind, code, trusted, at)
    return refusal.value.code


@KINDS
def test_a_good_code_names_its_issuer_and_says_what_was_signed(kind):
    code = MAKE[kind]()
    found = check(kind, code)
    assert (found.kind, found.issuer, found.key.kid) == (kind, *KIDS[kind])
    assert kind_of(code if isinstance(code, bytes) else code.encode()) == kind
    content = {"dcc": ("dob", "1990-03-02"), "shc": ("type", ["x"]), "idb": ("mrz_td1", MRZ),
               "vds": ("features", {2: b"abc"}), "vds_nc": ("msg", {"uvci": "Ừ1"})}[kind]  # fmt: skip
    assert found.content[content[0]] == content[1]


@KINDS
def test_a_signature_of_somebody_else_is_refused(kind):
    other = SoftwareSigner.of(ED25519)
    for sign in (
        lambda _: bytes(64),
        other.sign,
        lambda _: b"",
        lambda data: SIGNER.sign(data)[:63],
    ):
        assert refused(kind, MAKE[kind](sign=sign)) in {"qr.signature", "qr.foreign"}


@KINDS
def test_keys_of_others_do_not_help(kind):
    issuer, kid = KIDS[kind]
    assert refused(kind, MAKE[kind](), IssuerKeys.of([])) == "qr.kid_unknown"
    assert refused(kind, MAKE[kind](), keys("https://other.example", kid)) == "qr.issuer_of_key"
    ed25519 = keys(issuer, kid, public_key=ED25519.public_key())
    assert refused(kind, MAKE[kind](), ed25519) == "qr.alg"
    denied = keys(issuer, kid, denied=(Denied(),))
    assert refused(kind, MAKE[kind](), denied) == "qr.key_denied"


@KINDS
def test_a_kid_that_two_keys_share_is_tried_with_both(kind):
    issuer, kid = KIDS[kind]
    other = SoftwareSigner.of(ANOTHER)
    both = IssuerKeys.of([
        IssuerKey(issuer=issuer, kid=kid, public_key=other.public_key),
        *keys(issuer, kid).keys,
    ])  # fmt: skip
    assert check(kind, MAKE[kind](), both).issuer == issuer


@KINDS
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_change_is_refused(kind, data):
    code = MAKE[kind]()
    at = data.draw(st.integers(0, len(code) - 1))
    if isinstance(code, bytes):
        octet = data.draw(st.integers(0, 255).filter(lambda one: one != code[at]))
        changed = code[:at] + bytes([octet]) + code[at + 1 :]
    else:
        char = data.draw(st.sampled_from("09AZaz {}").filter(lambda one: one != code[at]))
        changed = code[:at] + char + code[at + 1 :]
    if kind == "vds_nc" and _same(changed, code):
        return
    with pytest.raises((FormatError, VerificationError)):
        check(kind, changed)


def _same(changed, code):
    """White space between JSON tokens is nobody's business."""
    try:
        return json.loads(changed) == json.loads(code)
    except ValueError:
        return False


@KINDS
@settings(deadline=None, max_examples=60)
@given(junk=st.binary(max_size=80))
def test_any_bytes_are_a_code_or_refused(kind, junk):
    code = MAKE[kind]()
    prefix = {"dcc": "HC1:", "shc": "shc:/", "idb": "RDB1B"}.get(kind, "")
    tried = b"\xdc\3" + junk if kind == "vds" else prefix + junk.decode("latin-1")
    assert type(tried) is type(code)
    with pytest.raises(EidError):
        check(kind, tried)


# --- what only one of them can do ------------------------------------------------------------


def test_times_of_health_certificates():
    now = int(NOW.timestamp())
    assert refused("dcc", make_dcc(), at=NOW + timedelta(days=1)) == "qr.expired"
    assert refused("dcc", make_dcc(), at=NOW - timedelta(days=1)) == "qr.issued_in_future"
    assert refused("shc", make_shc(), at=NOW + timedelta(days=1)) == "qr.expired"
    assert refused("shc", make_shc(exp=None)) == "qr.no_expiry"
    endless = make_shc(exp=None)
    assert verify_shc(endless, keys(*KIDS["shc"]), at=NOW, max_age_s=60).expires_at is None
    assert refused("shc", make_shc(nbf="now")) == "qr.foreign"
    assert refused("shc", make_shc(nbf=now + 3600)) == "qr.issued_in_future"


def test_seals_from_the_future():
    later = date(2026, 12, 1)
    assert refused("idb", make_idb(day=later)) == "qr.issued_in_future"
    assert refused("vds", make_vds(day=later)) == "qr.issued_in_future"


@pytest.mark.parametrize("hcert", [None, {}, {1: {}}, {1: {"ver": 1}}, b""])
def test_health_certificates_without_a_certificate(hcert):
    payload = {-260: hcert} if hcert is not None else {-260: 0}
    now = int(NOW.timestamp())
    claims = {1: "UT", 4: now + HOUR, 6: now, **payload}
    protected = cbor.encode({1: -7, 4: b"kid-8-by"})
    body = cbor.encode(claims)
    signature = SIGNER.sign(cbor.encode(["Signature1", protected, b"", body]))
    text = envelope.pack(cbor.encode([protected, {}, body, signature]))
    assert refused("dcc", "HC1:" + text) == "qr.foreign"
    assert refused("dcc", text) == "qr.foreign"


@pytest.mark.parametrize(
    "header",
    [{"alg": "none", "zip": "DEF", "kid": "x"}, {"alg": "ES256", "kid": "x"},
     {"alg": "ES256", "zip": "DEF"}, {"alg": "ES256", "zip": "DEF", "kid": "x", "crit": ["y"]}],
)  # fmt: skip
def test_health_cards_with_another_header(header):
    assert refused("shc", make_shc(header=header)) == "qr.foreign"


def test_health_cards_of_other_shapes():
    assert refused("shc", make_shc(vc="text")) == "qr.foreign"
    assert refused("shc", make_shc(raw=b"\xff")) == "qr.zlib"
    bomb = zlib.compressobj(9, wbits=-15)
    assert refused("shc", make_shc(raw=bomb.compress(bytes(1 << 20)) + bomb.flush())) == "qr.zlib"
    assert refused("shc", "shc:/2/1/" + make_shc()[5:]) == "qr.foreign"
    assert refused("shc", "shc:/567629") == "qr.foreign"


def test_barcodes_of_icao_with_and_without_compression():
    assert check("idb", make_idb(flag="D")).content["can"] == b"123456"
    assert refused("idb", make_idb(flag="A")) == "qr.signature"
    assert refused("idb", make_idb(flag="E")) == "qr.foreign"
    assert refused("idb", make_idb(alg=2)) == "qr.alg"
    assert refused("idb", make_idb(mask=1)) == "qr.foreign"
    assert refused("idb", make_idb(extra=tlv(9, b"654321"))) == "qr.foreign"
    assert refused("idb", "RDB1B" + "A" * 8) == "qr.foreign"
    assert check("idb", make_idb(extra=tlv(200, b"?"))).content["200"] == b"?"


def test_long_messages_of_icao_have_lengths_as_der_writes_them():
    face = bytes(950)
    head = c40.encode("UTO") + b"\1\1\2\3\4\5\0" + c40.write_date(date(2026, 11, 20))

    def text(group):
        payload = head + group + b"\x7f\x40" + SIGNER.sign(head + group)
        return "RDB1B" + base64.b32encode(payload).decode().rstrip("=")

    message = b"\x80\x82\x03\xb6" + face
    good = b"\x61\x82\x03\xba" + message
    assert check("idb", text(good)).content["128"] == face
    for bad in (b"\x61\x83\0\x03\xba" + message, b"\x61\x80" + message, b"\x61\x81\x05ABCDE",
                b"\x61\x82\xff\xff" + message, b"\x61", b""):  # fmt: skip
        assert refused("idb", text(bad)) == "qr.foreign"


def test_other_bytes_than_text_are_refused_by_readers_of_text():
    for kind in ("dcc", "shc", "idb", "vds_nc"):
        with pytest.raises(FormatError):
            READERS[kind](b"\xff", keys(*KIDS[kind]), NOW, None)
    assert READERS["vds"](make_vds(), keys(*KIDS["vds"]), NOW, None).kind == "vds"


def test_seals_of_both_versions():
    assert check("vds", make_vds(version=2)).issuer == "UTTS"
    assert refused("vds", make_vds(version=1)) == "qr.foreign"
    assert refused("vds", make_vds(features=b"\2\1a\2\1a")) == "qr.foreign"
    assert refused("vds", make_vds() + b"\0") == "qr.foreign"
    assert refused("vds", b"\xdc" + bytes(10)) == "qr.foreign"


def test_signed_json_of_other_shapes():
    assert refused("vds_nc", make_vds_nc(alg="ES384")) == "qr.alg"
    assert refused("vds_nc", make_vds_nc(msg=[])) == "qr.foreign"
    assert refused("vds_nc", make_vds_nc(hdr={})) == "qr.foreign"
    assert refused("vds_nc", "{}") == "qr.foreign"
    assert refused("vds_nc", " " * 5000) == "qr.foreign"
    twice = make_vds_nc().replace('"t": ', '"is": "XXX", "t": ')
    assert refused("vds_nc", twice)


@pytest.mark.parametrize("text", ["", "A", "AB", "ABC", "ABCD", "UTO<<12", "Z" * 30])
def test_c40_round_trip(text):
    assert c40.decode(c40.encode(text)) == text.replace("<", " ")


@pytest.mark.parametrize("data", [b"\0", b"\0\0", b"\xff\xff", b"\xfe\x00", b"\xfe\x41\0\1"])
def test_c40_refuses(data):
    with pytest.raises(FormatError):
        c40.decode(data)


# --- other keys than P-256 --------------------------------------------------------------------


def foreign_keys(kind, private):
    issuer, kid = KIDS[kind]
    return IssuerKeys.of([IssuerKey.foreign(issuer, kid, write_key(private.public_key()))])


def signing(alg, name):
    return lambda data: sign_with(alg, PRIVATE[name], data)


VDS_SIZES = {"P-256": 64, "B-256": 64, "P-384": 96, "B-384": 96, "B-512": 128, "P-521": 132}


def seal(name, *, size=b""):
    alg = f"SHA{'256' if '256' in name else '384' if '384' in name else '512'}"
    whole = make_vds(sign=lambda _: b"")
    head = whole[: -len(b"\xff\x40")]
    return head + b"\xff" + size + bytes([VDS_SIZES[name]]) + sign_with(alg, PRIVATE[name], head)


@pytest.mark.parametrize("name", list(VDS_SIZES))
def test_seals_with_keys_of_every_size(name):
    assert check("vds", seal(name), foreign_keys("vds", PRIVATE[name])).issuer == "UTTS"
    with_long_length = seal(name, size=b"\x81")
    assert check("vds", with_long_length, foreign_keys("vds", PRIVATE[name])).issuer == "UTTS"
    for other in VDS_SIZES:
        if other != name:
            code = refused("vds", seal(name), foreign_keys("vds", PRIVATE[other]))
            assert code == "qr.signature"
    for other in ("RSA", "Ed25519"):
        assert refused("vds", seal(name), foreign_keys("vds", PRIVATE[other])) == "qr.alg"


def barcode(alg, name, number):
    header = c40.encode("UTO") + bytes([number]) + b"\1\2\3\4\5\0" + c40.write_date(NOW.date())
    group = tlv(0x61, tlv(9, b"123456"))
    payload = header + group + tlv(0x7F, sign_with(alg, PRIVATE[name], header + group))
    return "RDB1B" + base64.b32encode(payload).decode().rstrip("=")


@pytest.mark.parametrize("name", list(VDS_SIZES))
@pytest.mark.parametrize(("number", "alg"), [(1, "SHA256"), (2, "SHA384"), (3, "SHA512")])
def test_barcodes_bind_hash_and_curve(number, alg, name):
    code, trusted = barcode(alg, name, number), foreign_keys("idb", PRIVATE[name])
    if name in FITTING[f"ECDSA-{alg}"]:
        assert check("idb", code, trusted).content["can"] == b"123456"
    else:
        assert refused("idb", code, trusted) == "qr.alg"


@pytest.mark.parametrize("number", [0, 4, 255])
def test_barcodes_with_an_unknown_algorithm(number):
    assert refused("idb", barcode("SHA256", "P-256", number)) == "qr.alg"


@pytest.mark.parametrize("name", ["P-256", "P-384", "P-521", "B-256", "B-384", "B-512", "RSA"])
@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "PS256", "RS256", "EdDSA"])
def test_signed_json_binds_algorithm_and_curve(alg, name):
    signer = signing(alg if alg != "EdDSA" else "ES256", name)
    code, trusted = make_vds_nc(alg=alg, sign=signer), foreign_keys("vds_nc", PRIVATE[name])
    if alg.startswith("ES") and name in FITTING[alg]:
        assert check("vds_nc", code, trusted).issuer == "UTO"
    else:
        assert refused("vds_nc", code, trusted) == "qr.alg"


@pytest.mark.parametrize("name", ["P-256", "P-384", "B-256", "RSA", "Ed25519"])
@pytest.mark.parametrize("alg", [-7, -8, -35, -37, -38, -257, 5])
def test_health_certificates_bind_algorithm_and_key(alg, name):
    now = int(NOW.timestamp())
    protected = cbor.encode({1: alg, 4: b"kid-8-by"})
    payload = cbor.encode({1: "UT", 4: now + HOUR, 6: now, -260: {1: {"ver": "1.3.0"}}})
    signed = cbor.encode(["Signature1", protected, b"", payload])
    signature = sign_with("SHA256", PRIVATE[name], signed)
    text = "HC1:" + envelope.pack(cbor.encode([protected, {}, payload, signature]))
    trusted = foreign_keys("dcc", PRIVATE[name])
    if (alg, name) in {(-7, "P-256"), (-37, "RSA")}:
        assert check("dcc", text, trusted).issuer == "UT"
    else:
        assert refused("dcc", text, trusted) == "qr.alg"


@pytest.mark.parametrize("name", ["P-384", "B-256", "RSA"])
def test_health_cards_stay_with_es256(name):
    code = make_shc(sign=signing("ES256", name))
    assert refused("shc", code, foreign_keys("shc", PRIVATE[name])) == "qr.alg"


@pytest.mark.parametrize("name", ["P-384", "B-256", "B-512", "RSA"])
def test_keys_of_foreign_codes_sign_nothing_of_ours(name):
    kid = SIGNER.kid
    key = IssuerKey.foreign("https://id.example", kid, write_key(PRIVATE[name].public_key()))
    now = int(NOW.timestamp())
    for alg in (-7, -8, -35, -37):
        protected = cbor.encode({1: alg, 4: kid})
        payload = cbor.encode({1: "https://id.example", 4: now + HOUR, 6: now, 169: {4: "A"}})
        signature = sign_with(
            "SHA256", PRIVATE[name], cbor.encode(["Signature1", protected, b"", payload])
        )
        text = envelope.pack(cbor.encode([protected, {}, payload, signature]))
        for others in ((), (IssuerKey.of("https://id.example", SIGNER.public_key),)):
            with pytest.raises(EidError) as refusal:
                verify_credential(text, IssuerKeys.of([key, *others]), at=NOW)
            assert refusal.value.code in {"qr.alg", "qr.signature"}
    with pytest.raises(ValueError, match="P-256"):
        IssuerKey.of("https://id.example", PRIVATE[name].public_key())


def test_a_foreign_key_of_the_same_name_does_not_stand_in_the_way():
    kid = SIGNER.kid
    text = issue(
        Identity(name="A"),
        Terms(issuer="https://id.example", issued_at=NOW, expires_at=NOW + timedelta(days=1)),
        SIGNER,
    )
    foreign = IssuerKey.foreign("UTO", kid, write_key(PRIVATE["RSA"].public_key()))
    own = IssuerKey.of("https://id.example", SIGNER.public_key)
    assert verify_credential(text, IssuerKeys.of([foreign, own]), at=NOW).issuer == own.issuer
