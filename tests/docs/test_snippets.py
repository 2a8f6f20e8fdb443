"""Code on a page is cut from a file that a test runs: it cannot drift."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MARKED = re.compile(r"<!-- from: ([^>]+) -->\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = [page for page in sorted(ROOT.glob("docs/**/*.md")) if MARKED.search(page.read_text())]


def cuts() -> list[tuple[str, str, str]]:
    return [
        (page.name, name, text)
        for page in PAGES
        for name, text in MARKED.findall(page.read_text())
    ]


@pytest.mark.parametrize(("page", "name", "text"), cuts(), ids=lambda value: value[:40])
def test_each_piece_stands_in_its_file_in_this_order(page: str, name: str, text: str) -> None:
    rest = (ROOT / name).read_text()
    for piece in re.split(r"^…\n", text, flags=re.MULTILINE):
        before, found, rest = rest.partition(piece)
        assert found, f"{page}: not in {name}: {piece}"
        assert not before or before.endswith("\n")


def test_the_page_for_services_has_nothing_but_such_pieces() -> None:
    text = (ROOT / "docs/log-people-in.md").read_text()
    fences = re.findall(r"^```(\w+)$", text, re.MULTILINE)
    cut = re.findall(r"<!-- from: [^>]+ -->\n```(\w+)$", text, re.MULTILINE)
    unmarked = [language for language in fences if language not in {"sh", "json", "text"}]
    assert unmarked == cut


@pytest.mark.parametrize(
    "section", ["Flask", "FastAPI", "Django", "Spring", "Node", "Apache", "idpyoidc"]
)
def test_each_section_reads_the_level(section: str) -> None:
    text = (ROOT / "docs/log-people-in.md").read_text()
    [_, part] = text.split(f"\n### {section}\n")
    part = re.split(r"^##+ ", part, flags=re.MULTILINE)[0]
    pieces = "".join(piece for _, piece in MARKED.findall(part))
    compares = r"acr. ?\]? ?!=|acr !==|hasAuthority\(LEVEL_2\)|Require claim .acr:|\.acr != asked"
    assert re.search(compares, pieces), section
