import pytest
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.qr import base45, cbor
from eid.qr.presence import Asked
from eid.qr.question import PREFIX, read_question, write_question
from eid.qr.render import plan

ASKED = Asked(audience="https://clinic.example.vn", challenge=bytes(range(16)))


def text_of(content) -> str:
    return PREFIX + base45.encode(cbor.encode(content))


def test_it_travels_and_fits_a_small_code():
    text = write_question(ASKED)
    assert read_question(text) == ASKED
    assert plan(text).version <= 6


@pytest.mark.parametrize(
    "content",
    [[], {}, {3: "a"}, {3: "", 10: bytes(16)}, {3: "a", 10: bytes(15)}, {3: b"a", 10: bytes(16)},
     {3: "a", 10: bytes(16), 4: 1}, {"3": "a", 10: bytes(16)}],
    ids=str,
)  # fmt: skip
def test_other_contents_are_refused(content):
    with pytest.raises(FormatError):
        read_question(text_of(content))


@pytest.mark.parametrize("audience", ["a\u202eb", "a\x00", "a" * 201, "a\nb"], ids=ascii)
def test_an_audience_that_hides_something_is_refused_both_ways(audience):
    asked = Asked(audience=audience, challenge=bytes(16))
    with pytest.raises(FormatError):
        read_question(text_of({3: audience, 10: bytes(16)}))
    with pytest.raises(FormatError):
        write_question(asked)


@given(st.text(max_size=60))
def test_any_text_is_refused(text):
    for tried in (text, PREFIX + text):
        with pytest.raises(FormatError):
            read_question(tried)
