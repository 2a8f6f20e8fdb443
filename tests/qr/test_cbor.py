import pytest
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.qr import cbor

# RFC 8949 appendix A, what of it the subset holds.
EXAMPLES = [
    (0, "00"), (10, "0a"), (23, "17"), (24, "1818"), (100, "1864"), (1000, "1903e8"),
    (1000000, "1a000f4240"), (1000000000000, "1b000000e8d4a51000"),
    (18446744073709551615, "1bffffffffffffffff"), (-18446744073709551616, "3bffffffffffffffff"),
    (-1, "20"), (-10, "29"), (-100, "3863"), (-1000, "3903e7"),
    (False, "f4"), (True, "f5"), (None, "f6"),
    (b"", "40"), (b"\1\2\3\4", "4401020304"), ("", "60"), ("IETF", "6449455446"),
    ("ü", "62c3bc"), ("水", "63e6b0b4"),
    ([], "80"), ([1, [2, 3], [4, 5]], "8301820203820405"), ({}, "a0"),
    ({1: 2, 3: 4}, "a201020304"), ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
    (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "encoded"), EXAMPLES)
def test_examples_of_rfc_8949(value, encoded):
    assert cbor.encode(value).hex() == encoded
    assert cbor.decode(bytes.fromhex(encoded)) == value


@pytest.mark.parametrize(
    ("encoded", "why"),
    [
        ("", "empty"), ("18", "cut argument"), ("1903", "cut argument"), ("61", "cut text"),
        ("0000", "trailing byte"), ("a10102f6", "trailing item"),
        ("1817", "integer not shortest"), ("1900ff", "two-byte 255"), ("1a0000ffff", "four-byte"),
        ("1b00000000ffffffff", "eight-byte"), ("5800", "length not shortest"),
        ("f818", "two-byte simple value"), ("f7", "undefined"), ("f0", "unassigned"),
        ("f93c00", "half float"), ("fa47c35000", "float"), ("fb3ff199999999999a", "double"),
        ("5f42010243030405ff", "indefinite bytes"), ("7f657374726561646d696e67ff", "text"),
        ("9fff", "indefinite list"), ("bfff", "indefinite map"), ("ff", "stray break"),
        ("1c", "reserved 28"), ("5d", "reserved 29"), ("7e", "reserved 30"),
        ("62c328", "invalid UTF-8"), ("64f0828282", "overlong UTF-8"),
        ("63eda080", "surrogate in UTF-8"),
        ("a201020103", "duplicate integer"), ("a2616101616102", "duplicate text"),
        ("a2f5010102", "keys True and 1"), ("a1f400", "bool key"), ("a1f600", "null key"),
        ("a14000", "bytes key"), ("a18000", "list key"), ("a1d24000", "tagged key"),
        ("c100", "tag not allowed"), ("d81c80", "shareable"), ("d82341", "regex tag"),
        ("9bffffffffffffffff", "huge list"), ("bbffffffffffffffff", "huge map"),
        ("5bffffffffffffffff", "huge bytes"), ("8201", "list cut short"), ("a101", "map cut"),
    ],
)  # fmt: skip
def test_refuses(encoded, why):
    with pytest.raises(FormatError) as refusal:
        cbor.decode(bytes.fromhex(encoded))
    assert refusal.value.code == "qr.cbor", why


def test_tags_pass_only_when_named():
    assert cbor.decode(b"\xd2\x01", tags=(18,)) == cbor.Tag(18, 1)
    assert cbor.encode(cbor.Tag(61, 1)).hex() == "d83d01"
    with pytest.raises(FormatError):
        cbor.decode(b"\xd2\xd8\x3d\x01", tags=(18,))


def test_depth_is_bounded():
    assert cbor.decode(b"\x81" * 7 + b"\x80")
    for bomb in (b"\x81" * 8 + b"\x80", b"\x81" * 60_000, b"\xa1\x01" * 30_000, b"\xd2" * 60_000):
        with pytest.raises(FormatError):
            cbor.decode(bomb, tags=(18,))


def test_size_is_bounded():
    with pytest.raises(FormatError, match="larger"):
        cbor.decode(b"\x00" * (cbor.MAX_SIZE + 1))


def test_decode_map_wants_a_map():
    assert cbor.decode_map(b"\xa0") == {}
    with pytest.raises(FormatError):
        cbor.decode_map(b"\x80")


def test_writes_keys_in_deterministic_order():
    assert cbor.encode({"a": 1, 100: 2, -1: 3, 10: 4}).hex() == "a40a041864022003616101"


@pytest.mark.parametrize("number", [1 << 64, -(1 << 64) - 1])
def test_writes_no_integer_beyond_64_bits(number):
    with pytest.raises(ValueError, match="64 bits"):
        cbor.encode(number)


KEYS = st.integers(-(2**64), 2**64 - 1) | st.text(max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=30)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(VALUES)
def test_round_trip(value):
    try:
        assert cbor.decode(cbor.encode(value)) == value
    except FormatError as e:
        assert "deeply" in e.message  # noqa: PT017


@given(st.binary(max_size=80))
def test_any_bytes_are_a_value_or_refused(data):
    try:
        value = cbor.decode(data, tags=(18, 24, 61))
    except FormatError:
        return
    assert cbor.decode(cbor.encode(value), tags=(18, 24, 61)) == value
