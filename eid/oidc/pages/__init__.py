"""The pages: server-rendered, Vietnamese first with an English line, no JavaScript.

>>> page = render("cancel.html", PageContext(base="https://id.example", form_action=()),
...               here="https://id.example/interaction/x", service="<b>", csrf="t")
>>> page.status, b"&lt;b&gt;" in page.body
(200, True)
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eid.errors import EidError
from eid.oidc.errors import Words, words_of
from eid.oidc.http import Response

HTML = "text/html; charset=utf-8"
Shown = str | int | Sequence[object] | Mapping[str, object] | object | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """What every page needs: the issuer's address, and where its forms may lead.

    ``form_action`` are origins besides our own; Chromium applies them to redirects after a form
    too, hence the client's origin. ``referrer`` is ``origin`` on the page with the card form,
    ``script`` the one script of a page that has to post by itself.
    """

    base: str
    form_action: tuple[str, ...]
    referrer: str = "same-origin"
    script: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as a page shows it."""

    code: str
    family: str
    correlation: str

    @classmethod
    def of(cls, error: EidError, correlation: str) -> Problem:
        """The error as it may be shown: its code and kind, nothing of its message or facts."""
        return cls(error.code, type(error).default_code, correlation)

    @property
    def words(self) -> Words:
        """The two sentences."""
        return words_of(self.code, self.family)


def render(template: str, context: PageContext, *, status: int = 200, **values: Shown) -> Response:
    """A page with its own Content-Security-Policy and Referrer-Policy."""
    body = _environment().get_template(template).render(base=context.base, **values)
    return Response(
        status=status,
        body=body.encode(),
        content_type=HTML,
        headers=(
            ("Content-Security-Policy", policy(context.form_action, script=context.script)),
            ("Referrer-Policy", context.referrer),
        ),
    )


def policy(form_action: Sequence[str], *, script: str | None = None) -> str:
    """No frame, nothing from elsewhere, no script but this one; forms go only where named."""
    targets = " ".join(dict.fromkeys(("'self'", *form_action)))
    allowed = "" if script is None else f"script-src 'sha256-{_digest(script)}'; "
    return (
        f"default-src 'none'; {allowed}style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {targets}"
    )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def style() -> bytes:
    """The one style sheet."""
    return resources.files("eid.oidc").joinpath("pages", "style.css").read_bytes()


@cache
def _environment() -> Environment:
    folder = Path(str(resources.files("eid.oidc").joinpath("pages", "templates")))
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
