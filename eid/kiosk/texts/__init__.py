"""Screen texts: one TOML file per language, looked up by stable code.

>>> texts = load_texts()
>>> [text.language for text in texts]
['vi', 'en']
>>> texts[1].error("card.secure_messaging").what
'The card could not be read.'
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

LANGUAGES = ("vi", "en")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorText:
    """What happened, and what the person should do now."""

    what: str
    do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """All texts of one language."""

    language: str
    version: str
    page: Mapping[str, str]
    files: Mapping[str, str]
    errors: Mapping[str, ErrorText]

    def error(self, code: str) -> ErrorText:
        """The text of a code, or of its nearest parent (``card.removed``, ``card``, ``error``)."""
        while code not in self.errors:
            code = code.rpartition(".")[0] or "error"
        return self.errors[code]

    def reads(self, names: Sequence[str]) -> tuple[str, ...]:
        """What a reading plan's files mean to a person, the proof last."""
        named = tuple(self.files[name] for name in names if name in self.files)
        return (*named, self.files["proof"])


def load_texts(languages: Sequence[str] = LANGUAGES) -> tuple[Texts, ...]:
    """The texts of these languages, in this order."""
    return tuple(_load(language) for language in languages)


def consent_version(texts: Sequence[Texts]) -> str:
    """Names the words a person saw: every language with its version."""
    return "+".join(f"{text.language}/{text.version}" for text in texts)


def _load(language: str) -> Texts:
    table = tomllib.loads(files(__name__).joinpath(f"{language}.toml").read_text("utf-8"))
    return Texts(
        language=table["language"],
        version=table["version"],
        page=table["page"],
        files=table["files"],
        errors={
            code: ErrorText(what=item["what"], do=item["do"])
            for code, item in table["errors"].items()
        },
    )
