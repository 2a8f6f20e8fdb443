r"""The counter's pages: server-rendered, one language at a time, one script for passkeys only.

>>> words("vi")["language"], words("en")["language"]
('English', 'Tiếng Việt')
>>> shown("NGUYỄN VĂN\u202e THỬ\n")
'NGUYỄN VĂN THỬ'
"""

from __future__ import annotations

import base64
import tomllib
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eid.chip.lds.dg2 import parse_dg2
from eid.chip.picture import decode
from eid.chip.verify import VerifiedCard
from eid.errors import EidError
from eid.levels.rules import VIETNAM
from eid.oidc.http import Request, Response

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = ("vi", "en")
LANGUAGE_COOKIE = "eid-language"
MAX_SHOWN = 120
_HTML = "text/html; charset=utf-8"
_NOTHING: Mapping[str, object] = MappingProxyType({})


def language_of(request: Request) -> Language:
    """The language that the officer chose in this browser; Vietnamese first."""
    return "en" if request.cookies.get(LANGUAGE_COOKIE) == ("en",) else "vi"


def render(
    template: str,
    language: Language,
    *,
    status: int = 200,
    form_action: str = "",
    headers: tuple[tuple[str, str], ...] = (),
    also: Mapping[str, object] = _NOTHING,
    **values: object,
) -> Response:
    """A page. ``form_action`` is the one other origin that its form may lead to: the card agent's."""
    body = (
        _environment()
        .get_template(template)
        .render(language=language, t=words(language), **{**also, **values})
    )
    return Response(
        status=status,
        body=body.encode(),
        content_type=_HTML,
        headers=(
            ("Content-Security-Policy", policy(form_action)),
            ("Referrer-Policy", "origin" if form_action else "same-origin"),
            *headers,
        ),
    )


def policy(form_action: str = "") -> str:
    """Nothing from elsewhere, no inline script or style; pictures may be part of the page."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
        "base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {form_action}".rstrip()
    )


def error_words(error: EidError, language: Language) -> str:
    """One sentence for the officer: by the code, else by its families, else in general."""
    table, code = words(language), error.code
    while code:
        if f"error.{code}" in table:
            return table[f"error.{code}"]
        code = code.rpartition(".")[0]
    kind = type(error).default_code
    return table.get(f"error.{kind}", table["error.error"])


def shown(text: str) -> str:
    """A name as a page may show it: no controls, no direction marks, at most 120 characters."""
    normal = unicodedata.normalize("NFC", text)
    clean = "".join(char if char.isprintable() else " " for char in normal)
    clean = " ".join("".join(c for c in clean if unicodedata.category(c) != "Cf").split())
    return clean if len(clean) <= MAX_SHOWN else clean[: MAX_SHOWN - 1] + "…"


def portrait(card: VerifiedCard) -> str | None:
    """The holder's picture as a ``data:`` address, decoded in a child process; None without one."""
    group = card.files.get("EF.DG2")
    if group is None:
        return None
    try:
        png = decode(parse_dg2(group).image).png
    except EidError:
        return None
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def moment(at: datetime) -> str:
    """Day and hour in Vietnam."""
    return at.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M")


@cache
def asset(name: str) -> bytes:
    """The style sheet or the script."""
    return resources.files("eid.admin").joinpath("pages", name).read_bytes()


@cache
def words(language: Language) -> Mapping[str, str]:
    """Every text of a language, by its key; errors as ``error.CODE``."""
    text = resources.files("eid.admin").joinpath("texts", f"{language}.toml").read_text("utf-8")
    table = tomllib.loads(text)
    errors = {f"error.{code}": value for code, value in table.pop("errors").items()}
    return {**table, **errors}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(
            Path(str(resources.files("eid.admin").joinpath("pages", "templates")))
        ),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    environment.filters["moment"] = moment
    return environment
