"""The pages of a card login: out to the person's card agent, and back (contracts §5)."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from eid.errors import AccountError, RequestRefused
from eid.oidc import card_login, card_request, session as sessions
from eid.oidc.answers import Look, page_of, refused_page, step
from eid.oidc.http import MAX_SEALED, Request, Response, json_response
from eid.oidc.login import account_of
from eid.oidc.offered import methods_left
from eid.oidc.own_client import is_rising
from eid.oidc.provider import Provider
from eid.oidc.session import Session


def receive_evidence(provider: Provider, request: Request) -> Response:
    """``POST /card/evidence``: from the agent; the answer is a handle for the browser."""
    form = request.form(limits=MappingProxyType({"evidence": MAX_SEALED}))
    return json_response({"handle": card_login.receive(provider, form, at=provider.clock())})


def card(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}/card``: the page with the form for the card agent."""
    at = provider.clock()
    session = sessions.resume(provider, request, at=at)
    if "card" not in provider.settings.methods or not _takes_card(provider, session):
        raise RequestRefused("Cards are not taken here.", code="interaction.impossible_step")
    asked = card_request.ask(provider, session, at=at)
    page = page_of(
        provider,
        request,
        asked.session.interaction,
        "card.html",
        page=Look(place="/card", referrer="origin"),
        agent_url=provider.settings.agent_url,
        request_token=asked.token,
        lifetime=provider.settings.card_request_s,
    )
    if not session.sealed:
        return page
    handle_only = sessions.cookie_header(provider, asked.session, at=at)
    return replace(page, headers=(*page.headers, handle_only))


def _takes_card(provider: Provider, session: Session) -> bool:
    """On the way to level 1 the card has its place; anywhere else it may be shown again."""
    interaction = session.interaction
    if not is_rising(interaction):
        return True
    account = account_of(provider, interaction) if interaction.account_id else None
    return "card" in methods_left(provider, interaction, account)


def card_return(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}/card/return``: back from the agent, with its handle."""
    at = provider.clock()
    answer = card_login.spend(provider, request.parameters().get("handle"), at=at)
    session = sessions.resume(provider, request, at=at)
    try:
        return step(
            provider,
            request,
            session,
            lambda: card_login.accept(provider, session, answer, at=at),
            at=at,
        )
    except AccountError as error:
        return refused_page(provider, request, session, error, at=at)
