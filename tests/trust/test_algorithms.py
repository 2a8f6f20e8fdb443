"""Algorithm identifiers by allow-list, PSS with its real parameters."""

from __future__ import annotations

import hashlib

import pytest

from eid import tlv
from eid.errors import FormatError
from eid.testing import der
from eid.trust.algorithms import (
    DIGESTS,
    SHA1,
    SHA224,
    SHA256,
    SHA384,
    SHA512,
    SignatureAlgorithm,
    parse_digest,
    parse_signature_algorithm,
    signature_algorithm_by_oid,
)

PSS = "1.2.840.113549.1.1.10"
MGF1 = der.oid("1.2.840.113549.1.1.8")


def identifier(oid, *parameters):
    return tlv.parse(der.sequence(der.oid(oid), *parameters))


def refused(call, code, *arguments):
    with pytest.raises(FormatError) as caught:
        call(*arguments)
    assert caught.value.code == code


@pytest.mark.parametrize("digest", DIGESTS.values(), ids=lambda digest: digest.name)
def test_digests(digest):
    assert parse_digest(identifier(digest.oid)) == digest
    assert parse_digest(identifier(digest.oid, der.null())) == digest
    assert digest.of(b"abc") == hashlib.new(digest.name, b"abc").digest()
    assert len(digest.of(b"")) == digest.size
    refused(parse_digest, "algorithm.parameters", identifier(digest.oid, der.integer(1)))


@pytest.mark.parametrize("oid", ["1.2.840.113549.2.5", "2.16.840.1.101.3.4.2.6", "1.3.36.3.2.1"])
def test_other_digests_are_refused(oid):
    refused(parse_digest, "algorithm.digest", identifier(oid, der.null()))


@pytest.mark.parametrize(
    ("oid", "scheme", "digest"),
    [
        ("1.2.840.113549.1.1.5", "rsa-pkcs1", SHA1),
        ("1.2.840.113549.1.1.14", "rsa-pkcs1", SHA224),
        ("1.2.840.113549.1.1.13", "rsa-pkcs1", SHA512),
        ("1.2.840.10045.4.3.3", "ecdsa", SHA384),
        ("0.4.0.127.0.7.1.1.4.1.1", "ecdsa-plain", SHA1),
        ("0.4.0.127.0.7.1.1.4.1.5", "ecdsa-plain", SHA512),
        ("1.2.840.10040.4.3", "dsa", SHA1),
        ("2.16.840.1.101.3.4.3.2", "dsa", SHA256),
    ],
)
def test_signature_algorithms(oid, scheme, digest):
    wanted = SignatureAlgorithm(scheme=scheme, digest=digest)
    assert parse_signature_algorithm(identifier(oid)) == wanted
    assert parse_signature_algorithm(identifier(oid, der.null())) == wanted
    assert signature_algorithm_by_oid(oid) == wanted
    assert wanted.uses_sha1 == (digest is SHA1)
    refused(parse_signature_algorithm, "algorithm.parameters", identifier(oid, der.integer(1)))


def test_md5_and_nonsense_are_refused():
    for oid in ("1.2.840.113549.1.1.4", "1.3.101.112", "2.5.4.3"):
        refused(parse_signature_algorithm, "algorithm.signature", identifier(oid))
        assert signature_algorithm_by_oid(oid) is None


def test_plain_rsa_takes_the_digest_named_elsewhere():
    plain = identifier("1.2.840.113549.1.1.1", der.null())
    found = parse_signature_algorithm(plain, digest=SHA384)
    assert found == SignatureAlgorithm(scheme="rsa-pkcs1", digest=SHA384)
    refused(parse_signature_algorithm, "algorithm.signature", plain)


def mgf(oid):
    return der.sequence(MGF1, der.sequence(der.oid(oid), der.null()))


def pss(*fields):
    return identifier(PSS, der.sequence(*fields))


def test_pss_defaults_are_sha1():
    for defaults in (identifier(PSS), pss()):
        found = parse_signature_algorithm(defaults)
        assert found == SignatureAlgorithm(
            scheme="rsa-pss", digest=SHA1, mask_digest=SHA1, salt_length=20
        )
        assert found.uses_sha1


def test_pss_with_everything():
    found = parse_signature_algorithm(
        pss(
            der.explicit(0, der.sequence(der.oid(SHA256.oid), der.null())),
            der.explicit(1, mgf(SHA512.oid)),
            der.explicit(2, der.integer(64)),
            der.explicit(3, der.integer(1)),
        )
    )
    assert found == SignatureAlgorithm(
        scheme="rsa-pss", digest=SHA256, mask_digest=SHA512, salt_length=64
    )
    assert not found.uses_sha1


def test_a_sha1_mask_counts_as_sha1():
    found = parse_signature_algorithm(
        pss(der.explicit(0, der.sequence(der.oid(SHA256.oid))), der.explicit(2, der.integer(32)))
    )
    assert found.uses_sha1


@pytest.mark.parametrize(
    "fields",
    [
        (der.explicit(3, der.integer(2)),),
        (der.explicit(2, der.integer(1 << 31)),),
        (der.explicit(2, der.integer(-1)),),
        (der.explicit(2, der.octets(b"\x14")),),
        (der.explicit(2, der.integer(20)), der.explicit(2, der.integer(20))),
        (der.explicit(2, der.integer(20)), der.explicit(0, der.sequence(der.oid(SHA256.oid)))),
        (der.explicit(4, der.integer(20)),),
        (der.explicit(1, der.sequence(der.oid("1.2.3"), der.sequence(der.oid(SHA256.oid)))),),
        (der.explicit(1, der.sequence(MGF1)),),
    ],
)
def test_bad_pss_parameters(fields):
    refused(parse_signature_algorithm, "algorithm.parameters", pss(*fields))


def test_pss_parameters_that_are_no_sequence():
    refused(parse_signature_algorithm, "algorithm.parameters", identifier(PSS, der.null()))


@pytest.mark.parametrize("data", [der.sequence(), der.set_of(), der.sequence(der.null())])
def test_malformed_identifiers(data):
    refused(parse_digest, "format.algorithm", tlv.parse(data))
    refused(parse_signature_algorithm, "format.algorithm", tlv.parse(data))
