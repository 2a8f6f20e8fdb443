"""What is missing for a higher level, as a screen says it: a table of names and sentences.

>>> said(("factor.knowledge",), "en")
('Something that you know is missing: your password or PIN.',)
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Literal

Language = Literal["vi", "en"]


def said(missing: Iterable[str], language: Language = "vi") -> tuple[str, ...]:
    """One sentence for each name in ``missing``, in its order; KeyError for no such name."""
    words = sentences()
    return tuple(words[name][language] for name in missing)


@cache
def sentences() -> Mapping[str, Mapping[Language, str]]:
    """Every name that ``assess``, proofing and payments give, in both languages."""
    file = resources.files("eid.levels").joinpath("missing.toml")
    table: dict[str, Mapping[Language, str]] = tomllib.loads(file.read_text(encoding="utf-8"))
    return table
