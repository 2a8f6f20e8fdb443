"""Curves, points and signatures against published vectors and against each other."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec as pyca

from eid import ec, tlv
from eid.ec import points
from eid.errors import FormatError
from eid.trust.signature import der_pair

VECTORS = Path(__file__).parent / "vectors"
ICAO = json.loads((VECTORS / "emrtd" / "icao-9303-11-examples.json").read_text())
P256 = ec.by_name("brainpoolP256r1")
ALL = tuple(ec.CURVES.values())
SIMPLE_ROOTS = tuple(curve for curve in ALL if curve.p % 4 == 3)
NO_PEER = ("brainpoolP192r1", "brainpoolP224r1", "brainpoolP320r1")


def wycheproof(name: str) -> dict[str, object]:
    return json.loads((VECTORS / "wycheproof_ec" / f"{name}_test.json").read_text())


def code_of(call: object, *args: object, **options: object) -> str:
    with pytest.raises(FormatError) as caught:
        call(*args, **options)
    return caught.value.code


class TestTable:
    @pytest.mark.parametrize("curve", ALL, ids=lambda curve: curve.name)
    def test_generator_has_order_n(self, curve: ec.Curve) -> None:
        assert ec.contains(curve, curve.generator)
        assert ec.multiply(curve, curve.n - 1, curve.generator) == (curve.gx, curve.p - curve.gy)
        assert code_of(ec.multiply, curve, curve.n, curve.generator) == "ec.infinity"

    def test_look_up(self) -> None:
        for curve in ALL:
            assert ec.by_oid(curve.oid) is curve
            assert ec.by_parameter_id(curve.parameter_id) is curve
        assert sorted(curve.parameter_id for curve in ALL) == list(range(8, 19))

    @pytest.mark.parametrize(
        ("call", "argument"),
        [(ec.by_name, "secp256k1"), (ec.by_oid, "1.3.132.0.10"), (ec.by_parameter_id, 0)],
    )
    def test_unknown(self, call: object, argument: object) -> None:
        assert code_of(call, argument) == "ec.unknown_curve"

    def test_sizes(self) -> None:
        assert (ec.by_name("secp521r1").bits, ec.by_name("secp521r1").size) == (521, 66)

    @pytest.mark.parametrize("curve", ALL, ids=lambda curve: curve.name)
    def test_agrees_with_cryptography(self, curve: ec.Curve) -> None:
        key = ec.to_cryptography(curve, curve.generator)
        assert (key is None) == (curve.name in NO_PEER)
        private = curve.n // 3
        assert ec.public_point(curve, private) == ec.multiply(curve, private, curve.generator)


def explicit(curve: ec.Curve, **changes: object) -> dict[str, object]:
    parameters: dict[str, object] = {
        "p": curve.p,
        "a": curve.a,
        "b": curve.b,
        "g": ec.encode_point(curve, curve.generator),
        "n": curve.n,
        "h": curve.h,
    }
    return parameters | changes


class TestExplicitParameters:
    @pytest.mark.parametrize("curve", ALL, ids=lambda curve: curve.name)
    def test_all_equal(self, curve: ec.Curve) -> None:
        assert ec.from_explicit(**explicit(curve)) is curve
        assert ec.from_explicit(**explicit(curve, h=None)) is curve
        compressed = bytes([2 + curve.gy % 2]) + curve.gx.to_bytes(curve.size, "big")
        assert ec.from_explicit(**explicit(curve, g=compressed)) is curve

    def test_own_generator_is_refused(self) -> None:
        other = ec.encode_point(P256, ec.multiply(P256, 2, P256.generator))
        assert code_of(ec.from_explicit, **explicit(P256, g=other)) == "ec.explicit_parameters"

    @pytest.mark.parametrize(
        "changes",
        [
            {"a": P256.a + 1},
            {"b": P256.b + 1},
            {"n": P256.n + 2},
            {"h": 2},
            {"h": 0},
            {"g": b""},
            {"g": bytes([2 + (P256.gy + 1) % 2]) + P256.gx.to_bytes(32, "big")},
        ],
    )
    def test_one_difference_is_refused(self, changes: dict[str, object]) -> None:
        assert code_of(ec.from_explicit, **explicit(P256, **changes)) == "ec.explicit_parameters"

    def test_unknown_field(self) -> None:
        assert code_of(ec.from_explicit, **explicit(P256, p=P256.p + 2)) == "ec.unknown_curve"


def integer(number: int, *, padding: bytes = b"") -> bytes:
    return tlv.encode(0x02, padding + tlv.encode_int(number))


def specified(
    curve: ec.Curve,
    *,
    seed: bytes = b"",
    padding: bytes = b"",
    cofactor: bytes | None = None,
    tail: bytes = b"",
    field: str = "1.2.840.10045.1.1",
    version: int = 1,
) -> tlv.Tlv:
    size = curve.size
    prime = tlv.encode(0x06, tlv.encode_oid(field)) + integer(curve.p, padding=padding)
    a = tlv.encode(0x04, padding + curve.a.to_bytes(size, "big"))
    b = tlv.encode(0x04, padding + curve.b.to_bytes(size, "big"))
    parts = (
        integer(version),
        tlv.encode(0x30, prime),
        tlv.encode(0x30, a, b, tlv.encode(0x03, b"\x00" + seed) if seed else b""),
        tlv.encode(0x04, ec.encode_point(curve, curve.generator)),
        integer(curve.n),
        integer(1) if cofactor is None else cofactor,
        tail,
    )
    return tlv.parse(tlv.encode(0x30, *parts))


class TestEncodedParameters:
    @pytest.mark.parametrize("curve", ALL, ids=lambda curve: curve.name)
    def test_named_and_specified(self, curve: ec.Curve) -> None:
        named = tlv.parse(tlv.encode(0x06, tlv.encode_oid(curve.oid)))
        assert ec.from_parameters(named) is curve
        assert ec.from_parameters(specified(curve)) is curve

    def test_seed_leading_zero_absent_cofactor_change_nothing(self) -> None:
        assert ec.from_parameters(specified(P256, seed=bytes(20))) is P256
        assert ec.from_parameters(specified(P256, padding=b"\x00")) is P256
        assert ec.from_parameters(specified(P256, cofactor=b"")) is P256
        hashed = tlv.encode(0x30, tlv.encode(0x06, b"\x2a"))
        assert ec.from_parameters(specified(P256, tail=hashed, version=3)) is P256
        assert ec.from_parameters(specified(P256, cofactor=b"", tail=hashed)) is P256

    @pytest.mark.parametrize(
        "options",
        [
            {"field": "1.2.840.10045.1.2"},
            {"version": 4},
            {"cofactor": integer(2)},
            {"cofactor": tlv.encode(0x04, b"\x01")},
            {"cofactor": b"", "tail": tlv.encode(0x05)},
            {"cofactor": tlv.encode(0x30), "tail": tlv.encode(0x30)},
            {"tail": tlv.encode(0x30) + tlv.encode(0x30)},
            {"padding": bytes(300)},
        ],
    )
    def test_refused(self, options: dict[str, object]) -> None:
        with pytest.raises(FormatError):
            ec.from_parameters(specified(P256, **options))

    @pytest.mark.parametrize("data", ["0500", "3000", "04012A", "3003020101"])
    def test_other_forms(self, data: str) -> None:
        assert code_of(ec.from_parameters, tlv.parse(bytes.fromhex(data))) == "ec.parameters"

    def test_order_must_be_a_number(self) -> None:
        parts = [part.raw for part in specified(P256).children()]
        parts[4] = tlv.encode(0x04, parts[4])
        bad = tlv.parse(tlv.encode(0x30, *parts))
        assert code_of(ec.from_parameters, bad) == "ec.parameters"

    def test_field_must_be_a_pair(self) -> None:
        parts = [part.raw for part in specified(P256).children()]
        parts[1] = tlv.encode(0x30, tlv.encode(0x06, tlv.encode_oid("1.2.840.10045.1.1")))
        bad = tlv.parse(tlv.encode(0x30, *parts))
        assert code_of(ec.from_parameters, bad) == "ec.unknown_curve"

    def test_base_point_must_be_octets(self) -> None:
        parts = [part.raw for part in specified(P256).children()]
        parts[3] = tlv.encode(0x03, parts[3])
        bad = tlv.parse(tlv.encode(0x30, *parts))
        assert code_of(ec.from_parameters, bad) == "ec.parameters"

    def test_three_coefficients_are_too_many(self) -> None:
        good = specified(P256)
        parts = list(good.children())
        parts[2] = tlv.parse(tlv.encode(0x30, parts[2].value, tlv.encode(0x03), tlv.encode(0x03)))
        bad = tlv.parse(tlv.encode(0x30, *(part.raw for part in parts)))
        assert code_of(ec.from_parameters, bad) == "ec.parameters"


class TestPoints:
    def test_encoding_has_fixed_length(self) -> None:
        curve = ec.by_name("brainpoolP224r1")  # its generator's x starts with a zero digit
        encoded = ec.encode_point(curve, curve.generator)
        assert len(encoded) == 57
        assert encoded[1] == 0x0D
        assert ec.decode_point(curve, encoded) == curve.generator

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"", "ec.point_form"),
            (b"\x00", "ec.point_form"),
            (b"\x02" + P256.gx.to_bytes(32, "big"), "ec.point_form"),
            (b"\x06" + bytes(64), "ec.point_form"),
            (b"\x04" + bytes(63), "ec.point_form"),
            (b"\x04" + bytes(65), "ec.point_form"),
            (b"\x04" + bytes(64), "ec.off_curve"),
            (b"\x04" + (P256.gx + 1).to_bytes(32, "big") + bytes(32), "ec.off_curve"),
        ],
    )
    def test_refused(self, data: bytes, code: str) -> None:
        assert code_of(ec.decode_point, P256, data) == code

    def test_coordinates_beyond_the_field(self) -> None:
        small = next(
            (x, y)
            for k in range(1, 4000)
            for x, y in [ec.multiply(P256, k, P256.generator)]
            if x + P256.p < 1 << 256
        )
        beyond = (small[0] + P256.p).to_bytes(32, "big") + small[1].to_bytes(32, "big")
        assert code_of(ec.decode_point, P256, b"\x04" + beyond) == "ec.off_curve"

    def test_addition(self) -> None:
        g = P256.generator
        two = ec.multiply(P256, 2, g)
        assert ec.add(P256, g, g) == two
        assert ec.add(P256, two, g) == ec.multiply(P256, 3, g)
        assert code_of(ec.add, P256, g, (g[0], P256.p - g[1])) == "ec.infinity"
        assert code_of(ec.add, P256, g, (1, 1)) == "ec.off_curve"
        assert code_of(ec.add, P256, (1, 1), g) == "ec.off_curve"

    def test_multiply_add(self) -> None:
        g = P256.generator
        assert ec.multiply_add(P256, 5, g, g) == ec.multiply(P256, 6, g)
        assert ec.multiply_add(P256, P256.n, g, g) == g
        assert code_of(ec.multiply_add, P256, P256.n - 1, g, g) == "ec.infinity"

    def test_sum_of_products(self) -> None:
        g = P256.generator
        h = ec.multiply(P256, 77, g)
        for one, two in ((1, 1), (5, 0), (0, 5), (1 << 200, 3), (3, 1 << 255), (77, P256.n - 1)):
            total = (one + 77 * two) % P256.n
            if total:
                expected = ec.multiply(P256, total, g)
                assert ec.sum_of_products(P256, (one, g), (two, h)) == expected
        assert code_of(ec.sum_of_products, P256, (77, g), (P256.n - 1, h)) == "ec.infinity"
        assert code_of(ec.sum_of_products, P256, (0, g), (0, h)) == "ec.infinity"
        assert code_of(ec.sum_of_products, P256, (1, g), (1, (1, 1))) == "ec.off_curve"

    @pytest.mark.parametrize("curve", ALL, ids=lambda curve: curve.name)
    def test_small_multiples_by_repeated_addition(self, curve: ec.Curve) -> None:
        point = curve.generator
        for scalar in range(2, 70):
            point = ec.add(curve, point, curve.generator)
            assert ec.multiply(curve, scalar, curve.generator) == point

    def test_off_curve_is_refused_everywhere(self) -> None:
        for call in (ec.multiply, ec.ecdh):
            assert code_of(call, P256, 2, (1, 1)) == "ec.off_curve"
        assert code_of(ec.to_cryptography, P256, (1, 1)) == "ec.off_curve"

    def test_published_mapping(self) -> None:
        example = ICAO["G1_pace_ecdh_gm"]
        theirs = ec.decode_point(P256, bytes.fromhex("04" + example["map_chip_public"]))
        private = int(example["map_terminal_private"], 16)
        shared = ec.multiply(P256, private, theirs)
        assert ec.encode_point(P256, shared).hex() == "04" + example["shared_point_h"].lower()
        nonce = int(example["nonce_s"], 16)
        mapped = ec.multiply_add(P256, nonce, P256.generator, shared)
        assert f"{mapped[0]:064X}" == example["mapped_generator_x"]
        assert f"{mapped[1]:064X}" == example["mapped_generator_y"]


class TestKeyAgreement:
    def test_wycheproof(self) -> None:
        agreed = 0
        for group in wycheproof("ecdh_brainpoolP256r1")["testGroups"]:
            for case in group["tests"]:
                spki = bytes.fromhex(case["public"])
                try:
                    outer = tlv.parse(spki)
                    algorithm, key = outer.children()
                    oid, parameters = algorithm.children()
                    assert oid.oid() == "1.2.840.10045.2.1"
                    curve = ec.from_parameters(parameters)
                    if curve is not P256:
                        continue
                    public = ec.decode_point(curve, key.value[1:])
                except (FormatError, ValueError, AssertionError):
                    assert case["result"] != "valid", case["comment"]
                    continue
                secret = ec.ecdh(curve, int(case["private"], 16), public)
                # An absent cofactor is let pass where all the rest is equal (SEC 1 C.2).
                assert case["result"] != "invalid" or case["comment"] == "no cofactor"
                assert secret.hex() == case["shared"]
                agreed += 1
        assert agreed > 500

    @pytest.mark.parametrize("curve", SIMPLE_ROOTS, ids=lambda curve: curve.name)
    @pytest.mark.parametrize("zeros", [1, 2])
    def test_leading_zeros_are_kept(self, curve: ec.Curve, zeros: int) -> None:
        """A point whose x starts with zero bytes: the secret of private key 1 is that x."""
        x = 0
        while True:
            x += 1
            square = (x * x * x + curve.a * x + curve.b) % curve.p
            y = pow(square, (curve.p + 1) // 4, curve.p)
            if y * y % curve.p == square:
                break
        secret = ec.ecdh(curve, 1, (x, y))
        assert len(secret) == curve.size
        assert secret[:zeros] == bytes(zeros)
        assert int.from_bytes(secret, "big") == x
        encoded = ec.encode_point(curve, (x, y))
        assert len(encoded) == 1 + 2 * curve.size
        assert ec.decode_point(curve, encoded) == (x, y)

    @pytest.mark.parametrize("name", [*NO_PEER, "brainpoolP256r1"])
    def test_both_sides_agree(self, name: str) -> None:
        curve = ec.by_name(name)
        one, two = curve.n // 5, curve.n // 7
        left = ec.ecdh(curve, one, ec.public_point(curve, two))
        assert left == ec.ecdh(curve, two, ec.public_point(curve, one))

    def test_any_generator(self) -> None:
        mapped = ec.multiply(P256, 12345, P256.generator)
        ours, theirs = 111, 222
        public = ec.multiply(P256, theirs, mapped)
        expected = ec.multiply(P256, ours * theirs, mapped)[0]
        assert int.from_bytes(ec.ecdh(P256, ours, public), "big") == expected


class TestRandomScalar:
    def test_rejects_what_is_out_of_range(self) -> None:
        draws = [bytes(32), P256.n.to_bytes(32, "big"), (P256.n - 1).to_bytes(32, "big")]
        assert ec.random_scalar(P256, lambda size: draws.pop(0)) == P256.n - 1

    def test_masks_odd_bits(self) -> None:
        curve = ec.by_name("secp521r1")
        draws = [b"\xfe" + b"\x00" * 64 + b"\x07"]
        assert ec.random_scalar(curve, lambda size: draws.pop(0)) == 7

    def test_broken_source(self) -> None:
        with pytest.raises(ValueError, match="randomness"):
            ec.random_scalar(P256, bytes)


class TestEcdsa:
    @pytest.mark.parametrize("name", ["ecdsa_brainpoolP256r1_sha256", "ecdsa_secp224r1_sha256"])
    def test_wycheproof(self, name: str) -> None:
        for group in wycheproof(name)["testGroups"]:
            raw = bytes.fromhex(group["publicKey"]["uncompressed"])
            curve = ec.by_name(group["publicKey"]["curve"])
            public = ec.decode_point(curve, raw)
            for case in group["tests"]:
                digest = hashlib.sha256(bytes.fromhex(case["msg"])).digest()
                pair = der_pair(bytes.fromhex(case["sig"]))
                good = pair is not None and ec.verify_ecdsa(curve, public, digest, *pair)
                assert good == (case["result"] == "valid"), (case["tcId"], case["comment"])

    @pytest.mark.parametrize("curve", ALL, ids=lambda curve: curve.name)
    @pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512", "blake2s"])
    def test_own_and_foreign_arithmetic_agree(self, curve: ec.Curve, algorithm: str) -> None:
        digest = hashlib.new(algorithm, b"message").digest()
        private, k = curve.n // 3, curve.n // 7
        public = ec.public_point(curve, private)
        r = ec.multiply(curve, k, curve.generator)[0] % curve.n
        e = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - curve.n.bit_length())
        s = pow(k, -1, curve.n) * (e + r * private) % curve.n
        assert ec.verify_ecdsa(curve, public, digest, r, s)
        assert not ec.verify_ecdsa(curve, public, digest, r, s - 1)
        assert not ec.verify_ecdsa(curve, curve.generator, digest, r, s)

    @pytest.mark.parametrize("name", ["brainpoolP256r1", "brainpoolP224r1"])
    def test_out_of_range(self, name: str) -> None:
        curve = ec.by_name(name)
        digest = bytes(32)
        for r, s in ((0, 0), (0, 1), (1, 0), (curve.n, 1), (1, curve.n), (-1, 1)):
            assert not ec.verify_ecdsa(curve, curve.generator, digest, r, s)
        assert not ec.verify_ecdsa(curve, (1, 1), digest, 1, 1)

    def test_infinite_sum(self) -> None:
        """u1·G + u2·Q is the point at infinity when Q = G and r = -e."""
        curve = ec.by_name("brainpoolP224r1")
        digest = (curve.n - 5).to_bytes(28, "big")
        assert not ec.verify_ecdsa(curve, curve.generator, digest, 5, 1)


def test_keys_of_cryptography_carry_over() -> None:
    key = pyca.generate_private_key(pyca.BrainpoolP384R1()).public_key()
    raw = key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    curve = ec.by_name("brainpoolP384r1")
    again = ec.to_cryptography(curve, ec.decode_point(curve, raw))
    assert again is not None
    assert again.public_numbers() == key.public_numbers()


def test_windows_reassemble() -> None:
    for scalar in (0, 1, 15, 16, 17, 31, 32, P256.n - 1):
        assert sum(d << i for i, d in enumerate(points._digits(scalar))) == scalar
