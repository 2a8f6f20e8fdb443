import pytest
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.levels.username import normalize_username


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("An", "an"),
        (" an ", "an"),
        ("NGUYỄN.AN", "nguyễn.an"),
        ("nguye\u0302\u0303n", "nguyễn"),
        ("an@example.vn", "an@example.vn"),
        ("Straße", "strasse"),
        ("ĐỖ-1_a+b", "đỗ-1_a+b"),
        ("I", "i"),
    ],
)
def test_one_spelling(text, name):
    assert normalize_username(text) == name


@pytest.mark.parametrize(
    "text",
    ["", " ", "a b", "\u0430n", "\u03b1n", "an\u200b", "an\u202e", "\uff11\uff12", "\uff41n", "a\nb", "a\x00", "a/b", "<a>",
     "x" * 65, "İ", "a\u0301\u0302\u0303b", "ﬀ\U0001d41a", "an\u0661", "ªn"],
)  # fmt: skip
def test_f014_look_alikes_and_controls_are_refused(text):
    with pytest.raises(FormatError) as caught:
        normalize_username(text)
    assert caught.value.code == "username"


@given(st.text(max_size=200))
def test_normal_form_is_stable(text):
    try:
        name = normalize_username(text)
    except FormatError:
        return
    assert normalize_username(name) == name
