"""A web service that lets people in with their card, at the level that it needs.

``service.py service.toml`` serves on loopback. The file names the provider and what was agreed
at registration (``eid client add``)::

    issuer = "http://127.0.0.1:8080"
    client_id = "…"
    client_secret = "…"
    redirect_uri = "http://127.0.0.1:9000/callback"
"""

from __future__ import annotations

import html
import secrets
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, make_server

import falcon

from eid.errors import EidError
from eid.oidc.upstream import PendingLogin, RelyingParty, RelyingPartySettings

LEVEL = "urn:eid:level:2"
SESSION = "service_session"


class Service:
    """Two pages and one memory: which browser has begun which login."""

    def __init__(self, party: RelyingParty) -> None:
        self.party = party
        self.pending: dict[str, PendingLogin] = {}

    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        """``/``: send the browser to the provider, and remember what must come back."""
        url, pending = self.party.begin(acr=LEVEL)
        session = secrets.token_urlsafe(32)
        self.pending = dict([*self.pending.items(), (session, pending)][-1000:])
        response.set_cookie(SESSION, session, path="/", same_site="Lax", secure=False)
        raise falcon.HTTPSeeOther(url)

    def on_get_callback(self, request: falcon.Request, response: falcon.Response) -> None:
        """``/callback``: finish the login of this browser, once."""
        pending = self.pending.pop(request.cookies.get(SESSION, ""), None)
        response.content_type = falcon.MEDIA_HTML
        if pending is None:
            response.status = falcon.HTTP_400
            response.text = "<p>This browser has not begun a login.</p>"
            return
        try:
            answer = f"{self.party.settings.redirect_uri}?{request.query_string}"
            login = self.party.complete(answer, pending, at=datetime.now(UTC))
        except EidError as error:
            response.status = falcon.HTTP_403
            response.text = f"<p>No login: <code>{html.escape(error.code)}</code></p>"
            return
        subject = html.escape(str(login.claims["sub"]))
        response.text = (
            f"<p>Welcome, <code id=subject>{subject}</code>: account level "
            f"{login.claims['eid_level']}, authentication level {login.claims['eid_auth_level']}."
        )


def create_app(party: RelyingParty) -> falcon.App[falcon.Request, falcon.Response]:
    """The service as a WSGI application."""
    service = Service(party)
    app = falcon.App()
    app.add_route("/", service)
    app.add_route("/callback", service, suffix="callback")
    return app


class Quiet(WSGIRequestHandler):
    """Request lines hold codes and states: they are not logged."""

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


def main(file: Path) -> None:
    """Serve until interrupted. Behind https, set ``secure=True`` on the cookie."""
    settings = RelyingPartySettings(**tomllib.loads(file.read_text()))
    port = urlsplit(settings.redirect_uri).port or 9000
    app = create_app(RelyingParty(settings))
    with make_server("127.0.0.1", port, app, handler_class=Quiet) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
