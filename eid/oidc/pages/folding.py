"""Texts of the pages put into the templates when these are compiled, not each time they are shown.

There is one environment for each language, so that ``{{ _("Log in") }}`` never changes in it. Only
whole texts without variables are folded; texts are ours, and are as they stand (jinja2.ext.i18n).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from jinja2 import Environment
from jinja2.ext import Extension

_TEXT: Final = re.compile(r'\{\{ _\("((?:[^"\\{}%])*)"\) \}\}')


class Folded(Extension):
    """Replaces texts by their translations in a template's source."""

    translate: Callable[[str], str] = staticmethod(lambda text: text)

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002
        """The source with its texts in the environment's language."""
        return _TEXT.sub(self._text, source)

    def _text(self, found: re.Match[str]) -> str:
        text = self.translate(found[1])
        return found[0] if set("{}%") & set(text) else text


def fold(environment: Environment, translate: Callable[[str], str]) -> None:
    """Fold the texts of an environment that has the extension, in this language."""
    extension = environment.extensions[Folded.identifier]
    assert isinstance(extension, Folded)
    extension.translate = translate
