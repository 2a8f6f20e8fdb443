import contextlib

import pytest
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.qr import cbor, headers


def test_a_short_header_is_read_once():
    raw = cbor.encode({1: -7, 4: b"key", 16: "type"})
    first = headers.read_protected(raw)
    assert (first.alg, first.kid, first.typ) == (-7, b"key", "type")
    assert headers.read_protected(bytes(bytearray(raw))) is first


def test_a_long_header_is_not_kept():
    raw = cbor.encode({1: -8, 33: bytes(200)})
    assert headers.read_protected(raw) == headers.read_protected(raw)
    assert headers.read_protected(raw) is not headers.read_protected(raw)


def test_what_is_kept_cannot_be_changed():
    labels = headers.read_protected(cbor.encode({1: -7})).labels
    with pytest.raises(TypeError):
        labels[1] = -8


def test_a_refused_header_is_refused_again():
    for _ in range(2):
        with pytest.raises(FormatError) as refusal:
            headers.read_protected(cbor.encode({1: -7, 2: [99], 99: 1}))
        assert refusal.value.code == "qr.cose.crit"


@given(st.binary(max_size=80))
def test_any_bytes_are_a_header_or_a_format_error(raw):
    with contextlib.suppress(FormatError):
        assert isinstance(headers.read_protected(raw).alg, int)
