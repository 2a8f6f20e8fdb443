"""Every path that the provider serves, as one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eid.errors import Unavailable
from eid.oidc import browser, cors, discovery, token, userinfo
from eid.oidc.http import MAX_SEALED, MAX_SEALED_VISIT, Request, Response, json_response
from eid.oidc.late import late
from eid.oidc.page_routes import page_routes
from eid.oidc.pages import passkey_script, style
from eid.oidc.provider import Provider

Handler = Callable[[Provider, Request], Response]
MAX_FORM = 32 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One path: a handler per method, and whether programs (``api``) or people use it.

    ``pages`` says that web pages of public clients call it too, ``static`` that the answer asks
    the provider nothing.
    """

    path: str
    handlers: Mapping[str, Handler]
    api: bool = False
    pages: bool = False
    static: bool = False
    max_body: int = MAX_FORM


def routes(provider: Provider) -> tuple[Route, ...]:
    """Every path that the provider serves."""
    one = "/interaction/{interaction_id}"
    metadata = discovery.metadata_document(provider)
    return (
        Route(path="/authorize", handlers={"GET": browser.start, "POST": browser.start}),
        Route(path=one, handlers={"GET": browser.show}),
        Route(path=f"{one}/password", handlers={"POST": browser.password}),
        Route(path=f"{one}/card", handlers={"GET": late("card_pages.card")}),
        Route(path=f"{one}/card/return", handlers={"GET": late("card_pages.card_return")}),
        Route(
            path=f"{one}/consent",
            handlers={"GET": browser.consent_page, "POST": browser.consent},
        ),
        Route(path=f"{one}/cancel", handlers={"GET": browser.cancel_page, "POST": browser.cancel}),
        Route(
            path="/card/evidence",
            handlers={"POST": late("card_pages.receive_evidence")},
            api=True,
            max_body=MAX_SEALED,
        ),
        _called_by_kiosks("/kiosk/enrol", late("kiosks.enrol")),
        _called_by_kiosks("/kiosk/day", late("kiosks.give_day")),
        _called_by_kiosks("/kiosk/challenge", late("kiosks.give_challenge")),
        _called_by_kiosks("/kiosk/clerk", late("kiosk_clerk.sign_in")),
        _called_by_kiosks("/kiosk/health", late("kiosks.take_report")),
        _called_by_kiosks("/kiosk/gone", late("kiosk_login.card_gone")),
        _called_by_kiosks("/kiosk/visits", late("kiosk_visits.receive"), MAX_SEALED_VISIT),
        _called_by_pages("/token", {"POST": token.respond}),
        _called_by_pages("/par", {"POST": late("pushed.respond")}),
        _called_by_pages("/revoke", {"POST": late("revocation.respond")}),
        Route(path="/introspect", handlers={"POST": late("introspection.respond")}, api=True),
        Route(
            path="/logout",
            handlers={"GET": late("logout.respond"), "POST": late("logout.respond")},
        ),
        Route(path="/logout/confirm", handlers={"POST": late("logout.confirm")}),
        _called_by_pages("/userinfo", {"GET": userinfo.respond, "POST": userinfo.respond}),
        _static("/.well-known/openid-configuration", metadata),
        _static("/.well-known/oauth-authorization-server", metadata),
        _static("/jwks", discovery.LiveKeysDocument(provider)),
        _static(
            "/style.css",
            discovery.Document(
                body=style(provider.settings.theme),
                content_type="text/css; charset=utf-8",
                max_age_s=3600,
            ),
        ),
        _static(
            "/passkey.js",
            discovery.Document(
                body=passkey_script(),
                content_type="text/javascript; charset=utf-8",
                max_age_s=3600,
            ),
        ),
        *(Route(path=path, handlers=handlers) for path, handlers in page_routes(provider)),
        Route(path="/health/live", handlers={"GET": _live, "HEAD": _live}, api=True),
        Route(path="/health/ready", handlers={"GET": _ready, "HEAD": _ready}, api=True),
    )


def _static(path: str, document: discovery.Document | discovery.LiveKeysDocument) -> Route:
    def respond(_provider: Provider, request: Request) -> Response:
        return document.respond(request)

    handlers = {"GET": respond, "HEAD": respond}
    return Route(path=path, handlers=handlers, api=True, static=True)


def _called_by_pages(path: str, handlers: Mapping[str, Handler]) -> Route:
    asked = {**handlers, "OPTIONS": cors.preflight}
    return Route(path=path, handlers=asked, api=True, pages=True)


def _called_by_kiosks(path: str, handler: Handler, max_body: int = MAX_FORM) -> Route:
    return Route(path=path, handlers={"POST": handler}, api=True, max_body=max_body)


def _live(_provider: Provider, _request: Request) -> Response:
    return json_response({"status": "live"})


def _ready(provider: Provider, _request: Request) -> Response:
    if not provider.is_ready():
        raise Unavailable("The provider is not ready.")
    return json_response({"status": "ready"})
