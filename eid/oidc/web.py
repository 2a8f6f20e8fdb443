"""The provider as a WSGI application: its routes, its headers, and one place where errors end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TypeAlias

import falcon

from eid.oidc.endpoint import Endpoint, Traffic
from eid.oidc.faults import framework_error, unexpected
from eid.oidc.provider import Provider
from eid.oidc.routes import Route, routes
from eid.oidc.settings import ProviderSettings
from eid.oidc.traffic import METRICS_TYPE, is_a_proxys, is_loopback
from eid.oidc.wsgi import Pattern

App: TypeAlias = "falcon.App[falcon.Request, falcon.Response]"


def create_app(
    provider: Provider,
    traffic: Traffic | None = None,
    served: tuple[Route, ...] | None = None,
) -> App:
    """The provider's WSGI application, to be served under the issuer's path.

    ``served`` are the provider's routes, where the caller has made them already.
    """
    traffic = traffic or Traffic()
    app = falcon.App(middleware=[Pattern()], response_type=_guarded(guards(provider.settings)))
    app.req_options.auto_parse_qs_csv = False
    for route in routes(provider) if served is None else served:
        app.add_route(route.path, Endpoint(provider, route, traffic))
    app.add_route("/metrics", _MetricsPage(traffic))
    app.add_error_handler(falcon.HTTPError, framework_error(provider))
    app.add_error_handler(Exception, unexpected)
    return app


class _MetricsPage:
    """Counters, for this machine only: a collector runs beside the provider."""

    def __init__(self, traffic: Traffic) -> None:
        self._metrics = traffic.metrics

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """``GET /metrics``; 404 for everybody who comes over the network or through a proxy."""
        if not is_loopback(req.remote_addr) or any(map(is_a_proxys, req.headers)):
            raise falcon.HTTPNotFound
        resp.content_type = METRICS_TYPE
        resp.data = self._metrics.render(worker=os.getpid()).encode()


def guards(settings: ProviderSettings) -> dict[str, str]:
    """The headers that every answer carries unless its endpoint said otherwise (row O-043)."""
    fixed = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    if settings.secure_cookies:
        fixed["Strict-Transport-Security"] = "max-age=31536000"
    return fixed


def _guarded(fixed: Mapping[str, str]) -> type[falcon.Response]:
    """Responses that are born with these headers: nothing that goes wrong later loses them."""

    class Guarded(falcon.Response):
        def __init__(self, options: falcon.ResponseOptions | None = None) -> None:
            super().__init__(options)
            self.set_headers(fixed)

    return Guarded
