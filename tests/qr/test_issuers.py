import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from eid.errors import FormatError, Inconsistent, SignatureInvalid, UntrustedIssuer
from eid.keys import SigningKey, encode_base64url
from eid.qr import cose
from eid.qr.issuers import MAX_CANDIDATES, IssuerKey, IssuerKeys
from eid.qr.signers import SoftwareSigner


def signer():
    return SoftwareSigner.of(ec.generate_private_key(ec.SECP256R1()))


def test_q008_a_key_speaks_for_its_own_issuer_only():
    ours, theirs = signer(), signer()
    keys = IssuerKeys.of(
        [IssuerKey.of("https://a.example", ours.public_key),
         IssuerKey.of("https://b.example", theirs.public_key)]
    )  # fmt: skip
    message = cose.parse(cose.sign(b"", ours))
    assert keys.verify(message, issuer="https://a.example").issuer == "https://a.example"
    for other in ("https://b.example", "https://a.example/", "HTTPS://a.example", "", None):
        with pytest.raises(Inconsistent) as refusal:
            keys.verify(message, issuer=other)
        assert refusal.value.code == "qr.issuer_of_key"


def test_an_unknown_kid_has_its_own_reason(es256):
    with pytest.raises(UntrustedIssuer) as refusal:
        es256.keys.verify(cose.parse(cose.sign(b"", signer())), issuer=es256.issuer)
    assert refusal.value.code == "qr.kid_unknown"


def test_all_keys_that_share_a_kid_are_tried():
    ours, other = signer(), signer()
    keys = IssuerKeys.of(
        IssuerKey.of("https://a.example", each.public_key, kid=ours.kid) for each in (other, ours)
    )
    both = [cose.parse(cose.sign(b"", _Renamed(each, ours.kid))) for each in (other, ours)]
    assert [keys.verify(one, issuer="https://a.example").public_key for one in both] == [
        other.public_key,
        ours.public_key,
    ]
    assert keys.verify(cose.parse(cose.sign(b"", ours)), issuer="https://a.example")
    with pytest.raises(SignatureInvalid):
        keys.verify(
            cose.parse(cose.sign(b"", _Renamed(signer(), ours.kid))), issuer="https://a.example"
        )


def test_no_more_keys_than_the_bound_are_tried():
    last = signer()
    many = [IssuerKey.of("https://a.example", signer().public_key, kid=b"k")] * MAX_CANDIDATES
    keys = IssuerKeys.of([*many, IssuerKey.of("https://a.example", last.public_key, kid=b"k")])
    assert len(keys.candidates(b"k")) == MAX_CANDIDATES
    with pytest.raises(SignatureInvalid):
        keys.verify(cose.parse(cose.sign(b"", _Renamed(last, b"k"))), issuer="https://a.example")


def test_the_algorithm_of_another_key_is_refused(es256, eddsa):
    renamed = _Renamed(eddsa.signer, es256.signer.kid)
    with pytest.raises(SignatureInvalid) as refusal:
        es256.keys.verify(cose.parse(cose.sign(b"", renamed)), issuer=es256.issuer)
    assert refusal.value.code == "qr.alg"


def test_pins_keys_from_jwks():
    key = SigningKey.generate("credentials")
    pinned = IssuerKey.from_jwk("https://a.example", key.public_jwk())
    assert pinned.kid == cose.key_id(key.private.public_key())
    okp = {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(bytes(31) + b"\x01")}
    assert cose.algorithm(IssuerKey.from_jwk("i", okp).public_key) == cose.EDDSA


def test_refuses_other_kinds_of_keys():
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    n = numbers.public_numbers().n.to_bytes(256, "big")
    with pytest.raises(FormatError) as refusal:
        IssuerKey.from_jwk("i", {"kty": "RSA", "n": encode_base64url(n), "e": "AQAB"})
    assert refusal.value.code == "qr.key"
    public = ec.generate_private_key(ec.SECP384R1()).public_key()
    with pytest.raises(ValueError, match="P-256"):
        IssuerKey.of("i", public)
    x, y = (
        encode_base64url(value.to_bytes(48, "big"))
        for value in (public.public_numbers().x, public.public_numbers().y)
    )
    with pytest.raises(FormatError):
        IssuerKey.from_jwk("i", {"kty": "EC", "crv": "P-384", "x": x, "y": y})


class _Renamed:
    """A signer that uses another key's name."""

    def __init__(self, inner, kid):
        self.kid, self.alg, self.sign = kid, inner.alg, inner.sign
