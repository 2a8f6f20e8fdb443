"""The visit's pages over HTTP: one screen at ``/``, acts posted to ``/do/…``, live events.

A form is good for the screen that it stood on, once; an old one leads back to the screen as it
is now. Without scripts the pages refresh by themselves.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType

import falcon

from eid.errors import RequestRefused
from eid.kiosk.desk import Desk
from eid.kiosk.http import form_of, page
from eid.kiosk.kiosk import Kiosk
from eid.kiosk.screen_pages import ScreenPages

MAX_STREAMS = 8
STREAM_S = 50.0
_BEAT_S = 10.0
_KINDS = frozenset({"no_card", "newborn", "emergency"})
_Fields = Mapping[str, str]
CheckOrigin = Callable[[str | None], None]


def add_screens(
    app: falcon.App[falcon.Request, falcon.Response],
    kiosk: Kiosk,
    pages: ScreenPages,
    *,
    check_origin: CheckOrigin,
    clock: Callable[[], datetime],
) -> None:
    """Serve the visits of a kiosk beside the card logins."""
    app.add_route("/", _Screen(kiosk.desk, pages))
    app.add_route("/stay", Stay(kiosk.desk, check_origin))
    app.add_route("/do/{act}", _Act(kiosk, pages, check_origin, clock))


class _Screen:
    def __init__(self, desk: Desk, pages: ScreenPages) -> None:
        self._desk, self._pages = desk, pages

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        self._desk.tick()
        session, live, form_token = self._desk.look()
        html = self._pages.render(
            session, live, form_token=form_token, language=self._desk.language
        )
        page(resp, html)


class _Act:
    """Every act of a person, by name."""

    def __init__(
        self,
        kiosk: Kiosk,
        pages: ScreenPages,
        check_origin: CheckOrigin,
        clock: Callable[[], datetime],
    ) -> None:
        self._kiosk, self._pages = kiosk, pages
        self._check_origin, self._clock = check_origin, clock
        self._acts: Mapping[str, Callable[[str, _Fields], object]] = MappingProxyType(
            {
                "agree": self._agree,
                "portrait": self._portrait,
                "number": lambda token, form: kiosk.number(token, form.get("number", "")),
                "again": lambda token, _form: kiosk.again(token),
                "sign_in": lambda token, form: kiosk.sign_in(
                    token, form.get("username", ""), form.get("password", "")
                ),
                "manual": self._manual,
                "note": self._note,
                "language": self._language,
                **{name: self._plain(name) for name in _PLAIN},
            }
        )

    def on_post(self, req: falcon.Request, resp: falcon.Response, act: str) -> None:
        self._check_origin(req.get_header("Origin"))
        run = self._acts.get(act)
        if run is None:
            raise falcon.HTTPNotFound
        form = form_of(req)
        self._kiosk.desk.tick()
        try:
            run(form.get("form_token", ""), form)
        except RequestRefused as error:
            if error.code not in {"agent.form_used", "kiosk.step"}:
                raise
        resp.status = falcon.HTTP_303
        resp.location = "/"

    def _plain(self, name: str) -> Callable[[str, _Fields], object]:
        return lambda token, _form: self._kiosk.desk.step(token, name)

    def _agree(self, token: str, form: _Fields) -> None:
        if form.get("agree") != "yes":
            raise RequestRefused("The person did not agree.", code="agent.no_consent")
        consent = self._pages.consent(self._kiosk.desk.language, at=self._clock())
        self._kiosk.agree(token, consent, ask_portrait=self._pages.terms.portrait)

    def _portrait(self, token: str, form: _Fields) -> None:
        yes = form.get("answer") == "yes"
        language, at = self._kiosk.desk.language, self._clock()
        self._kiosk.portrait(token, self._pages.portrait_consent(language, at=at) if yes else None)

    def _manual(self, token: str, form: _Fields) -> None:
        if form.get("kind") not in _KINDS:
            raise RequestRefused("There is no such visit.", code="kiosk.step")
        self._kiosk.desk.step(token, "manual", kind=form["kind"])

    def _note(self, token: str, form: _Fields) -> None:
        names = ("name", "born", "mother", "note")
        self._kiosk.note(token, {name: form[name] for name in names if name in form})

    def _language(self, token: str, form: _Fields) -> None:
        if form.get("language") in self._pages.languages:
            self._kiosk.desk.speak(token, form["language"])


_PLAIN = ("begin", "decline", "over", "help", "clerk", "sign_out")


class Stay:
    """``POST /stay``: somebody is typing or touching, so the screen is not wiped yet."""

    def __init__(self, desk: Desk, check_origin: CheckOrigin) -> None:
        self._desk, self._check_origin = desk, check_origin

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Nothing but the idle time begins anew."""
        self._check_origin(req.get_header("Origin"))
        self._desk.touch()
        resp.status = falcon.HTTP_204


class Events:
    """``GET /events``: the live state as server-sent events, now and at each change, for a minute.

    Pages of other sites get nothing, not even a place.
    """

    def __init__(self, desk: Desk, *, stream_s: float = STREAM_S, beat_s: float = _BEAT_S) -> None:
        self._desk = desk
        self._stream_s, self._beat_s = stream_s, beat_s
        self._places = threading.BoundedSemaphore(MAX_STREAMS)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Stream; 503 when too many listen already, and the page comes again by itself."""
        if req.get_header("Sec-Fetch-Site") not in {None, "same-origin", "none"}:
            raise falcon.HTTPForbidden
        if not self._places.acquire(blocking=False):
            raise falcon.HTTPServiceUnavailable
        resp.content_type = "text/event-stream; charset=utf-8"
        resp.stream = _Stream(self._lines(), self._places.release)

    def _lines(self) -> Iterator[bytes]:
        yield b"retry: 1000\n\n"
        live, told = self._desk.live, 0
        limit = time.monotonic() + self._stream_s
        while time.monotonic() < limit:
            if live.version == told:
                yield b": beat\n\n"
            else:
                told = live.version
                data = json.dumps(asdict(live), separators=(",", ":"))
                yield f"event: live\nid: {told}\ndata: {data}\n\n".encode()
            live = self._desk.wait(told, self._beat_s)


class _Stream:
    """An iterator that gives its place back however it ends."""

    def __init__(self, lines: Iterator[bytes], release: Callable[[], None]) -> None:
        self._lines, self._release = lines, release
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._lines
        finally:
            self.close()

    def close(self) -> None:
        """WSGI servers call this when the browser has gone."""
        if self._open:
            self._open = False
            self._release()

    __del__ = close
