"""The card agent's pages: Falcon over the protocol of `eid.kiosk.agent` (card login 1-4).

Only POST has effect; every request must name the agent's own address, and every form its page.

>>> from eid.kiosk.settings import AgentSettings, PinnedIssuer
>>> settings = AgentSettings(
...     listen="127.0.0.1:35970", issuers=(PinnedIssuer(issuer="https://id.example.vn"),)
... )
>>> app = create_app(settings)
"""

from __future__ import annotations

import logging
import secrets

import falcon

from eid.errors import (
    EidError,
    RequestRefused,
    Unavailable,
    VerificationError,
)
from eid.kiosk.agent import Again, Agent, Connect
from eid.kiosk.desk import Desk
from eid.kiosk.http import MAX_FORM as MAX_FORM, field_of, form_of, harden, page
from eid.kiosk.origins import origin_of
from eid.kiosk.pages import Pages, Problem
from eid.kiosk.readers import card_connector
from eid.kiosk.request import CardRequest
from eid.kiosk.screen_app import Events
from eid.kiosk.settings import AgentSettings
from eid.kiosk.texts import consent_version, load_texts

_log = logging.getLogger("eid.kiosk")


def create_app(
    settings: AgentSettings,
    *,
    connect: Connect | None = None,
    agent: Agent | None = None,
    desk: Desk | None = None,
) -> falcon.App[falcon.Request, falcon.Response]:
    """The agent as a WSGI app; ``connect`` replaces the reader named in the settings.

    ``desk`` is where reader state and progress are told to the pages.
    """
    desk = desk or Desk()
    agent = agent or Agent(settings, connect=connect or card_connector(settings), desk=desk)
    pages = Pages(load_texts())
    screens = _Screens(pages)
    app = falcon.App(middleware=[_Guard(agent)])
    app.add_route("/card", _Begin(agent, pages))
    app.add_route("/card/{waiting_id}/agree", _Agree(agent, pages, screens))
    app.add_route("/card/{waiting_id}/decline", _Decline(agent, pages))
    app.add_route("/style.css", _Style(pages))
    app.add_route("/live.js", _Script(pages))
    app.add_route("/events", Events(desk))
    app.add_route("/health/live", _Live())
    app.add_error_handler(Exception, screens.crashed)
    app.add_error_handler(falcon.HTTPError, screens.http)
    app.add_error_handler(EidError, screens.failed)
    return app


class _Guard:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        harden(resp)
        self._agent.check_host(req.get_header("Host"))


class _Begin:
    def __init__(self, agent: Agent, pages: Pages) -> None:
        self._agent, self._pages = agent, pages

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        waiting = self._agent.begin(field_of(req, "request"), origin=req.get_header("Origin"))
        page(resp, self._pages.consent(waiting), targets=_targets(waiting.request))


class _Agree:
    def __init__(self, agent: Agent, pages: Pages, screens: _Screens) -> None:
        self._agent, self._pages, self._screens = agent, pages, screens
        self._version = consent_version(pages.texts)

    def on_post(self, req: falcon.Request, resp: falcon.Response, waiting_id: str) -> None:
        self._agent.check_own_origin(req.get_header("Origin"))
        form = form_of(req)
        if form.get("agree") != "yes":
            raise RequestRefused("The person did not agree.", code="agent.no_consent")
        outcome = self._agent.agree(
            waiting_id,
            form.get("form_token", ""),
            form.get("number", ""),
            text_version=self._version,
        )
        if isinstance(outcome, Again):
            problem = self._screens.problem(outcome.error)
            resp.status = falcon.HTTP_422
            html = self._pages.consent(outcome.waiting, problem)
            page(resp, html, targets=_targets(outcome.waiting.request))
        else:
            resp.status = falcon.HTTP_303
            resp.location = outcome.location


class _Decline:
    def __init__(self, agent: Agent, pages: Pages) -> None:
        self._agent, self._pages = agent, pages

    def on_post(self, req: falcon.Request, resp: falcon.Response, waiting_id: str) -> None:
        self._agent.check_own_origin(req.get_header("Origin"))
        self._agent.decline(waiting_id, field_of(req, "form_token"))
        page(resp, self._pages.declined())


class _Style:
    def __init__(self, pages: Pages) -> None:
        self._text = pages.style

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "text/css; charset=utf-8"
        resp.text = self._text


class _Script:
    def __init__(self, pages: Pages) -> None:
        self._text = pages.script

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "text/javascript; charset=utf-8"
        resp.text = self._text


class _Live:
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = "live"


class _Screens:
    """Turns errors into pages; the log gets the code and an id, never what was typed."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def problem(self, error: EidError) -> Problem:
        problem = Problem(code=error.code, correlation=secrets.token_hex(6))
        _log.warning("refused code=%s id=%s", problem.code, problem.correlation)
        return problem

    def failed(
        self, _req: falcon.Request, resp: falcon.Response, error: EidError, _params: object
    ) -> None:
        resp.status = _status(error)
        page(resp, self._pages.error(self.problem(error)))

    def http(
        self, _req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, _params: object
    ) -> None:
        resp.status = error.status
        resp.set_headers(error.headers or {})
        problem = Problem(code=f"http.{error.status_code}", correlation=secrets.token_hex(6))
        page(resp, self._pages.error(problem))

    def crashed(
        self, _req: falcon.Request, resp: falcon.Response, error: Exception, _params: object
    ) -> None:
        problem = Problem(code="error", correlation=secrets.token_hex(6))
        _log.error("defect type=%s id=%s", type(error).__name__, problem.correlation)
        resp.status = falcon.HTTP_500
        page(resp, self._pages.error(problem))


def _status(error: EidError) -> str:
    if isinstance(error, Unavailable):
        return falcon.HTTP_503
    return falcon.HTTP_403 if isinstance(error, VerificationError) else falcon.HTTP_400


def _targets(request: CardRequest) -> tuple[str, ...]:
    origins = (origin_of(request.return_uri), request.client_origin)
    return tuple(origin for origin in origins if origin)
