"""What a page takes from its request: the language, the theme, and its own address."""

from __future__ import annotations

from collections.abc import Sequence

from eid.errors import FormatError
from eid.oidc.cookies import read_cookie, set_cookie
from eid.oidc.http import Request
from eid.oidc.pages import PageContext
from eid.oidc.pages.language import LANGUAGES, Language, choose, preferred
from eid.oidc.provider import Provider

YEAR_S = 365 * 86400


def context_of(
    provider: Provider,
    request: Request,
    *,
    form_action: tuple[str, ...] = (),
    ui_locales: Sequence[str] = (),
    at: str | None = None,
) -> PageContext:
    """The context of a page; a language that the person chose here is remembered."""
    settings = provider.settings
    chosen = _asked(request)
    name = language_cookie(secure=settings.secure_cookies)
    headers: tuple[tuple[str, str], ...] = ()
    if chosen is not None:
        headers = (set_cookie(name, chosen, max_age=YEAR_S, secure=settings.secure_cookies),)
    return PageContext(
        base=settings.issuer,
        form_action=form_action,
        language=language_of(provider, request, ui_locales),
        theme=settings.theme,
        at=at,
        headers=headers,
    )


def language_of(provider: Provider, request: Request, ui_locales: Sequence[str] = ()) -> Language:
    """Chosen here, then what the service asked for, then what the browser prefers."""
    cookie = read_cookie(request, language_cookie(secure=provider.settings.secure_cookies))
    return choose(
        query=_asked(request),
        cookie=cookie,
        preferred=(*ui_locales, *preferred(request.accept_language)),
    )


def language_cookie(*, secure: bool) -> str:
    """The name of the cookie that remembers a language: no secret, and nobody's name."""
    return f"{'__Host-' if secure else ''}eid-language"


def _asked(request: Request) -> str | None:
    if "lang=" not in request.query:
        return None
    try:
        chosen = request.parameters().get("lang")
    except FormatError:  # the page may be about just that
        return None
    return chosen if chosen in LANGUAGES else None
