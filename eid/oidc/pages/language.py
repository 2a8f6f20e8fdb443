"""Vietnamese and English: which of them a page is in, its texts, and its dates (home of Babel).

>>> preferred("en-GB;q=0.7, vi;q=0.3, xx;q=nonsense")
('en-GB', 'vi')
>>> choose(query=None, cookie="en", preferred=("vi",)), choose(query=None, cookie="xx", preferred=("en-US",))
('en', 'en')
>>> translate("vi", "Log in")
'Đăng nhập'

Babel is loaded by the first page or date that needs it: a worker that only answers programs does
without its six megabytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Literal, get_args

from eid.levels.rules import VIETNAM

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "vi"
NAMES: Mapping[Language, str] = {"vi": "Tiếng Việt", "en": "English"}
MAX_HEADER = 256


def choose(*, query: str | None, cookie: str | None, preferred: Sequence[str]) -> Language:
    """What was chosen on our pages, now or before; else the best of what is preferred."""
    for chosen in (query, cookie):
        if chosen in LANGUAGES:
            return chosen
    from babel.core import negotiate_locale  # noqa: PLC0415 - see above

    found = negotiate_locale(list(preferred), list(LANGUAGES), sep="-")
    return found if found in LANGUAGES else DEFAULT


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
    from babel.messages.pofile import read_po  # noqa: PLC0415 - see above

    file = resources.files("eid.oidc").joinpath("pages", "locale", f"{language}.po")
    with file.open("rb") as stream:
        catalog = read_po(stream, locale=language)
    return {
        _first(entry.id): _first(entry.string) for entry in catalog if entry.id and entry.string
    }


def _first(text: str | list[str] | tuple[str, ...]) -> str:
    """Of a plural entry the first form: Vietnamese has one."""
    return text if isinstance(text, str) else text[0]
