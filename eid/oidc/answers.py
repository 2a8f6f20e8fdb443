"""How a step of a login is answered: onward, back to the service, or with an error page.

A form is acted upon only if it stood on our own page: Sec-Fetch-Site or Origin, and the
interaction's form token.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from eid.errors import AccountError, EidError, OAuthError, RequestRefused, Unavailable
from eid.oidc import consent as consents, session as sessions
from eid.oidc.authorization import Reply
from eid.oidc.context import context_of
from eid.oidc.cookies import form_token, is_form_token
from eid.oidc.errors import retry_headers, status_of
from eid.oidc.http import NO_LIMITS, Parameters, Request, Response, see_other
from eid.oidc.interaction import Interaction
from eid.oidc.login import client_of
from eid.oidc.own_client import is_own
from eid.oidc.pages import Problem, Shown, render
from eid.oidc.provider import Provider
from eid.oidc.session import Session
from eid.oidc.settings import origin_of

_log = logging.getLogger("eid.oidc")
FORM_POST_SCRIPT = "document.forms[0].submit()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a page of a login has of its own: its place under the login's address, and policies."""

    place: str = ""
    status: int = 200
    referrer: str = "same-origin"
    passkeys: bool = False


LOOK = Look()


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
        context_of(provider, request),
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


def step(
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
        return leave_with(provider, request, session, error, at=at)
    except (AccountError, Unavailable):
        raise
    except EidError as error:
        return refused_page(provider, request, session, error, at=at)
    return onward(provider, following, at=at)


def refused_page(
    provider: Provider, request: Request, session: Session, error: EidError, *, at: datetime
) -> Response:
    """An error page for the login's own browser, with the ways that are left."""
    interaction = session.interaction
    alive = sessions.is_alive(provider, interaction, at=at)
    gone = () if alive else (sessions.no_cookie_header(provider, interaction),)
    return error_page(
        provider,
        request,
        error,
        again=address_of(provider, interaction) if alive else None,
        leave=None if alive else _way_back(provider, interaction),
        headers=gone,
    )


def leave_with(
    provider: Provider, request: Request, session: Session, error: OAuthError, *, at: datetime
) -> Response:
    """End the login and tell the service why."""
    reply = consents.give_up(provider, session, error, at=at)
    gone = sessions.no_cookie_header(provider, session.interaction)
    return deliver(provider, request, reply, headers=(gone,))


def deliver(
    provider: Provider,
    request: Request,
    reply: Reply,
    *,
    headers: tuple[tuple[str, str], ...] = (),
) -> Response:
    """Tell the service, by a redirect or by a form that sends itself off."""
    if reply.mode == "query":
        return see_other(reply.location, headers=headers)
    leads = (origin_of(reply.redirect_uri),)
    page = posting_page(provider, request, reply.redirect_uri, reply.parameters, leads=leads)
    return replace(page, headers=page.headers + headers)


def posting_page(
    provider: Provider,
    request: Request,
    target: str,
    parameters: Mapping[str, str],
    *,
    leads: tuple[str, ...],
    logout: bool = False,
) -> Response:
    """A form that sends itself off to ``target``; ``leads`` are the origins that it ends up at."""
    context = context_of(provider, request, form_action=leads)
    return render(
        "form_post.html",
        replace(context, script=FORM_POST_SCRIPT),
        target=target,
        parameters=parameters,
        script=FORM_POST_SCRIPT,
        logout=logout,
    )


def _way_back(provider: Provider, interaction: Interaction) -> str | None:
    """A link cannot post a form: services that want one are reached by their own address."""
    reply = consents.refusal_of(provider, interaction, consents.denied())
    return reply.location if reply.mode == "query" else None


def onward(provider: Provider, session: Session, *, at: datetime) -> Response:
    """Lead the browser to the next page, with its (new) cookie."""
    cookie = sessions.cookie_header(provider, session, at=at)
    return see_other(place_of(provider, session.interaction), headers=(cookie,))


def page_of(
    provider: Provider,
    request: Request,
    interaction: Interaction,
    template: str,
    *,
    page: Look = LOOK,
    **values: Shown,
) -> Response:
    """A page of this login; its forms may lead to us, the agent and the service."""
    settings = provider.settings
    targets = (
        settings.origin,
        origin_of(settings.agent_url),
        origin_of(interaction.request.redirect_uri),
    )
    here = address_of(provider, interaction)
    context = context_of(
        provider,
        request,
        form_action=targets,
        ui_locales=interaction.request.ui_locales,
        at=here + page.place,
    )
    answer = render(
        template,
        replace(context, referrer=page.referrer, passkeys=page.passkeys),
        status=page.status,
        here=here,
        service=client_of(provider, interaction).name,
        **values,
    )
    later = retry_headers(page.status)
    return replace(answer, headers=answer.headers + later) if later else answer


def own_form(
    provider: Provider,
    request: Request,
    session: Session,
    *,
    limits: Mapping[str, int] = NO_LIMITS,
) -> Parameters:
    """The form, if it stood on this login's own page; RequestRefused otherwise."""
    return checked_form(provider, request, session.cookie, session.interaction.id, limits=limits)


def checked_form(
    provider: Provider,
    request: Request,
    cookie: str,
    purpose: str,
    *,
    limits: Mapping[str, int] = NO_LIMITS,
) -> Parameters:
    """The form, if it carries the token of this cookie and purpose, from a page of ours."""
    check_own_page(provider, request)
    form = request.form(limits=limits)
    if not is_form_token(form.get("csrf"), cookie, purpose):
        raise _cross_site()
    return form


def check_own_page(provider: Provider, request: Request) -> None:
    """RequestRefused ``interaction.cross_site`` unless a page of ours sent the browser here."""
    if not is_own_page(provider, request):
        raise _cross_site()


def is_own_page(provider: Provider, request: Request) -> bool:
    """Whether a page of ours sent the browser here, as it says itself."""
    if request.fetch_site is not None:
        return request.fetch_site == "same-origin"
    return request.origin in {None, provider.settings.origin}


def _cross_site() -> RequestRefused:
    return RequestRefused(
        "The form did not come from the provider's page.", code="interaction.cross_site"
    )


def csrf_of(session: Session) -> str:
    """What the login's forms carry."""
    return form_token(session.cookie, session.interaction.id)


def address_of(provider: Provider, interaction: Interaction) -> str:
    """The login's own address."""
    return provider.settings.url(f"/interaction/{interaction.id}")


def place_of(provider: Provider, interaction: Interaction) -> str:
    """The address of the page that its stage is at."""
    address = address_of(provider, interaction)
    if interaction.stage != "consent":
        return address
    return f"{address}/{'enter' if is_own(interaction.request.client_id) else 'consent'}"
