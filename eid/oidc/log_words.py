"""What a person reads for a row of the record, in Vietnamese and English.

>>> words_for("account.looked_at", "en")
'an officer looked at your data'
>>> words_for("something.new", "vi")
'something.new'
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

SHOWN = ("by", "reason", "ground", "level", "purpose", "what", "acr", "decision", "outcome")
"""The details of a row that are shown with it."""


def words_for(kind: str, language: str) -> str:
    """The words for a kind of row; the kind itself where there are none."""
    return words().get(kind, {}).get(language, kind)


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    """Every kind that has words."""
    data = resources.files("eid.oidc").joinpath("pages", "log_words.toml").read_text("utf-8")
    return {kind: {"vi": row["vi"], "en": row["en"]} for kind, row in tomllib.loads(data).items()}
