"""A small service that logs citizens in: the other side of every end-to-end test.

It runs as a process of its own (``python -m eid.testing.relying_service``, its settings as one
JSON object on standard input), knows the provider only by its issuer, and shows the checked
claims of the ID token and the userinfo on its page as ``<code id="claims">`` and
``<code id="userinfo">``. A refusal ends in ``<code id="error-code">``.
"""

from __future__ import annotations

import html
import json
import secrets
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import falcon

from eid.errors import EidError
from eid.oidc.upstream import PendingLogin, RelyingParty, RelyingPartySettings

_COOKIE = "service_session"
_CAP = 1000


@dataclass(slots=True)
class RelyingService:
    """The service's pages. ``acr`` is what it insists on; one pending login per browser."""

    party: RelyingParty
    acr: str | None
    pending: dict[str, PendingLogin] = field(default_factory=dict, repr=False)

    def on_get_login(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Start a login and send the browser to the provider."""
        url, pending = self.party.begin(acr=self.acr)
        session = secrets.token_urlsafe(32)
        while len(self.pending) >= _CAP:
            self.pending.pop(next(iter(self.pending)))
        self.pending[session] = pending
        resp.set_cookie(_COOKIE, session, path="/", http_only=True, secure=False, same_site="Lax")
        raise falcon.HTTPSeeOther(url)

    def on_get_callback(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Finish the login of this browser, once."""
        pending = self.pending.pop(req.cookies.get(_COOKIE, ""), None)
        if pending is None:
            _page(resp, {"error-code": "rp.no_login"}, status=400)
            return
        try:
            login = self.party.complete(req.uri, pending, at=datetime.now(UTC))
        except EidError as error:
            _page(resp, {"error-code": error.code, "error-message": error.message}, status=403)
            return
        _page(
            resp,
            {"claims": json.dumps(login.claims), "userinfo": json.dumps(login.userinfo)},
        )


def _page(resp: falcon.Response, codes: dict[str, str], *, status: int = 200) -> None:
    rows = "".join(
        f'<p><code id="{name}">{html.escape(text)}</code></p>' for name, text in codes.items()
    )
    resp.status = falcon.code_to_http_status(status)
    resp.content_type = falcon.MEDIA_HTML
    resp.text = f"<!doctype html><title>Service</title><main>{rows}</main>"


def create_app(
    party: RelyingParty, *, acr: str | None
) -> falcon.App[falcon.Request, falcon.Response]:
    """The service as a WSGI application: ``/login`` and ``/callback``."""
    service = RelyingService(party=party, acr=acr)
    app = falcon.App()
    app.add_route("/login", service, suffix="login")
    app.add_route("/callback", service, suffix="callback")
    return app


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_args: object) -> None:
        """Request lines hold codes and states: they are not logged."""


def main() -> None:
    """Serve until the process is ended; prints one line when it listens."""
    settings = json.load(sys.stdin)
    party = RelyingParty(
        RelyingPartySettings(
            issuer=settings["issuer"],
            client_id=settings["client_id"],
            client_secret=settings["client_secret"],
            redirect_uri=settings["redirect_uri"],
            scope=settings["scope"],
        )
    )
    app = create_app(party, acr=settings.get("acr"))
    with make_server(
        "127.0.0.1", settings["port"], app, server_class=_Server, handler_class=_Quiet
    ) as server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
