"""One route as Falcon wants it: admitted, answered, counted; a refusal is answered like a success."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

import falcon

from eid.errors import EidError, RequestRefused
from eid.keys import new_name
from eid.oidc.answers import error_page
from eid.oidc.cors import readable
from eid.oidc.errors import json_error
from eid.oidc.http import Request, Response
from eid.oidc.provider import Provider, for_one_request
from eid.oidc.refusals import record_refusal
from eid.oidc.routes import Handler, Route
from eid.oidc.traffic import Metrics, Network, RateLimit
from eid.oidc.wsgi import CORRELATION, address_of, request_of, send

_log = logging.getLogger("eid.oidc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """How requests are admitted and counted: trusted proxies, a limit, and the counters."""

    trusted_proxies: tuple[Network, ...] = ()
    limit: RateLimit = field(default_factory=lambda: RateLimit(0))
    metrics: Metrics = field(default_factory=Metrics)


class Endpoint:
    """A route as Falcon wants it."""

    def __init__(self, provider: Provider, route: Route, traffic: Traffic) -> None:
        self._provider = provider
        self._route = route
        self._traffic = traffic
        self._limited = not route.path.startswith("/health/")

    def on_get(self, req: falcon.Request, resp: falcon.Response, **path: str) -> None:
        """Every method takes the same way."""
        started = time.perf_counter()
        correlation = req.env[CORRELATION] = new_name(self._provider.rng, size=9)
        trusted = self._traffic.trusted_proxies
        request = None
        try:
            self._admit(address_of(req, trusted))
            request = request_of(
                req,
                path,
                max_body=self._route.max_body,
                correlation=correlation,
                trusted=trusted,
            )
            handler = self._handler(req.method)
            provider = self._provider if self._route.static else for_one_request(self._provider)
            answer = handler(provider, request)
        except EidError as error:
            record_refusal(self._provider, self._route.path, error, correlation)
            known = request or Request(
                method=req.method,
                accept_language=req.get_header("Accept-Language") or "",
                correlation=correlation,
            )
            answer = self._error(error, known)
        if self._route.pages and request is not None:
            answer = readable(self._provider, request, answer)
        send(answer, resp)
        seconds = time.perf_counter() - started
        self._traffic.metrics.count(self._route.path, req.method, answer.status, seconds)

    on_head = on_post = on_put = on_delete = on_patch = on_options = on_get

    def _admit(self, address: str) -> None:
        if self._limited and not self._traffic.limit.admits(address, now=time.time()):
            raise RequestRefused("Too many requests; try again later.", code="request.too_many")

    def _handler(self, method: str) -> Handler:
        handler = self._route.handlers.get(method)
        if handler is None:
            raise RequestRefused("This method is not offered here.", code="request.method")
        return handler

    def _error(self, error: EidError, request: Request) -> Response:
        if self._route.api:
            _log.info("refused: %s [%s]", error.code, request.correlation)
            answer = json_error(error, correlation=request.correlation)
        else:
            answer = error_page(self._provider, request, error)
        if error.code != "request.method":
            return answer
        allowed = ("Allow", ", ".join(sorted(self._route.handlers)))
        return Response(
            status=answer.status,
            body=answer.body,
            content_type=answer.content_type,
            headers=(*answer.headers, allowed),
        )
