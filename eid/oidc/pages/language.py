"""Vietnamese and English: which of them a page is in, its texts, and its dates (home of Babel).

>>> preferred("en-GB;q=0.7, vi;q=0.3, xx;q=nonsense")
('en-GB', 'vi')
>>> choose(query=None, cookie="en", preferred=("vi",)), choose(query=None, cookie="xx", preferred=("en-US",))
('en', 'en')
>>> translate("vi", "Log in")
'Đăng nhập'

Babel is loaded by the first page that shows a date: the pages of a login show none, and a worker
does without its six megabytes. The texts are read here; a test holds them against Babel's reading.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Final, Literal, get_args

from eid.levels.rules import VIETNAM

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "vi"
NAMES: Mapping[Language, str] = {"vi": "Tiếng Việt", "en": "English"}
MAX_HEADER = 256
# An entry on lines of its own, without escapes. Of a plural one the first form: Vietnamese has one.
_ENTRY: Final = re.compile(
    r'^msgid "([^"\\]+)"\n(?:msgid_plural "[^"\\]+"\n)?msgstr(?:\[0\])? "([^"\\]+)"$',
    re.MULTILINE,
)


def choose(*, query: str | None, cookie: str | None, preferred: Sequence[str]) -> Language:
    """What was chosen on our pages, now or before; else the best of what is preferred."""
    for chosen in (query, cookie):
        if chosen in LANGUAGES:
            return chosen
    spoken = (tag.lower().partition("-")[0] for tag in preferred)
    return next((language for tag in spoken for language in LANGUAGES if language == tag), DEFAULT)


def preferred(accept_language: str) -> tuple[str, ...]:
    """The tags of an Accept-Language header, best first; what is malformed is left out."""
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language[:MAX_HEADER].split(",")):
        tag, _, weight = part.strip().partition(";q=")
        number = weight.replace(".", "", 1)
        if weight and not (number.isascii() and number.isdigit()):
            continue
        if tag and (not weight or float(weight) > 0):
            ranked.append((-float(weight or 1), place, tag))
    return tuple(tag for _, _, tag in sorted(ranked))


def translate(language: Language, message: str) -> str:
    """A text of the pages in a language; the English one where it has no other."""
    return _messages(language).get(message, message)


def translate_plural(language: Language, one: str, many: str, count: int) -> str:
    """The text for a number of things."""
    return _messages(language).get(one) or (one if count == 1 else many)


def moment(language: Language, at: datetime) -> str:
    """A date and time of the day in Vietnam."""
    from babel.dates import format_datetime  # noqa: PLC0415 - see above

    return format_datetime(at.astimezone(VIETNAM), "d MMM y, HH:mm:ss", locale=language)


@cache
def _messages(language: Language) -> Mapping[str, str]:
    if language == "en":
        return {}
    file = resources.files("eid.oidc").joinpath("pages", "locale", f"{language}.po")
    return dict(_ENTRY.findall(file.read_text("utf-8")))
