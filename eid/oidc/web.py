"""The provider as a WSGI application: one table of routes, one place where errors end."""

from __future__ import annotations

import logging
import os
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

import falcon

from eid.errors import EidError, FormatError, RequestRefused, Unavailable
from eid.keys import encode_base64url
from eid.oidc import (
    browser,
    card_login,
    discovery,
    introspection,
    logout,
    pushed,
    revocation,
    token,
    userinfo,
)
from eid.oidc.answers import error_page
from eid.oidc.errors import json_error
from eid.oidc.http import Request, Response, json_response
from eid.oidc.pages import style
from eid.oidc.provider import Provider
from eid.oidc.refusals import record_refusal
from eid.oidc.traffic import METRICS_TYPE, Metrics, Network, RateLimit, is_loopback
from eid.oidc.wsgi import address_of, request_of, send

Handler = Callable[[Provider, Request], Response]
App: TypeAlias = "falcon.App[falcon.Request, falcon.Response]"

_log = logging.getLogger("eid.oidc")
MAX_FORM = 32 * 1024
_FRAMEWORK_CODES = {404: "request.not_found", 405: "request.method"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One path: a handler per method, and whether programs (``api``) or people use it."""

    path: str
    handlers: Mapping[str, Handler]
    api: bool = False
    max_body: int = MAX_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """How requests are admitted and counted: trusted proxies, a limit, and the counters."""

    trusted_proxies: tuple[Network, ...] = ()
    limit: RateLimit = field(default_factory=lambda: RateLimit(0))
    metrics: Metrics = field(default_factory=Metrics)


def create_app(provider: Provider, traffic: Traffic | None = None) -> App:
    """The provider's WSGI application, to be served under the issuer's path."""
    traffic = traffic or Traffic()
    app = falcon.App(middleware=[_Headers(secure=provider.settings.secure_cookies)])
    app.req_options.auto_parse_qs_csv = False
    for route in routes(provider):
        app.add_route(route.path, _Endpoint(provider, route, traffic))
    app.add_route("/metrics", _MetricsPage(traffic))
    app.add_error_handler(falcon.HTTPError, _framework_error(provider))
    app.add_error_handler(Exception, _unexpected)
    return app


def routes(provider: Provider) -> tuple[Route, ...]:
    """Every path that the provider serves."""
    one = "/interaction/{interaction_id}"
    return (
        Route(path="/authorize", handlers={"GET": browser.start, "POST": browser.start}),
        Route(path=one, handlers={"GET": browser.show}),
        Route(path=f"{one}/password", handlers={"POST": browser.password}),
        Route(path=f"{one}/card", handlers={"GET": browser.card}),
        Route(path=f"{one}/card/return", handlers={"GET": browser.card_return}),
        Route(
            path=f"{one}/consent",
            handlers={"GET": browser.consent_page, "POST": browser.consent},
        ),
        Route(path=f"{one}/cancel", handlers={"GET": browser.cancel_page, "POST": browser.cancel}),
        Route(
            path="/card/evidence",
            handlers={"POST": _receive_evidence},
            api=True,
            max_body=card_login.MAX_SEALED,
        ),
        Route(path="/token", handlers={"POST": token.respond}, api=True),
        Route(path="/par", handlers={"POST": pushed.respond}, api=True),
        Route(path="/revoke", handlers={"POST": revocation.respond}, api=True),
        Route(path="/introspect", handlers={"POST": introspection.respond}, api=True),
        Route(path="/logout", handlers={"GET": logout.respond, "POST": logout.respond}),
        Route(path="/logout/confirm", handlers={"POST": logout.confirm}),
        Route(
            path="/userinfo",
            handlers={"GET": userinfo.respond, "POST": userinfo.respond},
            api=True,
        ),
        _static("/.well-known/openid-configuration", discovery.metadata_document(provider)),
        _static("/jwks", discovery.LiveKeysDocument(provider)),
        _static(
            "/style.css",
            discovery.Document(
                body=style(), content_type="text/css; charset=utf-8", max_age_s=3600
            ),
        ),
        Route(path="/health/live", handlers={"GET": _live, "HEAD": _live}, api=True),
        Route(path="/health/ready", handlers={"GET": _ready, "HEAD": _ready}, api=True),
    )


def _static(path: str, document: discovery.Document | discovery.LiveKeysDocument) -> Route:
    def respond(_provider: Provider, request: Request) -> Response:
        return document.respond(request)

    return Route(path=path, handlers={"GET": respond, "HEAD": respond}, api=True)


def _receive_evidence(provider: Provider, request: Request) -> Response:
    form = request.form(limits=MappingProxyType({"evidence": card_login.MAX_SEALED}))
    return json_response({"handle": card_login.receive(provider, form, at=provider.clock())})


def _live(_provider: Provider, _request: Request) -> Response:
    return json_response({"status": "live"})


def _ready(provider: Provider, _request: Request) -> Response:
    if not provider.is_ready():
        raise Unavailable("The provider is not ready.")
    return json_response({"status": "ready"})


class _Endpoint:
    """A route as Falcon wants it."""

    def __init__(self, provider: Provider, route: Route, traffic: Traffic) -> None:
        self._provider = provider
        self._route = route
        self._traffic = traffic

    def on_get(self, req: falcon.Request, resp: falcon.Response, **path: str) -> None:
        """Every method takes the same way."""
        started = time.perf_counter()
        correlation = encode_base64url(self._provider.rng(9))
        trusted = self._traffic.trusted_proxies
        try:
            self._admit(address_of(req, trusted))
            request = request_of(
                req,
                path,
                max_body=self._route.max_body,
                correlation=correlation,
                trusted=trusted,
            )
            answer = self._handler(req.method)(self._provider, request)
        except EidError as error:
            record_refusal(self._provider, self._route.path, error, correlation)
            answer = self._error(error, req.method, correlation)
        send(answer, resp)
        seconds = time.perf_counter() - started
        self._traffic.metrics.count(self._route.path, req.method, answer.status, seconds)

    on_head = on_post = on_put = on_delete = on_patch = on_options = on_get

    def _admit(self, address: str) -> None:
        limited = not self._route.path.startswith("/health/")
        if limited and not self._traffic.limit.admits(address, now=time.time()):
            raise RequestRefused("Too many requests; try again later.", code="request.too_many")

    def _handler(self, method: str) -> Handler:
        handler = self._route.handlers.get(method)
        if handler is None:
            raise RequestRefused("This method is not offered here.", code="request.method")
        return handler

    def _error(self, error: EidError, method: str, correlation: str) -> Response:
        if self._route.api:
            _log.info("refused: %s [%s]", error.code, correlation)
            answer = json_error(error, correlation=correlation)
        else:
            named = Request(method=method, correlation=correlation)
            answer = error_page(self._provider, named, error)
        if error.code != "request.method":
            return answer
        allowed = ("Allow", ", ".join(sorted(self._route.handlers)))
        return Response(
            status=answer.status,
            body=answer.body,
            content_type=answer.content_type,
            headers=(*answer.headers, allowed),
        )


class _MetricsPage:
    """Counters, for this machine only: a collector runs beside the provider."""

    def __init__(self, traffic: Traffic) -> None:
        self._metrics = traffic.metrics

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """``GET /metrics``; 404 for everybody who comes over the network or through a proxy."""
        if not is_loopback(req.remote_addr) or req.get_header("X-Forwarded-For"):
            raise falcon.HTTPNotFound
        resp.content_type = METRICS_TYPE
        resp.data = self._metrics.render(worker=os.getpid()).encode()


class _Headers:
    """What every answer carries unless its endpoint said otherwise (row O-043)."""

    def __init__(self, *, secure: bool) -> None:
        self._fixed = {
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        if secure:
            self._fixed["Strict-Transport-Security"] = "max-age=31536000"

    def process_response(
        self,
        _req: falcon.Request,
        resp: falcon.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001 - Falcon's signature
    ) -> None:
        """Fill in what is missing."""
        for name, value in self._fixed.items():
            if resp.get_header(name) is None:
                resp.set_header(name, value)


def _framework_error(
    provider: Provider,
) -> Callable[[falcon.Request, falcon.Response, falcon.HTTPError, Mapping[str, object]], None]:
    """Unknown paths and malformed requests, which Falcon refuses before any route."""

    def handle(
        req: falcon.Request,
        resp: falcon.Response,
        error: falcon.HTTPError,
        _params: Mapping[str, object],
    ) -> None:
        code = _FRAMEWORK_CODES.get(error.status_code, "request.malformed")
        refused = FormatError("The request cannot be served.", code=code)
        request = Request(method=req.method, correlation=encode_base64url(provider.rng(9)))
        send(error_page(provider, request, refused), resp)

    return handle


def _unexpected(
    _req: falcon.Request,
    resp: falcon.Response,
    error: Exception,
    _params: Mapping[str, object],
) -> None:
    """A fault of ours: the log gets the place, never values; the caller gets 500."""
    places = " < ".join(
        f"{frame.name}:{frame.lineno}"
        for frame in reversed(traceback.extract_tb(error.__traceback__))
    )
    _log.error("fault: %s at %s", type(error).__name__, places)
    resp.status = 500
    resp.content_type = "text/plain; charset=utf-8"
    resp.text = "Có lỗi xảy ra. / Something went wrong."
