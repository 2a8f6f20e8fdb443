import string

import pytest

from eid.kiosk.texts import consent_version, load_texts


def test_languages_say_the_same_things() -> None:
    vi, en = load_texts()
    assert (vi.language, en.language) == ("vi", "en")
    for part in ("page", "files", "errors"):
        assert getattr(vi, part).keys() == getattr(en, part).keys()
    assert consent_version((vi, en)) == f"vi/{vi.version}+en/{en.version}"


@pytest.mark.parametrize(
    ("code", "like"),
    [
        ("card.removed", "card.removed"),
        ("card.secure_messaging", "card"),
        ("agent.host", "agent"),
        ("reader.service.gone", "reader"),
        ("http.405", "error"),
        ("whatever", "error"),
    ],
)
def test_a_code_has_the_words_of_its_nearest_parent(code: str, like: str) -> None:
    for texts in load_texts():
        assert texts.error(code) is texts.errors[like]


def test_every_text_says_something() -> None:
    for texts in load_texts():
        words = [*texts.page.values(), *texts.files.values()]
        words += [word for error in texts.errors.values() for word in (error.what, error.do)]
        assert all(word.strip(string.whitespace) for word in words)


def test_reads_names_personal_files_and_the_proof() -> None:
    _, en = load_texts()
    assert en.reads(("EF.SOD", "EF.DG2", "EF.COM")) == ("Portrait", en.files["proof"])
