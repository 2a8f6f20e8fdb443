"""Any bytes: a value or a FormatError; and what is written is read back."""

from __future__ import annotations

import contextlib
import hashlib
import string
from datetime import UTC, datetime

from hypothesis import given, settings, strategies as st

from eid import ec, tlv
from eid.chip.access import Can, MrzKey, personal_number
from eid.chip.active_auth import check as check_answer
from eid.chip.apdu import Command, Response
from eid.chip.crypto import Suite, decrypt, encrypt, pad, unpad
from eid.chip.evidence import Access, ActiveAuthentication, Evidence
from eid.chip.lds.files import FILES
from eid.chip.messaging import SecureMessaging
from eid.chip.mrz import check_digit, parse_mrz
from eid.chip.transport import ReaderInfo
from eid.errors import FormatError, NotGenuine, ProtocolError, SecureMessagingError
from eid.trust.public_keys import RsaKey

P256 = ec.by_name("brainpoolP256r1")
SMALL = settings(max_examples=60, deadline=None)
MRZ = string.ascii_uppercase + string.digits + "<"


def trees() -> st.SearchStrategy[bytes]:
    leaf = st.binary(max_size=20).map(lambda value: tlv.encode(0x04, value))
    return st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=4).map(lambda p: tlv.encode(0x30, *p))
    )


class TestTlv:
    @SMALL
    @given(st.binary(max_size=200), st.booleans())
    def test_any_bytes(self, data: bytes, ber: bool) -> None:
        for call in (tlv.parse, tlv.parse_first, tlv.parse_all, tlv.check):
            with contextlib.suppress(FormatError):
                call(data, ber=ber)
        for read in (tlv.total_length, tlv.decode_int, tlv.decode_oid):
            with contextlib.suppress(FormatError):
                read(data)

    @SMALL
    @given(st.binary(max_size=60))
    def test_what_is_strict_is_also_lenient(self, data: bytes) -> None:
        try:
            items = tlv.parse_all(data)
        except FormatError:
            return
        assert tlv.parse_all(data, ber=True) == items
        assert b"".join(item.raw for item in items) == data
        assert b"".join(tlv.encode(item.tag, item.value) for item in items) == data

    @SMALL
    @given(trees())
    def test_trees(self, data: bytes) -> None:
        item = tlv.parse(data)
        assert tlv.total_length(data[:12]) == len(data)
        if item.constructed:
            assert b"".join(part.raw for part in item.children()) == item.value

    @SMALL
    @given(st.integers(min_value=-(1 << 700), max_value=1 << 700))
    def test_integers(self, number: int) -> None:
        assert tlv.decode_int(tlv.encode_int(number)) == number

    @SMALL
    @given(
        st.integers(0, 2),
        st.integers(0, 39),
        st.lists(st.integers(0, 1 << 40), max_size=7),
    )
    def test_object_identifiers(self, first: int, second: int, rest: list[int]) -> None:
        dotted = ".".join(str(arc) for arc in (first, second, *rest))
        assert tlv.decode_oid(tlv.encode_oid(dotted)) == dotted


class TestCurves:
    @SMALL
    @given(st.binary(max_size=70))
    def test_any_bytes_as_a_point(self, data: bytes) -> None:
        try:
            point = ec.decode_point(P256, data)
        except FormatError:
            return
        assert ec.contains(P256, point)

    @SMALL
    @given(trees())
    def test_any_tree_as_parameters(self, data: bytes) -> None:
        with contextlib.suppress(FormatError):
            ec.from_parameters(tlv.parse(data))

    @settings(max_examples=15, deadline=None)
    @given(st.integers(1, P256.n - 1), st.integers(1, P256.n - 1))
    def test_multiplication_is_linear(self, one: int, two: int) -> None:
        g = P256.generator
        if (one + two) % P256.n == 0 or one == two:
            return
        left = ec.add(P256, ec.multiply(P256, one, g), ec.multiply(P256, two, g))
        assert left == ec.multiply(P256, one + two, g)
        assert left == ec.multiply_add(P256, one, g, ec.public_point(P256, two))
        assert ec.decode_point(P256, ec.encode_point(P256, left)) == left


class TestChip:
    @SMALL
    @given(st.binary(max_size=300), st.sampled_from(list(Suite)))
    def test_ciphers(self, data: bytes, suite: Suite) -> None:
        key, iv = bytes(range(suite.key_size)), bytes(range(suite.block_size))
        padded = pad(data, suite.block_size)
        assert unpad(decrypt(suite, key, encrypt(suite, key, padded, iv=iv), iv=iv)) == data

    @SMALL
    @given(st.binary(max_size=200))
    def test_any_answer_under_secure_messaging(self, data: bytes) -> None:
        session = SecureMessaging(Suite.AES_128, bytes(16), bytes(16), bytes(16))
        session.protect(Command(0, 0xB0, 0, 0, le=1))
        try:
            session.open(Response.parse(data))
        except (SecureMessagingError, ProtocolError):
            return
        raise AssertionError("a random answer was believed")

    @SMALL
    @given(
        st.binary(max_size=300),
        st.one_of(st.none(), st.integers(1, 65536)),
    )
    def test_commands(self, data: bytes, le: int | None) -> None:
        command = Command(0x00, 0xB0, 0x01, 0x02, data, le)
        raw = command.encode(extended=not command.short)
        assert raw[:4] == bytes.fromhex("00B00102")
        assert data in raw

    @SMALL
    @given(st.one_of(st.binary(max_size=130), st.text(MRZ, min_size=88, max_size=90)))
    def test_any_zone(self, zone: str | bytes) -> None:
        try:
            mrz = parse_mrz(zone)
        except FormatError:
            return
        assert len("".join(mrz.lines)) in (72, 88, 90)

    @SMALL
    @given(st.text(MRZ, max_size=40), st.integers(0, 39))
    def test_check_digit_sees_one_changed_digit(self, text: str, at: int) -> None:
        if at >= len(text) or text[at] not in string.digits:
            return
        other = text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :]
        assert check_digit(text) != check_digit(other)

    @SMALL
    @given(st.text(max_size=20))
    def test_any_text_as_a_key(self, text: str) -> None:
        calls = (
            Can,
            personal_number,
            lambda t: MrzKey(document_number=t, birth="960812", expiry=t),
        )
        for call in calls:
            shown = ""
            with contextlib.suppress(FormatError):
                shown = repr(call(text)) if call is not personal_number else ""
            assert not text or text not in shown

    @SMALL
    @given(st.binary(max_size=300), st.binary(max_size=12))
    def test_any_answer_of_active_authentication(self, response: bytes, challenge: bytes) -> None:
        key = RsaKey(
            n=int.from_bytes(hashlib.shake_256(b"n").digest(128), "big") | 1 << 1023 | 1, e=3
        )
        try:
            check_answer(key, None, challenge, response)
        except NotGenuine:
            return
        raise AssertionError("a random answer was believed")


readings = st.builds(
    Evidence,
    files=st.dictionaries(st.sampled_from(sorted(FILES)), st.binary(max_size=40), max_size=5),
    access=st.builds(
        Access,
        protocol=st.sampled_from(["PACE", "BAC", "plain", "unknown"]),
        password=st.sampled_from(["can", "mrz", None]),
        parameter_id=st.one_of(st.none(), st.integers(0, 255)),
    ),
    active_authentication=st.one_of(
        st.none(),
        st.builds(
            ActiveAuthentication,
            challenge=st.binary(max_size=16),
            response=st.binary(max_size=64),
            source=st.sampled_from(["verifier", "caller_chosen"]),
        ),
    ),
    reader=st.one_of(
        st.none(),
        st.builds(
            ReaderInfo,
            name=st.text(max_size=40).filter(str.isprintable),
            atr=st.binary(max_size=33),
        ),
    ),
    read_at=st.integers(0, 1 << 32).map(lambda second: datetime.fromtimestamp(second, tz=UTC)),
)


class TestEvidence:
    @SMALL
    @given(readings)
    def test_both_ways(self, evidence: Evidence) -> None:
        again = Evidence.from_json(evidence.to_json())
        assert again == evidence
        assert again.digest() == evidence.digest()

    @SMALL
    @given(st.binary(max_size=300))
    def test_any_bytes(self, data: bytes) -> None:
        with contextlib.suppress(FormatError):
            Evidence.from_json(data)

    @SMALL
    @given(readings, st.data())
    def test_any_changed_byte(self, evidence: Evidence, data: st.DataObject) -> None:
        """A changed document is refused, or says something else than before."""
        raw = bytearray(evidence.to_json())
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] ^= data.draw(st.integers(1, 255))
        try:
            changed = Evidence.from_json(bytes(raw))
        except FormatError:
            return
        assert changed.to_json() == bytes(raw) or changed != evidence
