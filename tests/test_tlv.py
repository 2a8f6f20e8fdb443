"""Reading and writing BER-TLV: strictness, caps, both directions."""

from __future__ import annotations

import pytest

from eid import tlv
from eid.errors import FormatError


def code_of(call: object, *args: object, **options: object) -> str:
    with pytest.raises(FormatError) as caught:
        call(*args, **options)
    return caught.value.code


class TestParse:
    def test_short_and_long_lengths(self) -> None:
        for size in (0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x10000):
            item = tlv.parse(tlv.encode(0x04, bytes(size)))
            assert (item.tag, len(item.value)) == (0x04, size)

    def test_multi_byte_tags(self) -> None:
        raw = bytes.fromhex("7F490101")
        assert tlv.parse(raw + b"").tag == 0x7F49
        assert tlv.parse(bytes.fromhex("5F8101 01 AA")).tag == 0x5F8101
        assert tlv.parse(raw).raw == raw

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            ("", "tlv.truncated"),
            ("30", "tlv.truncated"),
            ("3081", "tlv.truncated"),
            ("308201", "tlv.truncated"),
            ("300500", "tlv.truncated"),
            ("7F", "tlv.truncated"),
            ("7F49", "tlv.truncated"),
            ("7F800100", "tlv.tag"),
            ("7F818181 0100", "tlv.tag"),
            ("0000", "tlv.tag"),
            ("308100", "tlv.length"),
            ("30820001 00", "tlv.length"),
            ("3080 0000", "tlv.length"),
            ("30850000000001 00", "tlv.length"),
            ("0400 00", "tlv.trailing"),
        ],
    )
    def test_refused(self, data: str, code: str) -> None:
        assert code_of(tlv.parse, bytes.fromhex(data)) == code

    def test_size_cap(self) -> None:
        assert code_of(tlv.parse, bytes(tlv.MAX_SIZE + 1)) == "tlv.size"

    def test_count_cap(self) -> None:
        data = b"\x05\x00" * (tlv.MAX_COUNT + 1)
        assert code_of(tlv.parse_all, data) == "tlv.count"
        assert len(tlv.parse_all(data[2:])) == tlv.MAX_COUNT

    def test_first_leaves_the_rest(self) -> None:
        item, rest = tlv.parse_first(bytes.fromhex("040101 0402"))
        assert (item.value, rest) == (b"\x01", b"\x04\x02")

    def test_repr_hides_contents(self) -> None:
        item = tlv.parse(tlv.encode(0x04, b"SECRETNAME"))
        assert "SECRETNAME" not in repr(item)
        assert "53454352" not in repr(item).upper()


class TestBer:
    def test_longer_lengths(self) -> None:
        assert tlv.parse(bytes.fromhex("3083000001 00"), ber=True).value == b"\x00"
        assert tlv.parse(bytes.fromhex("308800000000000000 01 AA"), ber=True).value == b"\xaa"

    @pytest.mark.parametrize("data", ["30FF00", "3089000000000000000001AA"])
    def test_absurd_lengths(self, data: str) -> None:
        assert code_of(tlv.parse, bytes.fromhex(data), ber=True) == "tlv.length"

    def test_indefinite_lengths_nested(self) -> None:
        raw = bytes.fromhex("3080 2480 040101 040102 0000 300304 0103 0000")
        item = tlv.parse(raw, ber=True)
        assert item.raw == raw
        inner, plain = tlv.children(item, ber=True)
        assert [part.value for part in tlv.children(inner, ber=True)] == [b"\x01", b"\x02"]
        assert plain.value == bytes.fromhex("040103")

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            ("3080", "tlv.truncated"),
            ("308000", "tlv.truncated"),
            ("3080 040100", "tlv.truncated"),
            ("3080 0405 00", "tlv.truncated"),
            ("0480 0000", "tlv.length"),
            ("3080 0480 0000 0000", "tlv.depth"),
        ],
    )
    def test_refused(self, data: str, code: str) -> None:
        assert code_of(tlv.parse, bytes.fromhex(data), ber=True) == code

    def test_end_marks_stay_inside_their_room(self) -> None:
        assert code_of(tlv.check, bytes.fromhex("3002 3080"), ber=True) == "tlv.truncated"

    def test_deeply_nested(self) -> None:
        deep = b"\x30\x80" * (tlv.MAX_DEPTH + 2)
        assert code_of(tlv.parse, deep, ber=True) == "tlv.depth"


class TestTree:
    def test_children_of_a_primitive(self) -> None:
        assert code_of(tlv.children, tlv.parse(b"\x04\x00")) == "tlv.primitive"

    def test_find_and_only(self) -> None:
        items = tlv.parse_all(bytes.fromhex("0400 0500 0500"))
        assert tlv.find(items, 0x05) == items[1]
        assert tlv.find(items, 0x06) is None
        assert tlv.only(items, 0x04) == items[0]
        assert code_of(tlv.only, items, 0x05) == "tlv.repeated"
        assert code_of(tlv.only, items, 0x06) == "tlv.missing"

    def test_check_depth(self) -> None:
        data = b""
        for _ in range(tlv.MAX_DEPTH):
            data = tlv.encode(0x30, data)
        tlv.check(tlv.parse(data).value)
        assert code_of(tlv.check, data) == "tlv.depth"

    def test_check_count(self) -> None:
        data = tlv.encode(0x30, b"\x05\x00" * 100)
        tlv.check(data, count=101)
        assert code_of(tlv.check, data, count=100) == "tlv.count"

    def test_check_looks_into_every_part(self) -> None:
        assert code_of(tlv.check, bytes.fromhex("3004 3002 0405")) == "tlv.truncated"


class TestTotalLength:
    @pytest.mark.parametrize(
        ("head", "total"),
        [("6114", 22), ("75820063", 103), ("7F49 8105", 9), ("6100 FF", 2), ("758101", 4)],
    )
    def test_announced(self, head: str, total: int) -> None:
        assert tlv.total_length(bytes.fromhex(head)) == total

    @pytest.mark.parametrize(
        ("head", "code"),
        [
            ("", "tlv.truncated"),
            ("61", "tlv.truncated"),
            ("6182", "tlv.truncated"),
            ("6180", "tlv.length"),
            ("6184FFFFFFFF", "tlv.size"),
        ],
    )
    def test_refused(self, head: str, code: str) -> None:
        assert code_of(tlv.total_length, bytes.fromhex(head)) == code


class TestIntegers:
    @pytest.mark.parametrize(
        ("number", "octets"),
        [
            (0, "00"),
            (127, "7F"),
            (128, "0080"),
            (256, "0100"),
            (-1, "FF"),
            (-128, "80"),
            (-129, "FF7F"),
        ],
    )
    def test_both_ways(self, number: int, octets: str) -> None:
        assert tlv.encode_int(number) == bytes.fromhex(octets)
        assert tlv.decode_int(bytes.fromhex(octets)) == number

    @pytest.mark.parametrize("octets", ["", "0001", "007F", "FF80", "FFFF"])
    def test_refused(self, octets: str) -> None:
        assert code_of(tlv.decode_int, bytes.fromhex(octets)) == "tlv.integer"

    def test_huge(self) -> None:
        assert code_of(tlv.decode_int, b"\x01" * (tlv.MAX_INT_SIZE + 1)) == "tlv.integer"

    def test_of_an_item(self) -> None:
        assert tlv.parse(bytes.fromhex("020105")).integer() == 5
        assert code_of(tlv.parse(bytes.fromhex("040105")).integer) == "tlv.tag"


class TestObjectIdentifiers:
    @pytest.mark.parametrize(
        ("dotted", "octets"),
        [
            ("0.4.0.127.0.7.2.2.4.2.2", "04007F00070202040202"),
            ("1.2.840.113549.1.1.1", "2A864886F70D010101"),
            ("2.23.136.1.1.1", "678108010101"),
            ("2.999.3", "883703"),
            ("1.0.10646.1.0.8", "28D316010008"),
        ],
    )
    def test_both_ways(self, dotted: str, octets: str) -> None:
        assert tlv.encode_oid(dotted) == bytes.fromhex(octets)
        assert tlv.decode_oid(bytes.fromhex(octets)) == dotted

    @pytest.mark.parametrize("octets", ["", "2A86", "2A8001", "8001"])
    def test_refused(self, octets: str) -> None:
        assert code_of(tlv.decode_oid, bytes.fromhex(octets)) == "tlv.oid"

    def test_too_long(self) -> None:
        assert code_of(tlv.decode_oid, b"\x01" * (tlv.MAX_OID_SIZE + 1)) == "tlv.oid"

    def test_of_an_item(self) -> None:
        assert tlv.parse(bytes.fromhex("06012A")).oid() == "1.2"
        assert code_of(tlv.parse(bytes.fromhex("04012A")).oid) == "tlv.tag"
