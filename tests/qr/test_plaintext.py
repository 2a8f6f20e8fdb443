import unicodedata

import pytest
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.qr.plaintext import shown_text, warnings_of


@given(st.text(max_size=40))
def test_what_passes_is_nfc_and_hides_nothing(text):
    try:
        shown = shown_text(text, max_chars=40)
    except FormatError as e:
        assert e.code == "qr.text"  # noqa: PT017
        return
    assert shown == unicodedata.normalize("NFC", text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Zl", "Zp"}


@pytest.mark.parametrize(
    "character", [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]
)
def test_direction_marks_are_refused(character):
    with pytest.raises(FormatError):
        shown_text(f"a{character}b", max_chars=9, lines=True)


def test_joiners_that_languages_need_pass():
    assert shown_text("\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", max_chars=20)
    assert shown_text("a\nb", max_chars=9, lines=True) == "a\nb"
    assert shown_text("a\u00a0b", max_chars=9) == "a\u00a0b"


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("Số 1 <b>", ("text.markup",)),
        ("=1+1", ("text.formula",)),
        ("@x>", ("text.markup", "text.formula")),
        ("a=b", ()),
    ],
)
def test_what_an_output_must_escape(text, warnings):
    assert warnings_of(text) == warnings
