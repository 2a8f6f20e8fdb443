"""What is the same for everybody, answered before the framework looks at the request.

Services ask for metadata and keys more often than for anything else, so these answers are made
once, headers and all. A request that is unusual in any way (another method, a query, an address
over its limit) goes on to the framework, whose endpoint answers as it does to every request.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import falcon

from eid.errors import EidError
from eid.keys import new_name
from eid.oidc.endpoint import Traffic
from eid.oidc.http import Request, Response
from eid.oidc.provider import Provider
from eid.oidc.routes import Route
from eid.oidc.wsgi import CORRELATION, ROUTE, asking_address

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_ASKED = Request(method="GET")
_Headers = list[tuple[str, str]]


class Documents:
    """A WSGI application that gives the static documents out, and hands everything else on.

    ``guards`` are the headers that every answer of the application carries.
    """

    def __init__(
        self,
        application: WSGIApplication,
        provider: Provider,
        served: Iterable[Route],
        traffic: Traffic,
        guards: Mapping[str, str],
    ) -> None:
        self._application = application
        self._provider = provider
        self._routes = {route.path: route for route in served if route.static}
        self._traffic = traffic
        self._guards = guards
        self._made: dict[tuple[str, int], tuple[Response, str, _Headers]] = {}

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer a plain GET or HEAD of a document."""
        route = self._routes.get(environ["PATH_INFO"])
        if route is None or environ.get("QUERY_STRING"):
            return self._application(environ, start)
        started, method = time.perf_counter(), environ["REQUEST_METHOD"]
        if method not in route.handlers or not self._admits(environ):
            return self._application(environ, start)
        known = environ.get("HTTP_IF_NONE_MATCH")
        asked = _ASKED if known is None else replace(_ASKED, if_none_match=known)
        try:
            answer = route.handlers[method](self._provider, asked)
        except (EidError, OSError):  # keys that cannot be read now
            return self._application(environ, start)
        environ[ROUTE] = route.path
        environ[CORRELATION] = new_name(self._provider.rng, size=9)
        status, headers = self._rendered(route.path, answer)
        start(status, [*headers])
        self._traffic.metrics.count(
            route.path, method, answer.status, time.perf_counter() - started
        )
        return [answer.body] if method == "GET" and answer.body else []

    def _admits(self, environ: WSGIEnvironment) -> bool:
        address = asking_address(environ, self._traffic.trusted_proxies)
        return self._traffic.limit.admits(address, now=time.time())

    def _rendered(self, path: str, answer: Response) -> tuple[str, _Headers]:
        """The status line and every header; made again when the document has changed."""
        made = self._made.get((path, answer.status))
        if made is None or made[0] is not answer:
            headers = {name.lower(): value for name, value in self._guards.items()}
            headers |= {name.lower(): value for name, value in answer.headers}
            if answer.content_type:  # not of a 304
                headers["content-type"] = answer.content_type
                headers["content-length"] = str(len(answer.body))
            line = falcon.code_to_http_status(answer.status)
            made = self._made[path, answer.status] = (answer, line, [*headers.items()])
        return made[1], made[2]
