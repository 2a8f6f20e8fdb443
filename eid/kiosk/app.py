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
from urllib.parse import parse_qs

import falcon

from eid.errors import (
    EidError,
    FormatError,
    RequestRefused,
    Unavailable,
    VerificationError,
)
from eid.kiosk.agent import Again, Agent, Connect
from eid.kiosk.origins import origin_of
from eid.kiosk.pages import Pages, Problem
from eid.kiosk.readers import card_connector
from eid.kiosk.request import CardRequest
from eid.kiosk.settings import AgentSettings
from eid.kiosk.texts import consent_version, load_texts

_log = logging.getLogger("eid.kiosk")
MAX_FORM = 16 * 1024
_FORM = "application/x-www-form-urlencoded"


def create_app(
    settings: AgentSettings, *, connect: Connect | None = None, agent: Agent | None = None
) -> falcon.App[falcon.Request, falcon.Response]:
    """The agent as a WSGI app; ``connect`` replaces the reader named in the settings."""
    agent = agent or Agent(settings, connect=connect or card_connector(settings))
    pages = Pages(load_texts())
    screens = _Screens(pages)
    app = falcon.App(middleware=[_Guard(agent)])
    app.add_route("/card", _Begin(agent, pages))
    app.add_route("/card/{waiting_id}/agree", _Agree(agent, pages, screens))
    app.add_route("/card/{waiting_id}/decline", _Decline(agent, pages))
    app.add_route("/style.css", _Style(pages))
    app.add_route("/health/live", _Live())
    app.add_error_handler(Exception, screens.crashed)
    app.add_error_handler(falcon.HTTPError, screens.http)
    app.add_error_handler(EidError, screens.failed)
    return app


class _Guard:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        _harden(resp)
        self._agent.check_host(req.get_header("Host"))


class _Begin:
    def __init__(self, agent: Agent, pages: Pages) -> None:
        self._agent, self._pages = agent, pages

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        waiting = self._agent.begin(_field(req, "request"), origin=req.get_header("Origin"))
        _page(resp, self._pages.consent(waiting), request=waiting.request)


class _Agree:
    def __init__(self, agent: Agent, pages: Pages, screens: _Screens) -> None:
        self._agent, self._pages, self._screens = agent, pages, screens
        self._version = consent_version(pages.texts)

    def on_post(self, req: falcon.Request, resp: falcon.Response, waiting_id: str) -> None:
        self._agent.check_own_origin(req.get_header("Origin"))
        form = _form(req)
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
            page = self._pages.consent(outcome.waiting, problem)
            _page(resp, page, request=outcome.waiting.request)
        else:
            resp.status = falcon.HTTP_303
            resp.location = outcome.location


class _Decline:
    def __init__(self, agent: Agent, pages: Pages) -> None:
        self._agent, self._pages = agent, pages

    def on_post(self, req: falcon.Request, resp: falcon.Response, waiting_id: str) -> None:
        self._agent.check_own_origin(req.get_header("Origin"))
        self._agent.decline(waiting_id, _field(req, "form_token"))
        _page(resp, self._pages.declined())


class _Style:
    def __init__(self, pages: Pages) -> None:
        self._text = pages.style

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "text/css; charset=utf-8"
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
        _page(resp, self._pages.error(self.problem(error)))

    def http(
        self, _req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, _params: object
    ) -> None:
        resp.status = error.status
        resp.set_headers(error.headers or {})
        problem = Problem(code=f"http.{error.status_code}", correlation=secrets.token_hex(6))
        _page(resp, self._pages.error(problem))

    def crashed(
        self, _req: falcon.Request, resp: falcon.Response, error: Exception, _params: object
    ) -> None:
        problem = Problem(code="error", correlation=secrets.token_hex(6))
        _log.error("defect type=%s id=%s", type(error).__name__, problem.correlation)
        resp.status = falcon.HTTP_500
        _page(resp, self._pages.error(problem))


def _status(error: EidError) -> str:
    if isinstance(error, Unavailable):
        return falcon.HTTP_503
    return falcon.HTTP_403 if isinstance(error, VerificationError) else falcon.HTTP_400


def _form(req: falcon.Request) -> dict[str, str]:
    if (req.content_type or "").partition(";")[0].strip().lower() != _FORM:
        raise FormatError("The form is not URL-encoded.", code="agent.form")
    body = req.bounded_stream.read(MAX_FORM + 1)
    if len(body) > MAX_FORM:
        raise FormatError("The form is too long.", code="agent.form")
    try:
        fields = parse_qs(
            body.decode("utf-8"), keep_blank_values=True, strict_parsing=True, max_num_fields=8
        )
    except ValueError as e:
        raise FormatError("The form is malformed.", code="agent.form") from e
    if any(len(values) != 1 for values in fields.values()):
        raise FormatError("The form repeats a field.", code="agent.form")
    return {name: values[0] for name, values in fields.items()}


def _field(req: falcon.Request, name: str) -> str:
    value = _form(req).get(name)
    if value is None:
        raise FormatError(f"The form lacks {name}.", code="agent.form")
    return value


def _page(resp: falcon.Response, html: str, *, request: CardRequest | None = None) -> None:
    resp.content_type = "text/html; charset=utf-8"
    resp.text = html
    _harden(resp, request)


def _harden(resp: falcon.Response, request: CardRequest | None = None) -> None:
    # Browsers hold the redirect after a form against form-action, so where the answer leads
    # belongs into the policy beside the agent itself.
    targets = ["'self'"]
    if request is not None:
        origins = (origin_of(request.return_uri), request.client_origin)
        targets += [origin for origin in origins if origin]
    resp.set_headers(
        {
            "Cache-Control": "no-store",
            "Content-Security-Policy": (
                "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
                f"form-action {' '.join(targets)}"
            ),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
    )
