"""Where what no endpoint answered ends: unknown paths, malformed requests, faults of ours."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping

import falcon

from eid.errors import FormatError
from eid.keys import new_name
from eid.oidc.answers import error_page
from eid.oidc.http import Request
from eid.oidc.provider import Provider
from eid.oidc.wsgi import CORRELATION, send

_log = logging.getLogger("eid.oidc")
_FRAMEWORK_CODES = {404: "request.not_found", 405: "request.method"}


def framework_error(
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
        correlation = req.env[CORRELATION] = new_name(provider.rng, size=9)
        request = Request(
            method=req.method,
            accept_language=req.get_header("Accept-Language") or "",
            correlation=correlation,
        )
        send(error_page(provider, request, refused), resp)

    return handle


def unexpected(
    _req: falcon.Request,
    resp: falcon.Response,
    error: Exception,
    _params: Mapping[str, object],
) -> None:
    """A fault of ours: the log gets the place, never values; the caller gets 500."""
    log_fault(error)
    resp.status = 500
    resp.content_type = "text/plain; charset=utf-8"
    resp.text = "Có lỗi xảy ra. / Something went wrong."


def log_fault(error: Exception) -> None:
    """Say of which type it is and where it was raised: what it says may be a person's data."""
    places = " < ".join(
        f"{frame.name}:{frame.lineno}"
        for frame in reversed(traceback.extract_tb(error.__traceback__))
    )
    _log.error("fault: %s at %s", type(error).__name__, places)
