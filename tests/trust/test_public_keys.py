"""SubjectPublicKeyInfo: what is read, and what is refused with which code."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec as pyca_ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eid import ec
from eid.errors import FormatError
from eid.testing import der
from eid.testing.certificates import explicit_parameters, public_key_info
from eid.trust.public_keys import (
    DH_PKCS3,
    DH_X942,
    DSA,
    EC_PUBLIC_KEY,
    RSA_ENCRYPTION,
    RSASSA_PSS,
    DhKey,
    DsaKey,
    EcKey,
    RsaKey,
    bit_string,
    parse_public_key,
)


def refused(spki, code):
    with pytest.raises(FormatError) as caught:
        parse_public_key(spki)
    assert caught.value.code == code


def info(oid, octets, *parameters):
    return der.sequence(der.sequence(der.oid(oid), *parameters), der.bits(octets))


def rsa_info(n, e, oid=RSA_ENCRYPTION, parameters=(b"\x05\x00",)):
    return info(oid, der.sequence(der.integer(n), der.integer(e)), *parameters)


N = (1 << 2047) + 1


def test_rsa():
    key = parse_public_key(rsa_info(N, 65537))
    assert key == RsaKey(n=N, e=65537)
    assert parse_public_key(rsa_info(N, 3, parameters=())) == RsaKey(n=N, e=3)
    pss = parse_public_key(rsa_info(N, 3, RSASSA_PSS, (der.sequence(),)))
    assert pss == RsaKey(n=N, e=3, pss_parameters=b"0\0")
    assert parse_public_key(rsa_info(N, 3, RSASSA_PSS, ())) == RsaKey(n=N, e=3)


@pytest.mark.parametrize(
    ("n", "e"),
    [
        (N, 1), (N, 2), (N, 65536), (N, (1 << 64) + 1), (N + 1, 3),
        ((1 << 1022) + 1, 3), ((1 << 8192) + 1, 3),
    ],
)  # fmt: skip
def test_rsa_bounds(n, e):
    refused(rsa_info(n, e), "key.rsa")


@pytest.mark.parametrize(("n", "e"), [(-N, 3), (0, 3), (N, 0), (N, -3)])
def test_rsa_numbers_are_positive(n, e):
    refused(rsa_info(n, e), "key.format")


def test_rsa_shape():
    refused(rsa_info(N, 3, parameters=(der.integer(1),)), "key.format")
    refused(info(RSA_ENCRYPTION, der.sequence(der.integer(N)), der.null()), "key.format")
    refused(info(RSA_ENCRYPTION, der.integer(N), der.null()), "key.format")
    refused(info(RSA_ENCRYPTION, der.sequence(der.octets(b"1"), der.integer(3))), "key.format")


@pytest.mark.parametrize("name", sorted(ec.CURVES))
def test_every_curve_by_name_and_spelt_out(name):
    curve = ec.by_name(name)
    point = ec.encode_point(curve, curve.generator)
    named = parse_public_key(public_key_info(curve, point, explicit=False))
    spelt = parse_public_key(public_key_info(curve, point, explicit=True))
    assert named == EcKey(curve=curve, point=curve.generator)
    assert spelt == EcKey(curve=curve, point=curve.generator, explicit=True)


def test_ec_refusals():
    curve = ec.by_name("secp256r1")
    point = ec.encode_point(curve, curve.generator)
    off = point[:-1] + bytes([point[-1] ^ 1])
    refused(public_key_info(curve, off, explicit=False), "key.curve")
    refused(public_key_info(curve, b"\0", explicit=False), "key.curve")
    refused(public_key_info(curve, point[:-1], explicit=False), "key.curve")
    refused(info(EC_PUBLIC_KEY, point), "key.curve")
    refused(info(EC_PUBLIC_KEY, point, der.null()), "key.curve")
    refused(info(EC_PUBLIC_KEY, point, der.oid("1.3.132.0.10")), "key.curve")
    other = explicit_parameters(curve).replace(
        curve.n.to_bytes(32, "big"), (curve.n - 2).to_bytes(32, "big")
    )
    refused(info(EC_PUBLIC_KEY, point, other), "key.curve")


def test_dsa():
    private = dsa.generate_private_key(2048)
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = parse_public_key(spki)
    assert isinstance(key, DsaKey)
    domain = (key.p, key.q, key.g)

    def dsa_info(y, *numbers):
        parameters = der.sequence(*(der.integer(number) for number in numbers))
        return info(DSA, der.integer(y), parameters)

    assert parse_public_key(dsa_info(key.y, *domain)) == key
    for y in (1, key.p - 1, key.p + key.y, 2):
        refused(dsa_info(y, *domain), "key.dsa")
    for bad in ((key.p, key.q - 2, key.g), (key.p + 2, key.q, key.g), (key.p, key.q, 1)):
        refused(dsa_info(key.y, *bad), "key.dsa")
    refused(dsa_info(key.y, key.p, key.q), "key.dsa")
    refused(info(DSA, der.integer(2)), "key.dsa")
    refused(info(DSA, der.integer(2), der.null()), "key.dsa")
    refused(dsa_info(3, 23, 11, 4), "key.dsa")


DH_PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404"
    "DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406"
    "B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)
"""RFC 2409 §6.2: the 1024-bit group."""


def test_dh_of_both_forms():
    p, g = DH_PRIME, 2
    q = (p - 1) // 2
    y = pow(g, 12345, p)
    pkcs3 = der.sequence(der.integer(p), der.integer(g))
    x942 = der.sequence(der.integer(p), der.integer(4), der.integer(q))
    assert parse_public_key(info(DH_PKCS3, der.integer(y), pkcs3)) == DhKey(p=p, g=g, q=None, y=y)
    square = pow(4, 99, p)
    assert parse_public_key(info(DH_X942, der.integer(square), x942)) == DhKey(
        p=p, g=4, q=q, y=square
    )
    for bad in (1, p - 1, p):
        refused(info(DH_PKCS3, der.integer(bad), pkcs3), "key.dh")
    refused(info(DH_PKCS3, der.integer(0), pkcs3), "key.format")
    non_residue = next(n for n in range(2, 99) if pow(n, q, p) != 1)
    refused(info(DH_X942, der.integer(non_residue), x942), "key.dh")
    wrong_order = der.sequence(der.integer(p), der.integer(4), der.integer(q - 1))
    refused(info(DH_X942, der.integer(square), wrong_order), "key.dh")
    small = der.sequence(der.integer((1 << 511) + 1), der.integer(2))
    refused(info(DH_PKCS3, der.integer(9), small), "key.dh")
    for oid in (DH_PKCS3, DH_X942):
        refused(info(oid, der.integer(y)), "key.dh")
        refused(info(oid, der.integer(y), der.null()), "key.dh")
        refused(info(oid, der.integer(y), der.sequence(der.integer(p))), "key.dh")


def test_the_outer_shape():
    refused(bytes(9000), "key.size")
    refused(der.sequence(), "key.format")
    refused(der.set_of(), "key.format")
    refused(der.sequence(der.sequence(), der.bits(b"")), "key.format")
    refused(der.sequence(der.sequence(der.null()), der.bits(b"")), "key.format")
    refused(info("1.3.101.112", bytes(32)), "key.algorithm")
    with pytest.raises(FormatError):
        bit_string(parse_tlv("030101"))
    with pytest.raises(FormatError):
        bit_string(parse_tlv("0300"))


def parse_tlv(text):
    from eid import tlv  # noqa: PLC0415

    return tlv.parse(bytes.fromhex(text))


def test_ordinary_keys_of_the_library():
    for private in (
        rsa.generate_private_key(65537, 1024 * 2),
        pyca_ec.generate_private_key(pyca_ec.SECP521R1()),
    ):
        spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert parse_public_key(spki) is not None
