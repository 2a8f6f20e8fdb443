"""A browser without a screen: pages, forms, cookies and the rules that matter for logins.

It keeps cookies by host (ports are not separated, as in real browsers), honours ``Path`` and
``SameSite``, sends ``Origin`` as Chromium does under each ``Referrer-Policy``, and refuses a form
post, or a redirect that follows one, which the page's ``form-action`` does not allow. A flow that
passes here and fails in Chromium is a bug of this file.

>>> page = Page(url="http://127.0.0.1:1/", status=200, headers={},
...             text='<form method=post action="/in"><input name=a value=1></form>')
>>> page.form().action, page.form().fields
('http://127.0.0.1:1/in', {'a': '1'})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import Morsel, SimpleCookie
from urllib.parse import urljoin, urlsplit

import requests

_MAX_REDIRECTS = 10
_TIMEOUT_S = 60
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class BlockedByPolicy(AssertionError):
    """The page's own Content-Security-Policy forbids what the test tried to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form of a page: absolute ``action``, lower-case ``method``, prefilled ``fields``."""

    action: str
    method: str
    fields: Mapping[str, str] = field(repr=False)
    types: Mapping[str, str] = field(repr=False)
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a navigation ended at."""

    url: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    text: str = field(repr=False)

    @property
    def forms(self) -> tuple[Form, ...]:
        """All forms, in the order of the page."""
        return tuple(_parse(self).forms)

    @property
    def links(self) -> Mapping[str, str]:
        """Absolute address of every link by its ``id``, or by its text where it has none."""
        return _parse(self).links

    @property
    def error_code(self) -> str | None:
        """The stable code an error page shows in ``<code id="error-code">``."""
        return self.codes.get("error-code")

    @property
    def codes(self) -> Mapping[str, str]:
        """The text of every ``<code>`` element that has an ``id``."""
        return _parse(self).codes

    def form(self, form_id: str | None = None) -> Form:
        """The only form of the page, or the one with this ``id``."""
        found = [form for form in self.forms if form_id in (None, form.id)]
        if len(found) != 1:
            raise LookupError(f"{len(found)} forms fit on {urlsplit(self.url).path}")
        return found[0]


class Browser:
    """One person's browser: ``open`` a page, ``follow`` a link, ``submit`` a form."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], Morsel[str]] = {}

    def open(self, url: str) -> Page:
        """Navigate to ``url`` as if it were typed."""
        return self._navigate("GET", url, None, initiator=None)

    def follow(self, page: Page, url: str) -> Page:
        """Click a link of ``page``."""
        return self._navigate("GET", urljoin(page.url, url), None, initiator=page)

    def submit(self, page: Page, form: Form, **values: str) -> Page:
        """Submit ``form`` of ``page`` with the given field values over the prefilled ones."""
        self._check_form_action(page, form.action)
        fields = {**form.fields, **values}
        if form.method == "get":
            query = requests.Request("GET", form.action, params=fields).prepare().url or ""
            return self._navigate("GET", query, None, initiator=page)
        return self._navigate("POST", form.action, fields, initiator=page)

    def _navigate(
        self, method: str, url: str, body: Mapping[str, str] | None, *, initiator: Page | None
    ) -> Page:
        submitted_by = initiator if method == "POST" else None
        for _ in range(_MAX_REDIRECTS):
            answer = requests.request(
                method,
                url,
                data=body,
                headers=self._headers(method, url, initiator),
                allow_redirects=False,
                timeout=_TIMEOUT_S,
            )
            self._store(url, answer)
            if answer.status_code not in _REDIRECTS:
                return Page(
                    url=url,
                    status=answer.status_code,
                    headers={name.lower(): value for name, value in answer.headers.items()},
                    text=answer.text,
                )
            if answer.status_code not in (307, 308):
                method, body = "GET", None
            url = urljoin(url, answer.headers["Location"])
            if submitted_by is not None:
                self._check_form_action(submitted_by, url)
        raise LookupError("too many redirects")

    def _headers(self, method: str, url: str, initiator: Page | None) -> dict[str, str]:
        headers = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "vi,en;q=0.8"}
        pairs = [
            f"{morsel.key}={morsel.value}"
            for (host, path, _), morsel in self._cookies.items()
            if host == _host(url) and _path_fits(urlsplit(url).path, path)
            if _may_cross(morsel, method) or initiator is None or _same_site(initiator.url, url)
        ]
        if pairs:
            headers["Cookie"] = "; ".join(pairs)
        if method == "POST" and initiator is not None:
            headers["Origin"] = _origin_header(initiator, url)
        return headers

    def _store(self, url: str, answer: requests.Response) -> None:
        for line in answer.raw.headers.getlist("Set-Cookie"):
            for morsel in SimpleCookie(line).values():
                key = (_host(url), morsel["path"] or "/", morsel.key)
                if morsel["max-age"] == "0":
                    self._cookies.pop(key, None)
                else:
                    self._cookies[key] = morsel

    @staticmethod
    def _check_form_action(page: Page, url: str) -> None:
        policy = page.headers.get("content-security-policy", "")
        for directive in policy.split(";"):
            name, _, sources_text = directive.strip().partition(" ")
            if name != "form-action":
                continue
            sources = sources_text.split()
            allowed = {_origin(page.url) if source == "'self'" else source for source in sources}
            if _origin(url) not in allowed:
                raise BlockedByPolicy(f"form-action does not allow {_origin(url)}")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _same_site(one: str, other: str) -> bool:
    return (urlsplit(one).scheme, _host(one)) == (urlsplit(other).scheme, _host(other))


def _path_fits(request_path: str, cookie_path: str) -> bool:
    return request_path == cookie_path or request_path.startswith(cookie_path.rstrip("/") + "/")


def _may_cross(morsel: Morsel[str], method: str) -> bool:
    same_site = morsel["samesite"].lower()
    return same_site == "none" or (same_site in ("", "lax") and method == "GET")


def _origin_header(initiator: Page, url: str) -> str:
    """What Chromium sends with a form post under the initiator's Referrer-Policy."""
    policy = initiator.headers.get("referrer-policy", "strict-origin-when-cross-origin")
    same_origin = _origin(initiator.url) == _origin(url)
    sent = policy != "no-referrer" if same_origin else policy in ("origin", "unsafe-url")
    return _origin(initiator.url) if sent else "null"


class _Parser(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self._fields: dict[str, str] | None = None
        self._types: dict[str, str] = {}
        self._text_of: str | None = None
        self._href = ""
        self._text = ""
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.codes: dict[str, str] = {}
        self._code_id = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields, self._types = {}, {}
            self.forms.append(
                Form(
                    action=urljoin(self._page.url, values.get("action", "")),
                    method=values.get("method", "get").lower(),
                    fields=self._fields,
                    types=self._types,
                    id=values.get("id", ""),
                )
            )
        elif tag in ("input", "button") and self._fields is not None:
            self._input(values)
        elif tag == "a" and "href" in values:
            self._text_of, self._text = values.get("id") or "a", ""
            self._href = urljoin(self._page.url, values["href"])
        elif tag == "code":
            self._code_id, self._text = values.get("id", ""), ""

    def _input(self, values: Mapping[str, str]) -> None:
        name, kind = values.get("name", ""), values.get("type", "text")
        if self._fields is None or not name or kind == "submit":
            return
        self._types[name] = kind
        if kind != "checkbox" or "checked" in values:
            self._fields[name] = values.get("value", "")

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._fields = None
        elif tag == "a" and self._text_of is not None:
            name = self._text.strip() if self._text_of == "a" else self._text_of
            self.links[name] = self._href
            self._text_of = None
        elif tag == "code" and self._code_id:
            self.codes[self._code_id] = self._text.strip()
            self._code_id = ""


def _parse(page: Page) -> _Parser:
    parser = _Parser(page)
    parser.feed(page.text)
    parser.close()
    return parser
