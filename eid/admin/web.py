"""The counter as a WSGI application: one table says which page needs which permission.

It has an origin of its own, apart from the provider's pages: no cookie, no script and no mistake
there reaches it, and the operator need not put it on the public network.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

import falcon

from eid.admin import doors, people_pages, sessions, visit_pages
from eid.admin.asked import Asked, Problem
from eid.admin.officers import Officer, Permission, check_standing
from eid.admin.pages import LANGUAGE_COOKIE, asset, language_of, render
from eid.admin.site import Counter
from eid.errors import AccountError, EidError, FormatError, RequestRefused
from eid.keys import JwkSet, canonical_json, new_name
from eid.oidc.errors import json_error, status_of
from eid.oidc.faults import unexpected
from eid.oidc.http import MAX_SEALED, Parameters, Request, Response, json_response, see_other
from eid.oidc.ports import AuditEvent
from eid.oidc.traffic import Network, RateLimit
from eid.oidc.wsgi import CORRELATION, Pattern, request_of, send

App: TypeAlias = "falcon.App[falcon.Request, falcon.Response]"
Open: TypeAlias = "Callable[[Counter, Request], Response]"
Guarded: TypeAlias = "Callable[[Counter, Asked], Response]"

_log = logging.getLogger("eid.admin")
MAX_FORM = 64 * 1024
_VISIT, _SECOND, _PERSON = "/visit/{visit_id}", "/second/{visit_id}", "/person/{look}"
OPEN: tuple[tuple[str, str, Open], ...] = (
    ("GET", "/login", doors.login_page),
    ("POST", "/login", doors.login),
    ("POST", "/login/passkey", doors.login_passkey),
    ("GET", "/enrol", doors.enrol_page),
    ("POST", "/enrol", doors.enrol),
    ("POST", "/enrol/passkey", doors.enrol_passkey),
    ("GET", "/recover", doors.recover_page),
    ("POST", "/recover", doors.recover),
    ("GET", "/language/{language}", doors.choose_language),
)
"""Before anybody is known."""
GUARDED: tuple[tuple[str, str, Permission, Guarded], ...] = (
    ("GET", "/", "look", people_pages.home),
    ("POST", "/find", "look", people_pages.find),
    ("GET", _PERSON, "look", people_pages.person),
    ("GET", f"{_PERSON}/log", "print_log", people_pages.log),
    ("POST", f"{_PERSON}/lock", "lock", people_pages.lock),
    ("POST", f"{_PERSON}/unlock", "unlock", people_pages.unlock),
    ("POST", f"{_PERSON}/case", "open_case", people_pages.open_case),
    ("POST", f"{_PERSON}/recovery", "recover", people_pages.recover),
    ("GET", "/cases", "open_case", people_pages.cases),
    ("POST", "/cases/{case_id}/decide", "decide", people_pages.decide),
    ("POST", "/cases/{case_id}/approve", "recover", people_pages.approve),
    ("POST", "/visit", "enrol", visit_pages.begin),
    ("GET", _VISIT, "enrol", visit_pages.show),
    ("POST", f"{_VISIT}/card", "enrol", visit_pages.ask_for_card),
    ("GET", f"{_VISIT}/card/return", "enrol", visit_pages.card_return),
    ("POST", f"{_VISIT}/match", "enrol", visit_pages.match),
    ("POST", f"{_VISIT}/refuse", "enrol", visit_pages.refuse),
    ("POST", f"{_VISIT}/raise", "enrol", visit_pages.raise_account),
    ("POST", f"{_VISIT}/recovery", "recover", visit_pages.recover),
    ("GET", "/second", "second", visit_pages.seconds),
    ("GET", _SECOND, "second", visit_pages.second),
    ("POST", f"{_SECOND}/agree", "second", visit_pages.agree),
)
"""For officers, each by one permission; every POST must come from the counter's own page."""
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Which proxies are believed, and how many requests a minute one address may make."""

    trusted_proxies: tuple[Network, ...] = ()
    limit: RateLimit = field(default_factory=lambda: RateLimit(0))


def create_counter_app(counter: Counter, admission: Admission | None = None) -> App:
    """The counter's WSGI application, to be served at the root of its own origin."""
    admission = admission or Admission()
    app = falcon.App(middleware=[_Headers(secure=counter.settings.secure_cookies)])
    app.req_options.auto_parse_qs_csv = False
    handlers: dict[str, dict[str, Open]] = {}
    for method, path, handler in OPEN:
        handlers.setdefault(path, {})[method] = handler
    for method, path, permission, guarded in GUARDED:
        handlers.setdefault(path, {})[method] = _guard(permission, guarded)
    handlers["/logout"] = {"POST": _logout}
    for path, methods in handlers.items():
        app.add_route(path, _Endpoint(counter, methods, admission))
    api = {
        "/card/evidence": ("POST", _evidence),
        "/jwks": ("GET", _jwks),
        "/health/live": ("GET", _live),
    }
    for path, (method, handler) in api.items():
        app.add_route(path, _Endpoint(counter, {method: handler}, admission, api=True))
    app.add_route("/style.css", _Asset("style.css", "text/css; charset=utf-8"))
    app.add_route("/passkey.js", _Asset("passkey.js", "text/javascript; charset=utf-8"))
    app.add_error_handler(falcon.HTTPError, _not_found(counter))
    app.add_error_handler(Exception, unexpected)
    return app


def _guard(permission: Permission, handler: Guarded) -> Open:
    """Session, role and form first, then the handler."""

    def respond(counter: Counter, request: Request) -> Response:
        at = counter.clock()
        session = sessions.resume(counter, request, at=at)
        if session.officer is None:
            raise AccountError("The officer's session is over.", code="login.expired")
        form = Parameters()
        if request.method == "POST":
            form = sessions.own_form(counter, request, session)
        try:
            account = check_standing(counter.accounts, session.officer, permission, at=at)
        except AccountError as error:
            _record_refusal(counter, session.officer, permission, error)
            raise
        asked = Asked(
            request=request,
            session=session,
            officer=session.officer,
            account=account,
            language=language_of(request),
            at=at,
            form=form,
        )
        return handler(counter, asked)

    return respond


def _record_refusal(
    counter: Counter, officer: Officer, permission: Permission, error: AccountError
) -> None:
    """Somebody tried what his role does not allow."""
    detail = {"permission": permission, "code": error.code}
    refused = AuditEvent(
        kind="officer.refused", at=counter.clock(), account=officer.account_id, detail=detail
    )
    counter.grants.record([refused])


def _logout(counter: Counter, request: Request) -> Response:
    at = counter.clock()
    session = sessions.resume(counter, request, at=at)
    sessions.own_form(counter, request, session)
    sessions.leave(counter, session, at=at)
    return see_other("/login", headers=(sessions.cookie_header(counter.settings, ""),))


def _evidence(counter: Counter, request: Request) -> Response:
    form = request.form(limits=MappingProxyType({"evidence": MAX_SEALED}))
    return visit_pages.receive_evidence(counter, form)


def _jwks(counter: Counter, _request: Request) -> Response:
    """The keys that a card agent needs, and no others."""
    keys = counter.keys
    signing = [key.public_jwk() for key in keys.published]
    return json_response({"keys": [*signing, keys.evidence.public_jwk()]})


def _live(_counter: Counter, _request: Request) -> Response:
    return json_response({"status": "live"})


class _Endpoint:
    """A path as Falcon wants it: every method takes the same way, and errors end here."""

    def __init__(
        self,
        counter: Counter,
        handlers: Mapping[str, Open],
        admission: Admission,
        *,
        api: bool = False,
    ) -> None:
        self._counter = counter
        self._handlers = handlers
        self._admission = admission
        self._api = api

    def on_get(self, req: falcon.Request, resp: falcon.Response, **path: str) -> None:
        """Find the handler, and turn what it raises into a page."""
        correlation = req.env[CORRELATION] = new_name(self._counter.rng, size=9)
        request = Request(method=req.method, correlation=correlation)
        try:
            request = request_of(
                req,
                path,
                max_body=MAX_SEALED if self._api else MAX_FORM,
                correlation=correlation,
                trusted=self._admission.trusted_proxies,
            )
            if not self._admission.limit.admits(request.address, now=time.time()):
                raise RequestRefused("Too many requests.", code="request.too_many")
            handler = self._handlers.get(req.method)
            if handler is None:
                raise RequestRefused("This method is not offered here.", code="request.method")
            answer = handler(self._counter, request)
        except EidError as error:
            _log.info("refused: %s [%s]", error.code, correlation)
            if self._api:
                answer = json_error(error, correlation=correlation)
            else:
                answer = _error_page(request, error)
        send(answer, resp)

    on_head = on_post = on_put = on_delete = on_patch = on_options = on_get


def _error_page(request: Request, error: EidError) -> Response:
    """Back to the log-in when the session is over; else a calm page with a way on."""
    if error.code == "login.expired" and request.method == "GET":
        return see_other("/login")
    language = language_of(request)
    onward = "/login" if error.code == "login.expired" else "/"
    if "visit_id" in request.path and error.code != "counter.appointment":
        onward = f"/visit/{request.path['visit_id']}"
    return render(
        "error.html",
        language,
        status=status_of(error),
        problem=Problem.of(error, language, request.correlation),
        onward=onward,
    )


def _not_found(
    counter: Counter,
) -> Callable[[falcon.Request, falcon.Response, falcon.HTTPError, Mapping[str, object]], None]:
    def handle(
        req: falcon.Request,
        resp: falcon.Response,
        _error: falcon.HTTPError,
        _params: Mapping[str, object],
    ) -> None:
        refused = FormatError("The request cannot be served.", code="request.not_found")
        request = Request(
            method=req.method,
            cookies={LANGUAGE_COOKIE: tuple(req.get_cookie_values(LANGUAGE_COOKIE) or ())},
            correlation=new_name(counter.rng, size=9),
        )
        send(_error_page(request, refused), resp)

    return handle


class _Asset:
    """A file of the program."""

    def __init__(self, name: str, content_type: str) -> None:
        self._name = name
        self._type = content_type

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Send it."""
        resp.content_type = self._type
        resp.data = asset(self._name)
        resp.set_header("Cache-Control", "max-age=3600")


class _Headers(Pattern):
    """What every answer carries unless its page said otherwise."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure

    def process_response(
        self,
        _req: falcon.Request,
        resp: falcon.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001 - Falcon's signature
    ) -> None:
        """Fill in what is missing."""
        for name, value in HEADERS.items():
            if resp.get_header(name) is None:
                resp.set_header(name, value)
        if self._secure:
            resp.set_header("Strict-Transport-Security", "max-age=31536000")
