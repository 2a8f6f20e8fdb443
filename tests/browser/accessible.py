"""What axe-core finds on an open page: WCAG 2.2 A and AA, issues that are serious or worse."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import pytest

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_RUN = """async (tags) => {
  const found = await axe.run(document, { runOnly: { type: "tag", values: tags } });
  return found.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(", ")}`);
}"""


@cache
def _axe() -> str:
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


def serious_issues(page: Any) -> list[str]:
    """The rules that the page breaks, each with where; empty when there are none."""
    page.evaluate(_axe())
    return list(page.evaluate(_RUN, TAGS))
