"""The pages: server-rendered, in Vietnamese or English, no script but one for passkeys.

>>> page = render("cancel.html", PageContext(base="https://id.example", language="en"),
...               here="https://id.example/interaction/x", service="<b>", csrf="t")
>>> page.status, b"&lt;b&gt;" in page.body
(200, True)

A theme is a folder with ``templates/`` (files that replace ours by name, and may extend ours as
``eid/NAME``) and ``style.css`` (added to ours).

Jinja is loaded by the first page, or where a theme is checked: programs ask for none.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from eid.errors import EidError, SettingsError
from eid.oidc.errors import Words, words_of
from eid.oidc.http import Response
from eid.oidc.pages.language import (
    DEFAULT,
    LANGUAGES,
    NAMES,
    Language,
    moment,
    translate,
    translate_plural,
)

if TYPE_CHECKING:
    from jinja2 import Environment

HTML = "text/html; charset=utf-8"
Shown = str | int | Sequence[object] | Mapping[str, object] | object | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """What every page needs: the issuer's address, and where its forms may lead.

    ``form_action`` are origins besides our own; Chromium applies them to redirects after a form
    too, hence the client's origin. ``referrer`` is ``origin`` on the page with the card form,
    ``script`` the one inline script of a page that has to post by itself, ``passkeys`` marks a
    page with our script file, ``drawn`` one with a picture inside. ``at`` is the page's own
    address, for the link to its other language. ``headers`` go out with the page.
    """

    base: str
    form_action: tuple[str, ...] = ()
    referrer: str = "same-origin"
    script: str | None = None
    passkeys: bool = False
    drawn: bool = False
    language: Language = DEFAULT
    theme: Path | None = None
    at: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


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
        """The sentence, in each language."""
        return words_of(self.code, self.family)


def render(template: str, context: PageContext, *, status: int = 200, **values: Shown) -> Response:
    """A page with its own Content-Security-Policy and Referrer-Policy."""
    environment = _environment(context.theme, context.language)
    body = environment.get_template(template).render(base=context.base, at=context.at, **values)
    return Response(
        status=status,
        body=body.encode(),
        content_type=HTML,
        headers=(
            ("Content-Security-Policy", _policy_of(context)),
            ("Content-Language", context.language),
            ("Referrer-Policy", context.referrer),
            ("Vary", "Accept-Language, Cookie"),
            *context.headers,
        ),
    )


def policy(
    form_action: Sequence[str], *, scripts: Sequence[str] = (), images: Sequence[str] = ()
) -> str:
    """No frame, nothing from elsewhere, no script but this one; forms go only where named."""
    targets = " ".join(dict.fromkeys(("'self'", *form_action)))
    allowed = f"script-src {' '.join(scripts)}; " if scripts else ""
    pictures = " ".join(("'self'", *images))
    return (
        f"default-src 'none'; {allowed}style-src 'self'; img-src {pictures}; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {targets}"
    )


def _policy_of(context: PageContext) -> str:
    scripts = []
    if context.script is not None:
        scripts.append(f"'sha256-{_digest(context.script)}'")
    if context.passkeys:
        scripts.append(f"{context.base}/passkey.js")
    images = ("data:",) if context.drawn else ()
    return policy(context.form_action, scripts=scripts, images=images)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def style(theme: Path | None = None) -> bytes:
    """The one style sheet: ours, and after it the theme's."""
    ours = _own_file("style.css")
    added = None if theme is None else theme / "style.css"
    if added is None or not added.exists():
        return ours
    try:
        return ours + b"\n" + added.read_bytes()
    except OSError as error:
        raise _bad_theme(theme) from error


@cache
def passkey_script() -> bytes:
    """The one script file."""
    return _own_file("passkey.js")


@cache
def text_version(language: Language, theme: Path | None, template: str = "consent.html") -> str:
    """The version of the text that a person agrees to: language, and a digest of the template."""
    source = _source(template, theme)
    return f"{language}-{hashlib.sha256(source.encode()).hexdigest()[:12]}"


def check_theme(theme: Path) -> None:
    """SettingsError unless the folder is there and each of its templates can be read."""
    from jinja2 import TemplateError  # noqa: PLC0415 - see above

    if not theme.is_dir():
        raise _bad_theme(theme)
    environment = _environment(theme, DEFAULT)
    try:
        for name in environment.list_templates(extensions=["html"]):
            environment.get_template(name)
    except (TemplateError, UnicodeDecodeError) as error:
        raise _bad_theme(theme) from error
    style(theme)


@cache
def _source(name: str, theme: Path | None) -> str:
    environment = _environment(theme, DEFAULT)
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _own_file(name: str) -> bytes:
    return resources.files("eid.oidc").joinpath("pages", name).read_bytes()


def _bad_theme(theme: Path | None) -> SettingsError:
    return SettingsError(
        "The theme cannot be used.",
        code="settings.theme",
        key="pages.theme",
        file=str(theme),
        expected="a folder with templates/ and style.css",
    )


@cache
def _environment(theme: Path | None, language: Language) -> Environment:
    from jinja2 import (  # noqa: PLC0415 - see above
        ChoiceLoader,
        Environment,
        FileSystemLoader,
        PrefixLoader,
        StrictUndefined,
    )

    from eid.oidc.pages.folding import Folded, fold  # noqa: PLC0415 - see above

    ours = FileSystemLoader(
        Path(str(resources.files("eid.oidc").joinpath("pages", "templates"))),
    )
    themed = [] if theme is None else [FileSystemLoader(theme / "templates")]
    environment = Environment(
        loader=ChoiceLoader([*themed, ours, PrefixLoader({"eid": ours})]),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", Folded],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        partial(translate, language),
        partial(translate_plural, language),
        newstyle=True,
    )
    fold(environment, partial(translate, language))
    environment.globals |= {
        "language": language,
        "others": [(name, NAMES[name]) for name in LANGUAGES if name != language],
    }
    environment.filters["moment"] = partial(moment, language)
    return environment
