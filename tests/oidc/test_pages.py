"""The pages' language, theme and policies."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from hypothesis import given, strategies as st
from jinja2.ext import babel_extract

from eid.errors import SettingsError
from eid.oidc import pages
from eid.oidc.pages import PageContext, check_theme, render, style, text_version
from eid.oidc.pages.language import choose, moment, preferred, translate, translate_plural
from tests.oidc.conftest import NOW

PAGES = Path(pages.__file__).parent
OPTIONS = {"trim_blocks": "1", "lstrip_blocks": "1", "newstyle_gettext": "1"}


def texts() -> set[str]:
    found = set()
    for file in (PAGES / "templates").glob("*.html"):
        with file.open("rb") as stream:
            for _, _, message, _ in babel_extract(
                stream, ("_", "gettext", "ngettext"), [], OPTIONS
            ):
                found.add(message if isinstance(message, str) else message[0])
    return found


def test_every_text_has_its_vietnamese_and_no_other_one_is_kept() -> None:
    with (PAGES / "locale" / "vi.po").open("rb") as stream:
        catalog = read_po(stream, locale="vi")
    known = {e.id if isinstance(e.id, str) else e.id[0]: e.string for e in catalog if e.id}
    assert known.keys() == texts()
    for english, vietnamese in known.items():
        told = vietnamese if isinstance(vietnamese, str) else vietnamese[0]
        assert told, english
        assert translate("vi", english) == told
        assert set(re.findall(r"%\(\w+\)s", english)) == set(re.findall(r"%\(\w+\)s", told))


def test_templates_hold_no_text_beside_the_translated_ones() -> None:
    for file in (PAGES / "templates").glob("*.html"):
        bare = re.sub(
            r"{%.*?trans.*?%}.*?{% endtrans %}|{[{%].*?[%}]}|<[^>]*>",
            " ",
            file.read_text(),
            flags=re.S,
        )
        assert not re.search(r"[A-Za-zÀ-ỹ]{2,}", bare), (file.name, bare.split())


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("vi,en;q=0.8", ("vi", "en")),
        ("en;q=0.1, vi;q=0.9", ("vi", "en")),
        ("en;q=0", ()),
        ("en;q=, ;q=1, ,", ("en",)),
        ("en;q=1.2.3, vi;q=-1, vi;q=٣", ()),
        ("x" * 10_000, ("x" * 256,)),
    ],
)
def test_accept_language(header: str, tags: tuple[str, ...]) -> None:
    assert preferred(header) == tags


@given(st.text(max_size=300), st.text(max_size=20), st.lists(st.text(max_size=12), max_size=8))
def test_whatever_is_asked_for_there_is_a_language(header, chosen, asked) -> None:
    wanted = (*asked, *preferred(header))
    assert choose(query=chosen, cookie=chosen, preferred=wanted) in {"vi", "en"}


def test_what_was_chosen_comes_before_what_the_browser_prefers() -> None:
    assert choose(query="en", cookie="vi", preferred=("vi",)) == "en"
    assert choose(query=None, cookie="en", preferred=("vi",)) == "en"
    assert choose(query="fr", cookie="<", preferred=("fr", "en-GB")) == "en"
    assert choose(query=None, cookie=None, preferred=("fr",)) == "vi"
    assert choose(query=None, cookie=None, preferred=("../../x", "", "_")) == "vi"


def test_plurals_and_dates_are_the_language_s_own() -> None:
    assert translate_plural("en", "one %(n)s", "many %(n)s", 1) == "one %(n)s"
    assert translate_plural("en", "one %(n)s", "many %(n)s", 2) == "many %(n)s"
    assert moment("en", NOW) == "20 Nov 2026, 16:30:00"
    assert moment("vi", NOW).startswith("20 thg 11 2026")


def test_a_login_is_in_the_language_that_was_asked_for(world) -> None:
    browser = world.browser()
    here = world.begin(browser, ui_locales="fr en vi")
    assert '<html lang="en">' in browser.get(here).text
    plain = world.begin(browser)
    assert '<html lang="vi">' in browser.get(plain).text
    assert '<html lang="en">' in browser.get(plain, Accept_Language="en-US,en;q=0.9").text
    switched = browser.get(f"{plain}?lang=en")
    assert '<html lang="en">' in switched.text
    assert switched.headers["content-language"] == "en"
    assert '<html lang="en">' in browser.get(plain).text  # remembered
    assert '<html lang="vi">' in browser.get(f"{here}?lang=vi").text


def test_error_pages_speak_too(world) -> None:
    answer = world.browser().get("/nowhere?lang=%zz&lang=\x01", Accept_Language="en")
    assert answer.status == 404
    assert '<html lang="en">' in answer.text


def test_a_theme_replaces_templates_and_adds_to_the_style(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "base.html").write_text(
        '{% extends "eid/base.html" %}{% block top %}<p id="brand">Bank</p>{% endblock %}'
    )
    (tmp_path / "style.css").write_text(":root { --act: #060; }")
    check_theme(tmp_path)
    context = PageContext(base="https://id.example", theme=tmp_path, language="en")
    page = render("logged_out.html", context).body.decode()
    assert '<p id="brand">Bank</p>' in page
    assert "You are logged out" in page
    assert style(tmp_path).startswith(style())
    assert style(tmp_path).endswith(b":root { --act: #060; }")
    assert text_version("vi", tmp_path) == text_version("vi", None)
    (tmp_path / "templates" / "consent.html").write_text("other words")
    assert text_version("vi", tmp_path / ".") == text_version("vi", tmp_path)


@pytest.mark.parametrize("broken", ["{% if %}", "{{ ", "\udcff"])
def test_a_theme_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path, broken: str) -> None:
    with pytest.raises(SettingsError):
        check_theme(tmp_path / "absent")
    (tmp_path / "templates").mkdir()
    file = tmp_path / "templates" / "login.html"
    file.write_bytes(broken.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError) as caught:
        check_theme(tmp_path)
    assert caught.value.code == "settings.theme"


def test_the_ledger_names_the_text_that_was_agreed_to() -> None:
    vi, en = text_version("vi", None), text_version("en", None)
    assert vi.partition("-")[2] == en.partition("-")[2]
    assert vi != en
    assert replace(PageContext(base="b"), language="en").language == "en"
