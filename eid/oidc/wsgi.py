"""Between Falcon and our values: no Host is read, no forwarded header but a trusted proxy's (O-047)."""

from __future__ import annotations

from collections.abc import Mapping

import falcon

from eid.errors import FormatError
from eid.oidc.http import Request, Response
from eid.oidc.traffic import Network, client_address, neighbourhood, plain

MAX_QUERY = 16 * 1024
MAX_COOKIES = 16 * 1024
ROUTE, CORRELATION = "eid.route", "eid.correlation"  # in the WSGI environment, for traces


def request_of(
    req: falcon.Request,
    path: Mapping[str, str],
    *,
    max_body: int,
    correlation: str,
    trusted: tuple[Network, ...] = (),
) -> Request:
    """The request as a value; FormatError ``request.size`` if a part of it is too long."""
    if len(req.query_string) > MAX_QUERY:
        raise FormatError("The request's query is too long.", code="request.size")
    header = req.env.get
    return Request(
        method=req.method,
        query=req.query_string,
        body=_body(req, max_body) if req.method == "POST" else b"",
        content_type=req.content_type or "",
        authorization=header("HTTP_AUTHORIZATION"),
        dpop=header("HTTP_DPOP"),
        origin=header("HTTP_ORIGIN"),
        fetch_site=header("HTTP_SEC_FETCH_SITE"),
        if_none_match=header("HTTP_IF_NONE_MATCH"),
        accept_language=header("HTTP_ACCEPT_LANGUAGE") or "",
        cookies=_cookies(header("HTTP_COOKIE") or ""),
        path=path,
        address=neighbourhood(address_of(req, trusted)),
        correlation=correlation,
    )


def address_of(req: falcon.Request, trusted: tuple[Network, ...]) -> str:
    """Who asks: the peer, or whom a trusted proxy names."""
    return asking_address(req.env, trusted)


def asking_address(environ: Mapping[str, str], trusted: tuple[Network, ...]) -> str:
    """The same, of a request that Falcon has not seen."""
    peer = environ.get("REMOTE_ADDR", "127.0.0.1")
    if not trusted:
        return plain(peer)
    return client_address(peer, environ.get("HTTP_X_FORWARDED_FOR"), trusted)


def _body(req: falcon.Request, limit: int) -> bytes:
    length = req.content_length or 0
    body = bytes(req.bounded_stream.read(limit + 1)) if length <= limit else b""
    if length > limit or len(body) > limit:
        raise FormatError("The request's body is too long.", code="request.size")
    return body


def _cookies(header: str) -> dict[str, tuple[str, ...]]:
    """All values by name: a name that comes twice is seen to come twice."""
    found: dict[str, tuple[str, ...]] = {}
    if not header:
        return found
    for pair in header[:MAX_COOKIES].split(";"):
        name, _, value = pair.strip().partition("=")
        found[name] = (*found.get(name, ()), value)
    return found


class Pattern:
    """A middleware that says which route it is: the pattern, never what was asked for."""

    def process_resource(
        self,
        req: falcon.Request,
        _resp: falcon.Response,
        _resource: object,
        _params: dict[str, object],
    ) -> None:
        """In the WSGI environment, for traces."""
        req.env[ROUTE] = req.uri_template


def send(answer: Response, resp: falcon.Response) -> None:
    """Give the answer to Falcon."""
    resp.status = answer.status
    resp.data = answer.body
    if answer.content_type:
        resp.content_type = answer.content_type
    for name, value in answer.headers:
        if name == "Set-Cookie":
            resp.append_header(name, value)
        else:
            resp.set_header(name, value)
