from dataclasses import replace

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


def test_place_and_purpose_travel_along():
    for words in ({"place": "Khoa Cấp cứu, bàn 3"}, {"purpose": "Nhận bệnh"},
                  {"place": "Khoa Cấp cứu, bàn 3", "purpose": "Nhận bệnh"}):  # fmt: skip
        asked = replace(ASKED, **words)
        assert read_question(write_question(asked)) == asked
        assert plan(write_question(asked)).version <= 8


def test_the_longest_question_fits_what_the_page_draws():
    longest = replace(ASKED, audience="a" * 100, place="b" * 60, purpose="c" * 40)
    assert plan(write_question(longest)).version <= 11
    with pytest.raises(FormatError) as refusal:
        write_question(replace(longest, purpose="c" * 41))
    assert refusal.value.code == "qr.question"


def test_what_would_read_back_otherwise_is_not_written():
    with pytest.raises(FormatError) as refusal:
        write_question(replace(ASKED, place="Be\u0323\u0302nh vie\u0323\u0302n"))
    assert refusal.value.code == "qr.question"


def test_every_word_is_in_what_the_answer_names():
    """Also where one word could be taken for the end of another."""
    asked = [
        ASKED, replace(ASKED, place="ab", purpose="c"), replace(ASKED, place="a", purpose="bc"),
        replace(ASKED, place="abc"), replace(ASKED, purpose="abc"),
        replace(ASKED, audience=ASKED.audience + "a", place="b", purpose="c"),
        replace(ASKED, place="ab", purpose="c", challenge=bytes(16)),
    ]  # fmt: skip
    assert len({one.nonce for one in asked}) == len(asked)
    assert ASKED.nonce == ASKED.challenge


@pytest.mark.parametrize(
    "content",
    [[], {}, {3: "a"}, {3: "", 10: bytes(16)}, {3: "a", 10: bytes(15)}, {3: b"a", 10: bytes(16)},
     {3: "a", 10: bytes(16), 4: 1}, {"3": "a", 10: bytes(16)}, {3: "a", 10: bytes(16), 11: ""},
     {3: "a", 10: bytes(16), 12: None}, {3: "a", 10: bytes(16), 11: b"a"},
     {3: "a", 10: bytes(16), 12: "a\u202eb"}, {3: "a", 10: bytes(16), 11: "a\nb"}, {10: bytes(16), 11: "a"}],
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
