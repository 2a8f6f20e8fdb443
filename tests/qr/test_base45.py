import pytest
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.qr import base45


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"", "")],
)
def test_examples_of_rfc_9285(data, text):
    assert base45.encode(data) == text
    assert base45.decode(text) == data


@pytest.mark.parametrize(
    "text",
    [
        "A", "ABCD",  # lengths that cannot be
        "GGW", ":::",  # above 65535 (RFC 9285 §4.2: GGW encodes 65536)
        "AA%:", "::",  # above 255 in two characters
        "bb8", "Bb8",  # lower case
        "BB8\n", "BB8 X!", "BB_", "\uff22\uff22\uff18", "\ufeffBB8", "BB8\u0660",
    ],
)  # fmt: skip
def test_refuses(text):
    with pytest.raises(FormatError) as refusal:
        base45.decode(text)
    assert refusal.value.code == "qr.base45"


def test_refuses_more_than_a_symbol_holds():
    assert base45.decode("0" * 4296)
    with pytest.raises(FormatError, match="longer"):
        base45.decode("0" * 4299)


@given(st.binary(max_size=400))
def test_round_trip(data):
    assert base45.decode(base45.encode(data)) == data


@given(st.text(max_size=60) | st.text(alphabet=base45.ALPHABET, max_size=60))
def test_any_text_is_its_own_only_encoding_or_refused(text):
    try:
        data = base45.decode(text)
    except FormatError:
        return
    assert base45.encode(data) == text
