"""What the larger examples share: pages in two languages, forms that are one's own, a server.

Not part of eid: a service has its own framework for this. Every page is server-rendered; nothing
is loaded from elsewhere, and no script runs.
"""

from __future__ import annotations

import secrets
import signal
import tomllib
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from socketserver import ThreadingMixIn
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import falcon
from jinja2 import Environment, FileSystemLoader, StrictUndefined

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

LANGUAGES = ("vi", "en")
MAX_FORM = 32 * 1024
STYLE = Path(__file__).with_name("style.css").read_text("utf-8")
HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
            "frame-ancestors 'none'; form-action 'self'"
        ),
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
)


class Site:
    """The pages of one example: ``pages/*.html`` and one file of texts per language."""

    def __init__(self, folder: Path) -> None:
        here = Path(__file__).parent
        self._pages = Environment(
            loader=FileSystemLoader([folder / "pages", here]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.filters["shown"] = shown
        self.texts = {
            language: tomllib.loads((folder / "texts" / f"{language}.toml").read_text("utf-8"))
            for language in LANGUAGES
        }

    def page(
        self, req: falcon.Request, resp: falcon.Response, template: str, **values: object
    ) -> None:
        """Answer with a page in the browser's language."""
        language = language_of(req)
        resp.content_type = "text/html; charset=utf-8"
        resp.text = self._pages.get_template(template).render(
            language=language, t=self.texts[language], **values
        )

    def say(self, req: falcon.Request, code: str) -> str:
        """One sentence about an error: by its code, else its family, else in general."""
        errors: Mapping[str, str] = self.texts[language_of(req)]["errors"]
        while code not in errors and "." in code:
            code = code.rpartition(".")[0]
        return errors.get(code, errors["error"])


class Guard:
    """Before every request: the right host, and for a form the right page (no DNS rebinding).

    ``leads_to`` are other origins that a form may be redirected to, such as a login's.
    """

    def __init__(self, origin: str, leads_to: tuple[str, ...] = ()) -> None:
        self._origin, self._host = origin, urlsplit(origin).netloc
        policy = " ".join((HEADERS["Content-Security-Policy"], *leads_to))
        self._headers = {**HEADERS, "Content-Security-Policy": policy}

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Refuse what another site sent, and set the headers that every page has."""
        resp.set_headers(self._headers)
        own = req.get_header("Origin") in {None, self._origin}
        if req.get_header("Host") != self._host or (req.method == "POST" and not own):
            raise falcon.HTTPForbidden


class Language:
    """``/language/{language}``: remember it in this browser."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response, language: str) -> None:
        """Set the cookie and go back to the start."""
        if language not in LANGUAGES:
            raise falcon.HTTPNotFound
        resp.set_cookie("language", language, path="/", same_site="Lax", secure=False)
        raise falcon.HTTPSeeOther("/")


class Style:
    """``/style.css``."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Send it."""
        resp.content_type = "text/css"
        resp.text = STYLE


def app(
    origin: str, routes: Mapping[str, object], *, leads_to: tuple[str, ...] = ()
) -> falcon.App[falcon.Request, falcon.Response]:
    """The application: the example's routes, its style sheet and the choice of language."""
    made = falcon.App(middleware=[Guard(origin, leads_to)])
    for path, resource in {**routes, "/style.css": Style()}.items():
        made.add_route(path, resource)
    made.add_route("/language/{language}", Language())
    return made


def language_of(req: falcon.Request) -> str:
    """What the browser chose; Vietnamese first."""
    return "en" if req.cookies.get("language") == "en" else "vi"


def form_of(req: falcon.Request) -> dict[str, str]:
    """The form's fields, the first value of each; too long a form is an empty one."""
    body = req.bounded_stream.read(MAX_FORM + 1)
    if len(body) > MAX_FORM:
        return {}
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=64)
    return {name: values[0] for name, values in fields.items()}


def shown(text: str, most: int = 120) -> str:
    """A text as a page may show it: no controls, no direction marks, not endless."""
    normal = unicodedata.normalize("NFC", text)
    clean = "".join(char if char.isprintable() else " " for char in normal)
    clean = " ".join("".join(c for c in clean if unicodedata.category(c) != "Cf").split())
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def session_of(req: falcon.Request, resp: falcon.Response, cookie: str = "session") -> str:
    """The browser's own random name in a cookie, made at the first visit."""
    known = req.cookies.get(cookie, "")
    return known if len(known) == 43 else new_session(resp, cookie)


def new_session(resp: falcon.Response, cookie: str = "session") -> str:
    """A new name for the browser: at its first visit, and whenever somebody has logged in."""
    name = secrets.token_urlsafe(32)
    resp.set_cookie(cookie, name, path="/", same_site="Lax", secure=False, http_only=True)
    return name


def end_on_sigterm() -> None:
    """Let a service manager's SIGTERM end the program as Ctrl-C does: nothing is left behind."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """Request lines may hold codes and states: they are not logged."""

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


def server(host: str, port: int, application: WSGIApplication) -> WSGIServer:
    """A server for one machine; a real service stands behind its own."""
    return make_server(host, port, application, server_class=_Server, handler_class=_Quiet)
