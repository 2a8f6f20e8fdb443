import json
import time

import pytest
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.keys.encoding import (
    MAX_DEPTH,
    canonical_json,
    decode_base64url,
    encode_base64url,
    new_name,
    parse_json_object,
)


@given(st.binary(max_size=100))
def test_base64url_round_trip(data):
    assert decode_base64url(encode_base64url(data)) == data


@pytest.mark.parametrize(
    "text", ["AQ==", "A", "AQ ", "AQ\n", "A+", "A/", "AR", "ÁQ", "AQIDé", "QQ\u0660"]
)
def test_base64url_has_one_spelling(text):
    with pytest.raises(FormatError) as caught:
        decode_base64url(text)
    assert caught.value.code == "base64url"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b'{"a":1,"a":1}', "json.duplicate"),
        (b'{"a":{"b":1,"b":2}}', "json.duplicate"),
        (b'{"a":NaN}', "json.number"),
        (b'{"a":-Infinity}', "json.number"),
        (b'{"a":1e999}', "json.number"),
        (b"[1]", "json.object"),
        (b"", "json.syntax"),
        (b'{"a":1}x', "json.syntax"),
        (b'{"a":"\xff"}', "json.syntax"),
        (b'{"a":"\\ud800"}', "json.syntax"),
        (b'{"a":' + b"1" * 5000 + b"}", "json.syntax"),
        (b'{"a":' + b"[" * (MAX_DEPTH) + b"]" * MAX_DEPTH + b"}", "json.depth"),
        (b'{"a":"' + b"x" * 300_000 + b'"}', "json.size"),
    ],
)
def test_json_is_strict(text, code):
    with pytest.raises(FormatError) as caught:
        parse_json_object(text)
    assert caught.value.code == code


def test_json_brackets_in_strings_are_no_depth():
    text = b'{"a":"' + b"[" * 100 + b'\\"{{{","b":1.5,"c":"\\u00e9"}'
    assert parse_json_object(text) == {"a": "[" * 100 + '"{{{', "b": 1.5, "c": "é"}


def test_json_siblings_are_no_depth():
    assert len(parse_json_object(b'{"a":[' + b"[]," * 100 + b"[]]}")["a"]) == 101


def test_json_unclosed_string_full_of_quotes_is_linear():
    started = time.process_time()
    with pytest.raises(FormatError):
        parse_json_object(b'{"' + b'\\"' * 100_000)
    assert time.process_time() - started < 2  # a quadratic scan takes minutes


@given(st.binary(max_size=60))
def test_any_bytes_are_an_object_or_a_format_error(data):
    try:
        value = parse_json_object(data)
    except FormatError:
        return
    assert json.loads(canonical_json(value)) == value


def test_a_name_never_looks_like_an_option_of_a_command():
    first = {new_name(lambda size, head=head: bytes([head]) * size)[0] for head in range(256)}
    assert "-" not in first
    assert len(first) == 63


def test_a_name_is_random_otherwise():
    assert new_name(bytes, size=9) == "A" * 12
    assert new_name(lambda size: b"\xff" * size, size=9) == "_" * 12
