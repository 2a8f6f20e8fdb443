"""The one door for signatures, against Wycheproof and against algorithms that do not fit."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec as pyca_ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eid.errors import EidError, SignatureInvalid
from eid.trust.algorithms import SHA1, SHA224, SHA256, SHA384, SHA512, SignatureAlgorithm
from eid.trust.public_keys import DsaKey, EcKey, RsaKey, parse_public_key
from eid.trust.signature import der_pair, verify

VECTORS = Path(__file__).parents[1] / "vectors"
DIGESTS = {
    "SHA-1": SHA1, "SHA-224": SHA224, "SHA-256": SHA256, "SHA-384": SHA384, "SHA-512": SHA512,
}  # fmt: skip
FILES = sorted(
    path
    for folder in ("wycheproof", "wycheproof_ec", "wycheproof_signatures")
    for path in (VECTORS / folder).glob("*.json")
    if path.name.startswith(("ecdsa_", "rsa_"))
)
DEVIATIONS: dict[str, str] = {}
"""Cases judged otherwise than Wycheproof says, each with its reason: there are none."""


def algorithm_of(group: dict, file: dict) -> SignatureAlgorithm:
    digest = DIGESTS[group["sha"]]
    if file["algorithm"] == "RSASSA-PSS":
        return SignatureAlgorithm(
            scheme="rsa-pss",
            digest=digest,
            mask_digest=DIGESTS[group["mgfSha"]],
            salt_length=group["sLen"],
        )
    if file["algorithm"] == "ECDSA":
        plain = "P1363" in group["type"]
        return SignatureAlgorithm(scheme="ecdsa-plain" if plain else "ecdsa", digest=digest)
    return SignatureAlgorithm(scheme="rsa-pkcs1", digest=digest)


def spki_of(group: dict) -> bytes:
    return bytes.fromhex(group.get("publicKeyDer") or group["publicKeyAsn"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_wycheproof(path):
    file = json.loads(path.read_text("utf-8"))
    counts: Counter[str] = Counter()
    for group in file["testGroups"]:
        algorithm = algorithm_of(group, file)
        for case in group["tests"]:
            try:
                key = parse_public_key(spki_of(group))
                verify(key, algorithm, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
                result = "valid"
            except EidError:
                result = "invalid"
            if case["result"] != "acceptable":
                counts[result] += 1
                assert result == case["result"], f"{path.stem} {case['tcId']} {case['comment']}"
    assert counts["valid"] > 5
    assert counts["invalid"] > 40
    assert not DEVIATIONS


def test_nine_files_or_more():
    assert len(FILES) >= 15


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


def of(private) -> RsaKey | EcKey | DsaKey:
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return parse_public_key(spki)


def test_dsa_of_both_sizes():
    for size, digest, hashing in ((1024, SHA1, hashes.SHA1()), (2048, SHA256, hashes.SHA256())):
        private = dsa.generate_private_key(size)
        key = of(private)
        assert isinstance(key, DsaKey)
        algorithm = SignatureAlgorithm(scheme="dsa", digest=digest)
        signature = private.sign(b"message", hashing)
        verify(key, algorithm, b"message", signature)
        r, s = utils.decode_dss_signature(signature)
        for bad in (
            b"",
            signature[:-1],
            signature + b"\0",
            utils.encode_dss_signature(r, s + key.q),
            utils.encode_dss_signature(0, s),
            utils.encode_dss_signature(s, r),
        ):
            with pytest.raises(SignatureInvalid):
                verify(key, algorithm, b"message", bad)


def test_plain_ecdsa_has_one_length():
    private = pyca_ec.generate_private_key(pyca_ec.BrainpoolP384R1())
    key = of(private)
    r, s = utils.decode_dss_signature(private.sign(b"message", pyca_ec.ECDSA(hashes.SHA384())))
    algorithm = SignatureAlgorithm(scheme="ecdsa-plain", digest=SHA384)
    good = r.to_bytes(48, "big") + s.to_bytes(48, "big")
    verify(key, algorithm, b"message", good)
    for bad in (good + b"\0", good[1:], b"\0" + good[:48] + b"\0" + good[48:], bytes(96)):
        with pytest.raises(SignatureInvalid):
            verify(key, algorithm, b"message", bad)


@pytest.mark.parametrize("scheme", ["ecdsa", "ecdsa-plain", "dsa"])
def test_the_algorithm_must_fit_the_key(rsa_key, scheme):
    with pytest.raises(SignatureInvalid) as caught:
        verify(of(rsa_key), SignatureAlgorithm(scheme=scheme, digest=SHA256), b"", b"")
    assert caught.value.code == "algorithm.key"


def test_pss_with_its_own_mask_digest(rsa_key):
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA1()), salt_length=20)
    signature = rsa_key.sign(b"message", scheme, hashes.SHA256())
    good = SignatureAlgorithm(scheme="rsa-pss", digest=SHA256, mask_digest=SHA1, salt_length=20)
    verify(of(rsa_key), good, b"message", signature)
    for mask, salt in ((SHA256, 20), (SHA1, 32)):
        bad = SignatureAlgorithm(
            scheme="rsa-pss", digest=SHA256, mask_digest=mask, salt_length=salt
        )
        with pytest.raises(SignatureInvalid):
            verify(of(rsa_key), bad, b"message", signature)


def test_a_salt_that_no_key_has_room_for(rsa_key):
    algorithm = SignatureAlgorithm(
        scheme="rsa-pss", digest=SHA512, mask_digest=SHA512, salt_length=512
    )
    with pytest.raises(SignatureInvalid):
        verify(of(rsa_key), algorithm, b"message", bytes(256))


def test_a_dsa_key_out_of_every_library_is_refused_not_crashed():
    key = DsaKey(p=23, q=11, g=4, y=8)
    with pytest.raises(SignatureInvalid) as caught:
        verify(
            key,
            SignatureAlgorithm(scheme="dsa", digest=SHA256),
            b"",
            b"\x30\x06\x02\x01\x01\x02\x01\x01",
        )
    assert caught.value.code == "algorithm.key"


def test_an_rsa_key_out_of_every_library_is_refused_not_crashed():
    key = RsaKey(n=15, e=2)
    with pytest.raises(SignatureInvalid) as caught:
        verify(key, SignatureAlgorithm(scheme="rsa-pkcs1", digest=SHA256), b"", b"\x01")
    assert caught.value.code == "algorithm.key"


def test_der_pairs():
    assert der_pair(bytes.fromhex("3006020101020102")) == (1, 2)
    for bad in (
        "",
        "3003020101",
        "30070201010202 0002",
        "3006020101020102 00",
        "3106020101020102",
    ):
        assert der_pair(bytes.fromhex(bad)) is None
