"""What the person's browser reaches: the pages of one login, in order (contracts §5, §7).

Each function takes a request and answers it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from eid.errors import AccountError, OAuthError, RequestRefused
from eid.oidc import (
    consent as consents,
    device,
    session as sessions,
    sign_on,
)
from eid.oidc.answers import (
    Look,
    address_of,
    csrf_of,
    deliver,
    leave_with,
    onward,
    own_form,
    page_of,
    place_of,
    refused_page,
    step,
)
from eid.oidc.authorization import AuthorizationRequest, error_values, reply_to
from eid.oidc.authorize import ErrorRedirect, authorize
from eid.oidc.claims import names_somebody
from eid.oidc.context import language_of
from eid.oidc.errors import status_of
from eid.oidc.http import Parameters, Request, Response, parse_parameters, see_other
from eid.oidc.login import account_of, client_of, open_methods, with_password
from eid.oidc.offered import channel_kinds, methods_left
from eid.oidc.own_client import is_own, is_rising
from eid.oidc.pages import Problem, text_version
from eid.oidc.ports import Attempt, AuditEvent
from eid.oidc.provider import Provider
from eid.oidc.recipient import known_client
from eid.oidc.request_source import LIMITS
from eid.oidc.session import Session
from eid.oidc.sign_on import SignOn

_log = logging.getLogger("eid.oidc")
MAX_PASSWORD = 256
_NOT_TO_STAY = ("request_uri", "request", "login_hint", "id_token_hint")


def start(provider: Provider, request: Request) -> Response:
    """``GET`` or ``POST /authorize``: begin a login, or say no (OIDC Core §3.1.2.1)."""
    at = provider.clock()
    asked = (
        request.form(limits=LIMITS)
        if request.method == "POST"
        else parse_parameters(request.query, limits=LIMITS)
    )
    judged = authorize(provider, asked, at=at)
    if isinstance(judged, ErrorRedirect):
        return _refused(provider, request, judged, at=at)
    found = sign_on.current(provider, request, at=at)
    try:
        begun = _begin(provider, request, judged, found, at=at)
        if isinstance(begun, Response):
            return begun
        if _may_stay(request, asked, begun):
            return _first_page(provider, request, begun, at=at)
        return onward(provider, begun, at=at)
    except OAuthError as error:
        reply = reply_to(judged, error_values(error), issuer=provider.settings.issuer)
        refusal = ErrorRedirect(reply=reply, client_id=judged.client_id, error=error)
        return _refused(provider, request, refusal, at=at)


def _refused(
    provider: Provider, request: Request, refusal: ErrorRedirect, *, at: datetime
) -> Response:
    _log.info("authorize refused: %s [%s]", refusal.error.code, request.correlation)
    event = AuditEvent(
        kind="authorize.refused",
        at=at,
        client=refusal.client_id,
        detail={"error": refusal.error.error, "correlation": request.correlation},
    )
    provider.grants.record([event])
    return deliver(provider, request, refusal.reply)


def _begin(
    provider: Provider,
    request: Request,
    asked: AuthorizationRequest,
    found: SignOn | None,
    *,
    at: datetime,
) -> Session | Response:
    """A login from the start, from the browser's session, or no page at all (Core §3.1.2.3)."""
    silent = "none" in asked.prompt
    account = None
    if found is not None:
        client = known_client(provider, Parameters(values={"client_id": asked.client_id}))
        account = sign_on.suffices(provider, asked, client, found, at=at)
    if account is None or found is None:
        if silent:
            raise OAuthError("login_required", "The person has to log in.")
        return sessions.begin(provider, asked, request, at=at)
    if sign_on.is_agreed(provider, account.id, asked, found, at=at):
        reply = consents.answer_silently(provider, asked, account, found, at=at)
        return deliver(provider, request, reply)
    if silent:
        raise OAuthError("consent_required", "The person has to agree.")
    return sessions.begin(provider, asked, request, signed_on=found, at=at)


def _may_stay(request: Request, asked: Parameters, begun: Session) -> bool:
    """Whether the first page may stand at the request's own address, without a redirect.

    To load it again begins anew, so the request must be good twice; and the address, which the
    browser's history keeps, must name nobody.
    """
    plain = not any(asked.get(name) for name in _NOT_TO_STAY)
    plain = plain and not names_somebody(asked.get("claims"))
    return request.method == "GET" and begun.interaction.stage == "login" and plain


def _first_page(
    provider: Provider, request: Request, session: Session, *, at: datetime
) -> Response:
    """The login page as the answer itself: a round trip less before the person sees it."""
    page = _login_page(provider, request, session, at=at)
    cookie = sessions.cookie_header(provider, session, at=at)
    return replace(page, headers=(*page.headers, cookie))


def show(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}``: the page with the methods that are still open."""
    at = provider.clock()
    session = sessions.resume(provider, request, at=at)
    if session.interaction.stage == "consent":
        return see_other(place_of(provider, session.interaction))
    if is_rising(session.interaction):
        from eid.oidc import sign_up  # noqa: PLC0415 - loaded by the first who signs up

        return sign_up.step(provider, request, session, at=at)
    return _login_page(provider, request, session, at=at)


def password(provider: Provider, request: Request) -> Response:
    """``POST /interaction/{id}/password``."""
    at = provider.clock()
    session = sessions.resume(provider, request, at=at)
    form = own_form(provider, request, session)
    if is_rising(session.interaction):
        raise RequestRefused("No password is asked for here.", code="interaction.impossible_step")
    username, secret = form.get("username"), form.get("password")

    def advance() -> Session:
        if not username or not secret or len(secret) > MAX_PASSWORD:
            raise AccountError("User name and password are both needed.", code="login.refused")
        attempt = Attempt(
            username=username,
            password=secret,
            address=request.address,
            device=device.read(provider, request),
        )
        further = with_password(provider, session, attempt, at=at)
        right.append(username)
        return further

    right: list[str] = []
    try:
        answer = step(provider, request, session, advance, at=at)
        return device.remember(provider, answer, right[0], at=at) if right else answer
    except AccountError as error:
        _log.info("login refused: %s [%s]", error.code, request.correlation)
        problem = Problem.of(error, request.correlation)
        return _login_page(
            provider, request, session, at=at, problem=problem, status=status_of(error)
        )


def consent_page(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}/consent``: what the service would be told, field by field."""
    at = provider.clock()
    session = sessions.resume(provider, request, at=at)
    interaction = session.interaction
    if interaction.stage != "consent" or is_own(interaction.request.client_id):
        return see_other(place_of(provider, interaction))
    account, client = account_of(provider, interaction), client_of(provider, interaction)
    worth = consents.authentication_of(provider, interaction, account, at=at)
    return page_of(
        provider,
        request,
        interaction,
        "consent.html",
        page=Look(place="/consent"),
        csrf=csrf_of(session),
        legal_entity=client.legal_entity,
        fields=consents.requested_fields(interaction.request),
        extras=tuple(sign_on.extras(interaction.request)),
        level=worth.level if worth else 0,
        auth_level=worth.auth_level if worth else 0,
        methods=(
            methods_left(provider, interaction, account)
            if interaction.request.acr.voluntary
            else ()
        ),
    )


def consent(provider: Provider, request: Request) -> Response:
    """``POST /interaction/{id}/consent``: the yes; back to the service with a code."""
    at = provider.clock()
    session = sessions.resume(provider, request, at=at)
    form = own_form(provider, request, session)
    if is_own(session.interaction.request.client_id):
        return see_other(place_of(provider, session.interaction))
    remember = form.get("remember") == "1"
    before = sign_on.current(provider, request, at=at)
    language = language_of(provider, request, session.interaction.request.ui_locales)
    version = text_version(language, provider.settings.theme)
    agreed = consents.agree(
        provider, session, before=before, remember=remember, text_version=version, at=at
    )
    if agreed is None:
        return see_other(address_of(provider, session.interaction))
    gone = sessions.no_cookie_header(provider, session.interaction)
    signed_on = () if agreed.cookie is None else (sign_on.cookie_header(provider, agreed.cookie),)
    return deliver(provider, request, agreed.reply, headers=(gone, *signed_on))


def cancel_page(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}/cancel``."""
    session = sessions.resume(provider, request, at=provider.clock())
    return page_of(
        provider,
        request,
        session.interaction,
        "cancel.html",
        page=Look(place="/cancel"),
        csrf=csrf_of(session),
    )


def cancel(provider: Provider, request: Request) -> Response:
    """``POST /interaction/{id}/cancel``: back to the service with ``access_denied``."""
    at = provider.clock()
    session = sessions.resume(provider, request, at=at)
    own_form(provider, request, session)
    return leave_with(provider, request, session, consents.denied(), at=at)


def _login_page(
    provider: Provider,
    request: Request,
    session: Session,
    *,
    at: datetime,
    problem: Problem | None = None,
    status: int = 200,
) -> Response:
    interaction = session.interaction
    client = client_of(provider, interaction)
    methods = methods_left(provider, interaction, None)
    if interaction.account_id is not None:
        account = account_of(provider, interaction)
        methods = open_methods(provider, interaction, account, client, at=at)
    return page_of(
        provider,
        request,
        interaction,
        "login.html",
        page=Look(status=status),
        csrf=csrf_of(session),
        methods=methods,
        shown_methods=tuple(factor.method for factor in interaction.factors),
        login_hint=(interaction.request.login_hint or "")[:128],
        own_pages=provider.own is not None,
        sign_up=bool(channel_kinds(provider)),
        error=problem,
    )
