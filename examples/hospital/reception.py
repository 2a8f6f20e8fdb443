"""The receptionist's page: four ways in, then the visit, its insurance, and who came before."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import falcon

import eid
from eid.chip.access import personal_number
from eid.chip.transport import Transport
from eid.errors import EidError, FormatError
from eid.qr.presence import Asked
from eid.qr.question import write_question
from eid.qr.render import render_png

from ..kit.pages import Site, app, form_of, session_of, shown
from .checkin import WITHOUT_NUMBER, CheckIn

if TYPE_CHECKING:
    from .book import Visit

Reader = Callable[[str], Transport]
"""Waits for a card that is put down from now on, and connects to it; the argument is its number."""
LATEST = 12
MAX_ASKED = 1000


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Reception:
    """One desk: its reader, its clerk, the check-in behind it."""

    checkin: CheckIn
    reader: Reader
    clerk: str
    clock: Callable[[], datetime] = _now
    site: Site = field(default_factory=lambda: Site(Path(__file__).parent))
    asked: dict[str, Asked] = field(default_factory=dict, repr=False)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """``/``: the four ways, and the last visits."""
        self._home(req, resp)

    def on_post_card(self, req: falcon.Request, resp: falcon.Response) -> None:
        """``/card``: read the chip, with the person's consent, for our own challenge."""
        form = form_of(req)

        def check_in() -> Visit:
            if form.get("consent") != "yes":
                raise FormatError("The person did not agree.", code="hospital.consent")
            number = personal_number(form.get("number", "").split("|", 1)[0].replace(" ", ""))
            challenge = self.checkin.challenge()
            with closing(self.reader(number)) as card:
                evidence = eid.read(
                    card,
                    eid.can_from_number(number),
                    plan=eid.PLANS["kiosk"],
                    challenge=challenge,
                    at=self.clock(),
                )
            return self.checkin.by_card(
                evidence, challenge, number, by=self.clerk, at=self.clock()
            )

        self._check_in(req, resp, check_in)

    def on_post_printed(self, req: falcon.Request, resp: falcon.Response) -> None:
        """``/printed``: what the scanner typed."""
        text = form_of(req).get("code", "")
        self._check_in(
            req, resp, lambda: self.checkin.by_printed(text, by=self.clerk, at=self.clock())
        )

    def on_post_without(self, req: falcon.Request, resp: falcon.Response) -> None:
        """``/without``: a newborn, a patient without papers, an emergency."""
        form = form_of(req)

        def check_in() -> Visit:
            kind, name = form.get("kind", ""), shown(form.get("name", ""))
            if kind not in WITHOUT_NUMBER or (kind != "emergency" and not name):
                raise FormatError("Nothing was written down.", code="hospital.declared")
            return self.checkin.without_number(kind, name, by=self.clerk, at=self.clock())

        self._check_in(req, resp, check_in)

    def on_get_presence(self, req: falcon.Request, resp: falcon.Response) -> None:
        """``/presence``: show a question as a QR code, and wait for the answer's scan."""
        self._ask(req, resp)

    def on_post_presence(self, req: falcon.Request, resp: falcon.Response) -> None:
        """``/presence``: the scanned answer to this browser's own question, once."""
        asked = self.asked.pop(session_of(req, resp), None)
        text = form_of(req).get("code", "")

        def check_in() -> Visit:
            if asked is None:
                raise FormatError("Nothing was asked here.", code="hospital.not_asked")
            return self.checkin.by_presence(text, asked, by=self.clerk, at=self.clock())

        self._check_in(req, resp, check_in)

    def on_get_visit(self, req: falcon.Request, resp: falcon.Response, visit_id: str) -> None:
        """``/visit/{visit_id}``."""
        self._visit(req, resp, visit_id)

    def on_post_visit(self, req: falcon.Request, resp: falcon.Response, visit_id: str) -> None:
        """``/visit/{visit_id}``: the insurance card that the patient showed on paper."""
        try:
            self.checkin.settle(visit_id, shown(form_of(req).get("card", ""), most=32))
        except KeyError as error:
            raise falcon.HTTPNotFound from error
        except EidError as error:
            self._visit(req, resp, visit_id, error)
            return
        raise falcon.HTTPSeeOther(f"/visit/{visit_id}")

    def on_post_introduce(self, req: falcon.Request, resp: falcon.Response, visit_id: str) -> None:
        """``/visit/{visit_id}/introduce``: next time a code on the screen will do."""
        asked = self.asked.pop(session_of(req, resp), None)
        try:
            if asked is None:
                raise FormatError("Nothing was asked here.", code="hospital.not_asked")
            visit = self.checkin.book.visit(visit_id)
            text = form_of(req).get("code", "")
            self.checkin.introduce(text, asked, visit, at=self.clock())
        except KeyError as error:
            raise falcon.HTTPNotFound from error
        except EidError as error:
            self._visit(req, resp, visit_id, error)
            return
        raise falcon.HTTPSeeOther(f"/visit/{visit_id}")

    def on_get_introduce(self, req: falcon.Request, resp: falcon.Response, visit_id: str) -> None:
        """``/visit/{visit_id}/introduce``: the question for it."""
        self._ask(req, resp, f"/visit/{visit_id}/introduce")

    def on_post_retry(self, _req: falcon.Request, _resp: falcon.Response) -> None:
        """``/retry``: ask the portal again for everybody who waits."""
        self.checkin.retry(at=self.clock())
        raise falcon.HTTPSeeOther("/")

    def _check_in(
        self, req: falcon.Request, resp: falcon.Response, how: Callable[[], Visit]
    ) -> None:
        """Accept the visit first, then ask for the insurance; or say what to do instead."""
        try:
            visit = how()
        except EidError as error:
            self._home(req, resp, error)
            return
        self.checkin.look_up(visit, at=self.clock())
        raise falcon.HTTPSeeOther(f"/visit/{visit.id}")

    def _home(
        self, req: falcon.Request, resp: falcon.Response, error: EidError | None = None
    ) -> None:
        book = self.checkin.book
        latest = [(visit, book.by_id(visit.patient)) for visit in book.latest(LATEST)]
        resp.status = 400 if error else 200
        self.site.page(
            req,
            resp,
            "home.html",
            clerk=self.clerk,
            latest=latest,
            pending=len(book.pending()),
            kinds=tuple(WITHOUT_NUMBER),
            problem=self._problem(req, error),
        )

    def _visit(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit_id: str,
        error: EidError | None = None,
    ) -> None:
        try:
            visit = self.checkin.book.visit(visit_id)
        except KeyError as missing:
            raise falcon.HTTPNotFound from missing
        resp.status = 400 if error else 200
        self.site.page(
            req,
            resp,
            "visit.html",
            visit=visit,
            patient=self.checkin.book.by_id(visit.patient),
            problem=self._problem(req, error),
        )

    def _ask(self, req: falcon.Request, resp: falcon.Response, action: str = "/presence") -> None:
        asked = self.checkin.ask_presence()
        self.asked[session_of(req, resp)] = asked
        while len(self.asked) > MAX_ASKED:
            self.asked.pop(next(iter(self.asked)))
        picture = base64.b64encode(render_png(write_question(asked), module_px=6)).decode()
        self.site.page(req, resp, "presence.html", picture=picture, action=action)

    def _problem(self, req: falcon.Request, error: EidError | None) -> dict[str, str] | None:
        if error is None:
            return None
        return {"words": self.site.say(req, error.code), "code": error.code}


def create_app(
    reception: Reception, *, origin: str
) -> falcon.App[falcon.Request, falcon.Response]:
    """The reception as a WSGI application."""
    made = app(origin, {"/": reception})
    for name in ("card", "printed", "without", "presence", "retry"):
        made.add_route(f"/{name}", reception, suffix=name)
    made.add_route("/visit/{visit_id}", reception, suffix="visit")
    made.add_route("/visit/{visit_id}/introduce", reception, suffix="introduce")
    return made
