"""Screen texts: one TOML file per language, looked up by stable code.

>>> texts = load_texts()
>>> [text.language for text in texts]
['vi', 'en']
>>> texts[1].error("card.secure_messaging").what
'The card could not be read.'
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from eid.errors import SettingsError

LANGUAGES = ("vi", "en")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorText:
    """What happened, and what the person should do now."""

    what: str
    do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenText:
    """A screen's title, and what the person should do now."""

    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """All texts of one language."""

    language: str
    version: str
    page: Mapping[str, str]
    files: Mapping[str, str]
    kiosk: Mapping[str, str]
    screens: Mapping[str, ScreenText]
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


def load_texts(
    languages: Sequence[str] = LANGUAGES, folder: Path | None = None
) -> tuple[Texts, ...]:
    """The texts of these languages, in this order; one that is not built in lies in ``folder``.

    SettingsError ``texts`` names the file that is missing, or the text that a file lacks.
    """
    return tuple(_load(language, folder) for language in languages)


def consent_version(texts: Sequence[Texts]) -> str:
    """Names the words a person saw: every language with its version."""
    return "+".join(f"{text.language}/{text.version}" for text in texts)


def _load(language: str, folder: Path | None) -> Texts:
    if not _LANGUAGE.fullmatch(language):
        raise _wrong("", "a language tag such as vi or jra")
    own = None if folder is None else folder / f"{language}.toml"
    try:
        if own is not None and own.is_file():
            text = own.read_text("utf-8")
        else:
            text = files(__name__).joinpath(f"{language}.toml").read_text("utf-8")
        texts = _parse(tomllib.loads(text))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _wrong(str(own or language), "a complete file of texts") from error
    if language not in LANGUAGES:
        _check_complete(texts, str(own))
    return texts


def _parse(table: Mapping[str, Any]) -> Texts:
    return Texts(
        language=table["language"],
        version=table["version"],
        page=table["page"],
        files=table["files"],
        kiosk=table["kiosk"],
        screens={
            name: ScreenText(title=item["title"], text=item["text"])
            for name, item in table["screens"].items()
        },
        errors={
            code: ErrorText(what=item["what"], do=item["do"])
            for code, item in table["errors"].items()
        },
    )


def _check_complete(texts: Texts, file: str) -> None:
    model = _load(LANGUAGES[0], None)
    if "error" not in texts.errors:  # every other code has the words of its nearest parent
        raise _wrong(file, "[errors.error]")
    for part in ("page", "files", "kiosk", "screens"):
        for key in getattr(model, part):
            if key not in getattr(texts, part):
                raise _wrong(file, f"[{part}] {key}")


def _wrong(file: str, expected: str) -> SettingsError:
    return SettingsError(
        "The texts of a language cannot be used.", code="texts", file=file, expected=expected
    )
