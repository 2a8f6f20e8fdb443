"""docs/levels.md shows the tables as they are; `python tests/docs/test_levels_page.py` renews it."""

from __future__ import annotations

import re
from pathlib import Path

from eid.levels.diagram import SECTIONS
from eid.levels.rules import Rules
from eid.store.cases import RULES as CASE_RULES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "levels.md"
PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(text: str) -> str:
    return PART.sub(lambda part: f"{part[1]}{SECTIONS[part[2]]()}\n{part[3]}", text)


def test_the_page_shows_the_tables() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [part[2] for part in PART.finditer(text)] == list(SECTIONS)
    assert text == renewed(text)


def test_deadlines_named_for_officers_are_rules() -> None:
    text = (PAGE.parent / "for-data-protection-officers.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:privacy|retention|lock|unlock)[a-z._]*)`", text))
    assert {"privacy.breach", "privacy.request", "retention.usage"} <= named
    assert named <= {rule.id for rule in Rules.load().items}
    assert set(CASE_RULES.values()) <= {rule.id for rule in Rules.load().items}


def test_codes_named_for_auditors_are_raised() -> None:
    text = (PAGE.parent / "for-auditors.md").read_text(encoding="utf-8")
    source = "".join(file.read_text() for file in (PAGE.parents[1] / "eid/store").glob("*.py"))
    for code in re.findall(r"^\| `(audit\.[a-z]+)`", text, re.MULTILINE):
        assert f'"{code}"' in source


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
