"""Serve the verifier page on loopback, or write it out for a static https host (contracts §9).

>>> from wsgiref.util import setup_testing_defaults
>>> environ = {"PATH_INFO": "/icon.svg"}
>>> setup_testing_defaults(environ)
>>> answer = create_site(b"{}", {})(environ, lambda status, headers: print(status))
200 OK

Every answer carries the page's content policy: own scripts and WebAssembly only, no other host.
The list files change while the page runs, so each is asked for anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from eid.errors import EidError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PAGE: Final = Path(__file__).parent / "page"
CONFIG_PATH: Final = "config.json"
TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".png": "image/png",
        ".svg": "image/svg+xml",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
    }
)
_NOTICES = {"LICENSE", "LICENSE-zxing-cpp", "SOURCES.md"}
_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]+)"')

ListSource = Callable[[], bytes]
"""Gives the list as it is now; raises `EidError` or OSError while it cannot be had."""


def page_files() -> Mapping[str, bytes]:
    """The page's files by path below its folder; licences and provenance go along."""
    return {
        path.relative_to(PAGE).as_posix(): path.read_bytes()
        for path in sorted(PAGE.rglob("*"))
        if path.is_file() and (path.suffix in TYPES or path.name in _NOTICES)
    }


def content_policy() -> str:
    """The page's own Content-Security-Policy, and nobody may frame it."""
    match = _POLICY.search((PAGE / "index.html").read_text(encoding="utf-8"))
    if match is None:
        raise RuntimeError("the page says no content policy")
    return f"{match[1]}; frame-ancestors 'none'"


def create_site(config: bytes, lists: Mapping[str, ListSource]) -> WSGIApplication:
    """A WSGI application for the page, its ``config.json`` and the *lists* by path.

    Hosts other than loopback get 421: no foreign name can be pointed at this machine.
    """
    files = page_files()
    headers = _headers()

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", "/")).removeprefix("/") or "index.html"
        if environ.get("REQUEST_METHOD") not in {"GET", "HEAD"}:
            return _answer(start, "405 Method Not Allowed", headers, b"")
        if not _is_loopback(str(environ.get("HTTP_HOST", ""))):
            return _answer(start, "421 Misdirected Request", headers, b"")
        if path in files:
            body, kind = files[path], TYPES.get(Path(path).suffix, "text/plain; charset=utf-8")
        elif path == CONFIG_PATH:
            body, kind = config, TYPES[".json"]
        elif path in lists:
            try:
                body, kind = lists[path](), "application/octet-stream"
            except (EidError, OSError):
                return _answer(start, "503 Service Unavailable", headers, b"")
        else:
            return _answer(start, "404 Not Found", headers, b"")
        return _answer(start, "200 OK", [*headers, ("Content-Type", kind)], body)

    return application


def export_site(folder: Path, config: bytes, lists: Mapping[str, ListSource]) -> int:
    """Write everything below *folder* for a static https host; returns the bytes written.

    Renew the lists and ``config.json`` there by exporting again. OSError when that fails.
    """
    contents = {**page_files(), CONFIG_PATH: config}
    contents.update({path: source() for path, source in lists.items()})
    for path, data in contents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return sum(map(len, contents.values()))


def _headers() -> list[tuple[str, str]]:
    return [
        ("Content-Security-Policy", content_policy()),
        ("Permissions-Policy", "camera=(self), microphone=(), geolocation=()"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cache-Control", "no-cache"),
    ]


def _answer(
    start: StartResponse, status: str, headers: list[tuple[str, str]], body: bytes
) -> Iterable[bytes]:
    start(status, [*headers, ("Content-Length", str(len(body)))])
    return [body]


def _is_loopback(host: str) -> bool:
    return re.fullmatch(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?", host) is not None
