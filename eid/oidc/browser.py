"""What the person's browser reaches: the pages of one login, in order (contracts §5, §7).

Each function takes a request and answers it; a form is acted upon only if it stands on our own
page (Sec-Fetch-Site or Origin, and the interaction's form token).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from eid.errors import AccountError, EidError, OAuthError, RequestRefused, Unavailable
from eid.oidc import card_login, consent as consents, interaction as interactions
from eid.oidc.authorize import LIMITS, ErrorRedirect, authorize
from eid.oidc.clients import Client
from eid.oidc.cookies import form_token, is_form_token
from eid.oidc.errors import retry_headers, status_of
from eid.oidc.http import Parameters, Request, Response, parse_parameters, see_other
from eid.oidc.interaction import Interaction, Session
from eid.oidc.login import account_of, client_of, methods_left, open_methods, with_password
from eid.oidc.pages import PageContext, Problem, Shown, render
from eid.oidc.ports import AuditEvent
from eid.oidc.provider import Provider
from eid.oidc.settings import origin_of

_log = logging.getLogger("eid.oidc")
MAX_PASSWORD = 256


def start(provider: Provider, request: Request) -> Response:
    """``GET`` or ``POST /authorize``: begin a login, or say no (OIDC Core §3.1.2.1)."""
    at = provider.clock()
    asked = (
        request.form(limits=LIMITS)
        if request.method == "POST"
        else parse_parameters(request.query, limits=LIMITS)
    )
    judged = authorize(provider, asked)
    if isinstance(judged, ErrorRedirect):
        _log.info("authorize refused: %s [%s]", judged.error.code, request.correlation)
        refused = AuditEvent(
            kind="authorize.refused",
            at=at,
            client=judged.client_id,
            detail={"error": judged.error.error, "correlation": request.correlation},
        )
        provider.grants.record([refused])
        return see_other(judged.location)
    session = interactions.begin(provider, judged, at=at)
    return _onward(provider, session, at=at)


def show(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}``: the page with the methods that are still open."""
    at = provider.clock()
    session = interactions.resume(provider, request, at=at)
    if session.interaction.stage == "consent":
        return see_other(_place(provider, session.interaction))
    return _login_page(provider, session, at=at)


def password(provider: Provider, request: Request) -> Response:
    """``POST /interaction/{id}/password``."""
    at = provider.clock()
    session = interactions.resume(provider, request, at=at)
    form = _own_form(provider, request, session)
    username, secret = form.get("username"), form.get("password")

    def advance() -> Session:
        if not username or not secret or len(secret) > MAX_PASSWORD:
            raise AccountError("User name and password are both needed.", code="login.refused")
        return with_password(provider, session, username, secret, address=request.address, at=at)

    try:
        return _step(provider, request, session, advance, at=at)
    except AccountError as error:
        _log.info("login refused: %s [%s]", error.code, request.correlation)
        problem = Problem.of(error, request.correlation)
        return _login_page(provider, session, at=at, problem=problem, status=status_of(error))


def card(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}/card``: the page with the form for the card agent."""
    at = provider.clock()
    session = interactions.resume(provider, request, at=at)
    asked = card_login.ask(provider, session, at=at)
    interaction = asked.session.interaction
    return _page(
        provider,
        interaction,
        "card.html",
        referrer="origin",
        agent_url=provider.settings.agent_url,
        request=asked.token,
        lifetime=provider.settings.card_request_s,
    )


def card_return(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}/card/return``: back from the agent, with its handle."""
    at = provider.clock()
    answer = card_login.spend(provider, request.parameters().get("handle"), at=at)
    session = interactions.resume(provider, request, at=at)
    try:
        return _step(
            provider,
            request,
            session,
            lambda: card_login.accept(provider, session, answer, at=at),
            at=at,
        )
    except AccountError as error:
        return _refused(provider, request, session, error, at=at)


def consent_page(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}/consent``: what the service would be told, field by field."""
    at = provider.clock()
    session = interactions.resume(provider, request, at=at)
    interaction = session.interaction
    if interaction.stage != "consent":
        return see_other(_place(provider, interaction))
    account, client = account_of(provider, interaction), client_of(provider, interaction)
    worth = consents.authentication_of(provider, interaction, account, at=at)
    left = methods_left(interaction, account)
    return _page(
        provider,
        interaction,
        "consent.html",
        csrf=_csrf(session),
        legal_entity=client.legal_entity,
        fields=consents.requested_fields(interaction.request),
        level=worth.level if worth else 0,
        auth_level=worth.auth_level if worth else 0,
        methods=left if interaction.request.acr.voluntary else (),
    )


def consent(provider: Provider, request: Request) -> Response:
    """``POST /interaction/{id}/consent``: the yes; back to the service with a code."""
    at = provider.clock()
    session = interactions.resume(provider, request, at=at)
    _own_form(provider, request, session)
    location = consents.agree(provider, session, at=at)
    if location is None:
        return see_other(_address(provider, session.interaction))
    gone = interactions.no_cookie_header(provider, session.interaction)
    return see_other(location, headers=(gone,))


def cancel_page(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}/cancel``."""
    session = interactions.resume(provider, request, at=provider.clock())
    return _page(provider, session.interaction, "cancel.html", csrf=_csrf(session))


def cancel(provider: Provider, request: Request) -> Response:
    """``POST /interaction/{id}/cancel``: back to the service with ``access_denied``."""
    at = provider.clock()
    session = interactions.resume(provider, request, at=at)
    _own_form(provider, request, session)
    return _leave(provider, session, consents.denied(), at=at)


def error_page(
    provider: Provider,
    request: Request,
    error: EidError,
    *,
    again: str | None = None,
    leave: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Response:
    """An error as a page: sentence, stable code, reference. Nothing of the request is shown."""
    status = status_of(error)
    _log.info("refused: %s [%s]", error.code, request.correlation)
    page = render(
        "error.html",
        PageContext(base=provider.settings.issuer, form_action=()),
        status=status,
        error=Problem.of(error, request.correlation),
        again=again,
        leave=leave,
    )
    return Response(
        status=page.status,
        body=page.body,
        content_type=page.content_type,
        headers=page.headers + headers + retry_headers(status),
    )


def _step(
    provider: Provider,
    request: Request,
    session: Session,
    advance: Callable[[], Session],
    *,
    at: datetime,
) -> Response:
    """Take a step and lead on; what the service must hear goes to it, the rest on a page."""
    try:
        following = advance()
    except OAuthError as error:
        _log.info("login refused: %s [%s]", error.code, request.correlation)
        return _leave(provider, session, error, at=at)
    except (AccountError, Unavailable):
        raise
    except EidError as error:
        return _refused(provider, request, session, error, at=at)
    return _onward(provider, following, at=at)


def _refused(
    provider: Provider, request: Request, session: Session, error: EidError, *, at: datetime
) -> Response:
    """An error page for the login's own browser, with the ways that are left."""
    interaction = session.interaction
    alive = provider.grants.get("interaction", interaction.key, at=at) is not None
    gone = () if alive else (interactions.no_cookie_header(provider, interaction),)
    return error_page(
        provider,
        request,
        error,
        again=_address(provider, interaction) if alive else None,
        leave=None
        if alive
        else consents.refusal_location(provider, interaction, consents.denied()),
        headers=gone,
    )


def _leave(provider: Provider, session: Session, error: OAuthError, *, at: datetime) -> Response:
    location = consents.give_up(provider, session, error, at=at)
    gone = interactions.no_cookie_header(provider, session.interaction)
    return see_other(location, headers=(gone,))


def _onward(provider: Provider, session: Session, *, at: datetime) -> Response:
    cookie = interactions.cookie_header(provider, session, at=at)
    return see_other(_place(provider, session.interaction), headers=(cookie,))


def _login_page(
    provider: Provider,
    session: Session,
    *,
    at: datetime,
    problem: Problem | None = None,
    status: int = 200,
) -> Response:
    interaction = session.interaction
    client = client_of(provider, interaction)
    methods = methods_left(interaction, None)
    if interaction.account_id is not None:
        account = account_of(provider, interaction)
        methods = open_methods(provider, interaction, account, client, at=at)
    page = _page(
        provider,
        interaction,
        "login.html",
        status=status,
        csrf=_csrf(session),
        methods=methods,
        shown_methods=tuple(factor.method for factor in interaction.factors),
        login_hint=(interaction.request.login_hint or "")[:128],
        error=problem,
    )
    return Response(
        status=page.status,
        body=page.body,
        content_type=page.content_type,
        headers=page.headers + retry_headers(status),
    )


def _page(
    provider: Provider,
    interaction: Interaction,
    template: str,
    *,
    status: int = 200,
    referrer: str = "same-origin",
    **values: Shown,
) -> Response:
    settings = provider.settings
    targets = (
        settings.origin,
        origin_of(settings.agent_url),
        origin_of(interaction.request.redirect_uri),
    )
    return render(
        template,
        PageContext(base=settings.issuer, form_action=targets, referrer=referrer),
        status=status,
        here=_address(provider, interaction),
        service=client_of(provider, interaction).name,
        **values,
    )


def _own_form(provider: Provider, request: Request, session: Session) -> Parameters:
    """The form, if it stood on this login's own page; RequestRefused otherwise."""
    own = provider.settings.origin
    if request.fetch_site is not None:
        same = request.fetch_site == "same-origin"
    else:
        same = request.origin in {None, own}
    form = request.form()
    token = form.get("csrf")
    if not same or not is_form_token(token, session.cookie, session.interaction.id):
        raise RequestRefused(
            "The form did not come from this login's page.", code="interaction.cross_site"
        )
    return form


def _csrf(session: Session) -> str:
    return form_token(session.cookie, session.interaction.id)


def _address(provider: Provider, interaction: Interaction) -> str:
    return provider.settings.url(f"/interaction/{interaction.id}")


def _place(provider: Provider, interaction: Interaction) -> str:
    address = _address(provider, interaction)
    return f"{address}/consent" if interaction.stage == "consent" else address
