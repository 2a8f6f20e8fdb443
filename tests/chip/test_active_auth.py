"""Active Authentication: every trailer and length, every way to be wrong, both curve forms."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from eid import ec, tlv
from eid.chip.active_auth import FOUND_DER, FOUND_NO_INFO, challenge_chip, check
from eid.chip.apdu import Command, Response
from eid.chip.lds.dg15 import parse_dg15
from eid.chip.lds.security_infos import (
    ActiveAuthenticationInfo,
    SecurityInfos,
    parse_security_infos,
)
from eid.errors import NotGenuine, StatusError
from eid.trust.public_keys import EcKey, RsaKey

FORGED = Path(__file__).parents[1] / "vectors" / "forged_cards"
ELSEWHERE = {"aa-dg15-e1", "aa-required-absent"}  # no usable key, no answer
CHALLENGE = bytes(range(8))
TRAILERS = {
    "BC": ("sha1", b"\xbc"),
    "33CC": ("sha1", b"\x33\xcc"),
    "34CC": ("sha256", b"\x34\xcc"),
    "35CC": ("sha512", b"\x35\xcc"),
    "36CC": ("sha384", b"\x36\xcc"),
    "38CC": ("sha224", b"\x38\xcc"),
}


@pytest.fixture(scope="module")
def private() -> rsa.RSAPrivateNumbers:
    return rsa.generate_private_key(65537, 2048).private_numbers()


@pytest.fixture(scope="module")
def key(private: rsa.RSAPrivateNumbers) -> RsaKey:
    return RsaKey(n=private.public_numbers.n, e=private.public_numbers.e)


def size_of(private: rsa.RSAPrivateNumbers) -> int:
    return (private.public_numbers.n.bit_length() + 7) // 8


def raw_sign(private: rsa.RSAPrivateNumbers, block: bytes) -> bytes:
    number = pow(int.from_bytes(block, "big"), private.d, private.public_numbers.n)
    return number.to_bytes(size_of(private), "big")


def block_for(
    size: int, trailer: str = "34CC", recovered: int | None = None, challenge: bytes = CHALLENGE
) -> bytes:
    """Build a message representative; ``recovered`` is the length of the chip's random part."""
    name, end = TRAILERS[trailer]
    digest_size = hashlib.new(name).digest_size
    room = size - 1 - digest_size - len(end)
    head = b"\x6a"
    if recovered is None or recovered == room:
        recovered = room
    else:
        head = b"\x6b" + b"\xbb" * (room - recovered - 1) + b"\xba"
    message = bytes(i * 7 & 0xFF for i in range(recovered))
    return head + message + hashlib.new(name, message + challenge).digest() + end


class TestRsa:
    @pytest.mark.parametrize("trailer", TRAILERS)
    @pytest.mark.parametrize("recovered", [None, 0, 1, 8, 106, 150])
    def test_every_trailer_and_length(
        self, private: rsa.RSAPrivateNumbers, key: RsaKey, trailer: str, recovered: int | None
    ) -> None:
        block = block_for(256, trailer, recovered)
        assert check(key, None, CHALLENGE, raw_sign(private, block)) == ()

    def test_exponent_three_and_1024_bits(self) -> None:
        numbers = rsa.generate_private_key(3, 2048).private_numbers()
        three = RsaKey(n=numbers.public_numbers.n, e=3)
        assert check(three, None, CHALLENGE, raw_sign(numbers, block_for(256))) == ()
        silver = rsa.generate_private_key(65537, 1024).private_numbers()
        small = RsaKey(n=silver.public_numbers.n, e=65537)
        assert check(small, None, CHALLENGE, raw_sign(silver, block_for(128, "BC"))) == ()

    def test_signature_with_leading_zeros(self) -> None:
        private = rsa.generate_private_key(65537, 1024).private_numbers()
        key = RsaKey(n=private.public_numbers.n, e=65537)
        for counter in range(5000):
            challenge = counter.to_bytes(8, "big")
            signature = raw_sign(private, block_for(128, "34CC", 4, challenge))
            if signature[0] == 0:
                assert check(key, None, challenge, signature) == ()
                with pytest.raises(NotGenuine):
                    check(key, None, challenge, signature.lstrip(b"\x00"))
                return
        pytest.fail("no signature with a leading zero was found")

    @pytest.mark.parametrize(
        ("spoil", "code"),
        [
            (lambda b: b"\x4a" + b[1:], "aa.header"),
            (lambda b: b"\x6c" + b[1:], "aa.header"),
            (lambda b: b"\x7a" + b[1:], "aa.header"),
            (lambda b: b"\x0a" + b[1:], "aa.header"),
            (lambda b: b"\x6b" + b[1:], "aa.header"),
            (lambda b: b"\x6b" + b"\xbb" * 255, "aa.trailer"),
            (lambda b: b"\x6b" + b"\xbb" * 253 + b"\x34\xcc", "aa.header"),
            (lambda b: b"\x6b" + b"\xbb" * 240 + b"\xba" + bytes(12) + b"\x34\xcc", "aa.header"),
            (lambda b: b[:-1] + b"\xcd", "aa.trailer"),
            (lambda b: b[:-2] + b"\x31\xcc", "aa.trailer"),
            (lambda b: b[:-2] + b"\xcc\xcc", "aa.trailer"),
            (lambda b: b[:-2] + b"\x36\xcc", "aa.signature"),
            (lambda b: b[:-1] + b"\xbc", "aa.signature"),
            (lambda b: b[:-3] + bytes([b[-3] ^ 1]) + b[-2:], "aa.signature"),
            (lambda b: b[:1] + bytes([b[1] ^ 1]) + b[2:], "aa.signature"),
        ],
        ids=range(15),
    )
    def test_wrong_blocks(
        self,
        private: rsa.RSAPrivateNumbers,
        key: RsaKey,
        spoil: Callable[[bytes], bytes],
        code: str,
    ) -> None:
        with pytest.raises(NotGenuine) as caught:
            check(key, None, CHALLENGE, raw_sign(private, spoil(block_for(256))))
        assert caught.value.code == code

    def test_out_of_range(self, private: rsa.RSAPrivateNumbers, key: RsaKey) -> None:
        good = raw_sign(private, block_for(256))
        beyond = (int.from_bytes(good, "big") + key.n).to_bytes(257, "big")
        answers = [b"", bytes(256), good[1:], good[:-1], good + b"\x00", b"\x00" + good, beyond]
        answers.append(key.n.to_bytes(256, "big"))
        for answer in answers:
            with pytest.raises(NotGenuine) as caught:
                check(key, None, CHALLENGE, answer)
            assert caught.value.code == "aa.range"

    def test_other_challenge_or_key(self, private: rsa.RSAPrivateNumbers, key: RsaKey) -> None:
        answer = raw_sign(private, block_for(256))
        with pytest.raises(NotGenuine):
            check(key, None, CHALLENGE[::-1], answer)
        other = RsaKey(
            n=rsa.generate_private_key(65537, 2048).public_key().public_numbers().n, e=65537
        )
        with pytest.raises(NotGenuine):
            check(other, None, CHALLENGE, answer)

    @pytest.mark.parametrize("challenge", [b"", bytes(4), bytes(7), bytes(9), bytes(64)])
    def test_challenge_of_wrong_length(
        self, private: rsa.RSAPrivateNumbers, key: RsaKey, challenge: bytes
    ) -> None:
        with pytest.raises(NotGenuine) as caught:
            check(key, None, challenge, raw_sign(private, block_for(256, challenge=challenge)))
        assert caught.value.code == "aa.challenge"


def infos(*oids: str) -> SecurityInfos:
    return SecurityInfos(
        items=(),
        pace=(),
        chip_authentication=(),
        ca_public_keys=(),
        active_authentication=tuple(
            ActiveAuthenticationInfo(version=1, signature_algorithm=oid, raw=b"") for oid in oids
        ),
        terminal_authentication=(),
        unknown=(),
    )


SHA256_PLAIN = "0.4.0.127.0.7.1.1.4.1.3"
SHA384_PLAIN = "0.4.0.127.0.7.1.1.4.1.4"


def ecdsa(curve: ec.Curve, private: int, digest: bytes) -> tuple[int, int]:
    k = curve.n // 7
    r = ec.multiply(curve, k, curve.generator)[0] % curve.n
    e = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - curve.n.bit_length())
    return r, pow(k, -1, curve.n) * (e + r * private) % curve.n


def plain(curve: ec.Curve, pair: tuple[int, int]) -> bytes:
    size = (curve.n.bit_length() + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in pair)


def der(pair: tuple[int, int]) -> bytes:
    return tlv.encode(0x30, *(tlv.encode(0x02, tlv.encode_int(number)) for number in pair))


class TestEcdsa:
    SIZES: ClassVar = {
        "secp192r1": "sha1",
        "brainpoolP224r1": "sha224",
        "brainpoolP256r1": "sha256",
        "brainpoolP320r1": "sha256",
        "secp384r1": "sha384",
        "brainpoolP512r1": "sha512",
        "secp521r1": "sha512",
    }

    @pytest.mark.parametrize(("name", "digest"), SIZES.items())
    def test_hash_by_size_where_none_is_named(self, name: str, digest: str) -> None:
        curve = ec.by_name(name)
        key = EcKey(curve=curve, point=ec.public_point(curve, 12345))
        pair = ecdsa(curve, 12345, hashlib.new(digest, CHALLENGE).digest())
        for without in (None, infos()):
            assert check(key, without, CHALLENGE, plain(curve, pair)) == (FOUND_NO_INFO,)

    def test_named_hash_rules(self) -> None:
        curve = ec.by_name("brainpoolP256r1")
        key = EcKey(curve=curve, point=ec.public_point(curve, 12345))
        pair = ecdsa(curve, 12345, hashlib.sha384(CHALLENGE).digest())
        assert check(key, infos(SHA384_PLAIN), CHALLENGE, plain(curve, pair)) == ()
        assert check(key, infos(SHA384_PLAIN), CHALLENGE, der(pair)) == (FOUND_DER,)
        with pytest.raises(NotGenuine) as caught:
            check(key, infos(SHA256_PLAIN), CHALLENGE, plain(curve, pair))
        assert caught.value.code == "aa.signature"

    @pytest.mark.parametrize(
        "oids",
        [("1.2.840.113549.1.1.11",), ("1.2.3",), (SHA256_PLAIN, SHA384_PLAIN)],
        ids=["rsa", "unknown", "two"],
    )
    def test_unusable_algorithm(self, oids: tuple[str, ...]) -> None:
        curve = ec.by_name("brainpoolP256r1")
        key = EcKey(curve=curve, point=curve.generator)
        with pytest.raises(NotGenuine) as caught:
            check(key, infos(*oids), CHALLENGE, bytes(64))
        assert caught.value.code == "aa.algorithm"

    @pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 2000])
    def test_wrong_signatures(self, size: int) -> None:
        curve = ec.by_name("brainpoolP256r1")
        key = EcKey(curve=curve, point=curve.generator)
        for fill in (b"\x00", b"\x01", b"\xff", b"\x30"):
            with pytest.raises(NotGenuine) as caught:
                check(key, None, CHALLENGE, fill * size)
            assert caught.value.code == "aa.signature"


@pytest.mark.parametrize("case", sorted({p.name for p in FORGED.glob("aa-*")} - ELSEWHERE))
def test_forged_cards(case: str) -> None:
    folder = FORGED / case
    document = json.loads((folder / "case.json").read_text())
    proof, files = document["active_authentication"], document["files"]
    key = parse_dg15((folder / files["EF.DG15"]).read_bytes())
    dg14 = parse_security_infos(tlv.parse((folder / files["EF.DG14"]).read_bytes()).value)
    challenge, response = bytes.fromhex(proof["challenge"]), bytes.fromhex(proof["response"])
    if document["expect"]["overall"] == "reject":
        with pytest.raises(NotGenuine):
            check(key, dg14, challenge, response)
    else:
        check(key, dg14, challenge, response)


class TestTalking:
    def talk(self, *answers: Response, extended: bool = True) -> tuple[list[int | None], bytes]:
        queue = list(answers)
        asked: list[int | None] = []

        def exchange(command: Command) -> Response:
            assert (command.ins, command.data) == (0x88, CHALLENGE)
            asked.append(command.le)
            return queue.pop(0)

        try:
            return asked, challenge_chip(exchange, CHALLENGE, extended=extended)
        except StatusError as error:
            return asked, error.sw.to_bytes(2, "big")

    def test_first_answer(self) -> None:
        assert self.talk(Response(b"s", 0x9000)) == ([65536], b"s")
        assert self.talk(Response(b"s", 0x9000), extended=False) == ([256], b"s")

    @pytest.mark.parametrize("sw", [0x6700, 0x6C00])
    def test_shorter_length(self, sw: int) -> None:
        good = Response(b"s", 0x9000)
        assert self.talk(Response(b"", sw), good) == ([65536, 256], b"s")

    def test_exact_length(self) -> None:
        good = Response(b"s", 0x9000)
        assert self.talk(Response(b"", 0x6C80), good) == ([65536, 128], b"s")
        assert self.talk(Response(b"", 0x6C80), good, extended=False) == ([256, 128], b"s")

    def test_gives_up(self) -> None:
        assert self.talk(Response(b"", 0x6700), Response(b"", 0x6700)) == (
            [65536, 256],
            b"\x67\x00",
        )
        assert self.talk(Response(b"", 0x6700), extended=False) == ([256], b"\x67\x00")
        loop = [Response(b"", 0x6C80)] * 9
        asked, last = self.talk(*loop)
        assert (len(asked), last) == (2, b"\x6c\x80")

    @pytest.mark.parametrize("sw", [0x6D00, 0x6985, 0x6982])
    def test_refused(self, sw: int) -> None:
        assert self.talk(Response(b"", sw)) == ([65536], sw.to_bytes(2, "big"))

    @pytest.mark.parametrize("size", [0, 7, 9])
    def test_only_eight_bytes_reach_the_chip(self, size: int) -> None:
        with pytest.raises(ValueError, match="eight"):
            challenge_chip(lambda _: Response(b"", 0x9000), bytes(size))
