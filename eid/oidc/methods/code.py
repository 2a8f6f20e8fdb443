"""A code to a channel of the person's own: sent when asked for, never by opening a page."""

from __future__ import annotations

from eid.levels.account import Account
from eid.levels.assurance import Factor
from eid.oidc.answers import address_of, own_form
from eid.oidc.http import Request, Response, see_other
from eid.oidc.methods.steps import Asked, open_step, page, take
from eid.oidc.methods.totp import plain_digits
from eid.oidc.own_client import SIGN_UP, is_rising
from eid.oidc.pages import Problem
from eid.oidc.provider import Provider
from eid.oidc.rising import finish_sign_up


def show(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}/code``: where a code can be sent, and the field for it."""
    asked = open_step(provider, request, "code", at=provider.clock())
    return _page(provider, request, asked, sent=request.parameters().get("sent") == "1")


def send(provider: Provider, request: Request) -> Response:
    """``POST /interaction/{id}/code/send``."""
    at = provider.clock()
    asked = open_step(provider, request, "code", at=at)
    channel = own_form(provider, request, asked.session).get("channel") or ""
    factors, account_id = asked.own.factors, asked.known.id
    kind = factors.channel_kind(account_id, channel)
    if kind is not None:
        sender = asked.own.sender(kind)
        service = provider.settings.legal_entity
        factors.send_code(account_id, channel, sender, service=service, at=at)
    here = address_of(provider, asked.session.interaction)
    return see_other(f"{here}/code?sent=1")


def answer(provider: Provider, request: Request) -> Response:
    """``POST /interaction/{id}/code``."""
    at = provider.clock()
    asked = open_step(provider, request, "code", at=at)
    given = own_form(provider, request, asked.session).get("code") or ""

    def check() -> tuple[Account, Factor]:
        typed = plain_digits(given)
        address = request.address
        factor = asked.own.factors.check_code(asked.known.id, typed, address=address, at=at)
        interaction = asked.session.interaction
        if interaction.request.client_id == SIGN_UP:
            return finish_sign_up(provider, interaction, asked.known, factor, at=at), factor
        return asked.known, factor

    def again(problem: Problem, status: int) -> Response:
        return _page(provider, request, asked, problem=problem, status=status)

    return take(provider, request, asked, check, again, at=at)


def _page(
    provider: Provider,
    request: Request,
    asked: Asked,
    *,
    sent: bool = False,
    problem: Problem | None = None,
    status: int = 200,
) -> Response:
    enrolled = asked.own.factors.enrolled(asked.known.id)
    rising = is_rising(asked.session.interaction)
    channels = [one for one in enrolled if one.method == "code" and (one.counts or rising)]
    return page(
        provider,
        request,
        asked,
        "code.html",
        channels=channels,
        sent=sent,
        letters=rising and any(one.label == "✉" for one in channels),
        problem=problem,
        status=status,
    )
