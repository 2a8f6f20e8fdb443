"""Signing up to level 1, page by page: the card, then a name and a channel, then its code.

What is asked first is what only a person with a genuine card can give, so nobody tries names by
the thousand: one card is good for five names, in however many sign-ups; each further one waits
longer, up to a quarter of an hour. Whoever has no address for codes of his
own takes a letter at a counter, and reaches level 1 in My account.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from eid.errors import AccountError, EidError, FormatError, RequestRefused, Unavailable
from eid.keys import new_name
from eid.levels.account import Account
from eid.levels.assurance import CHANNEL, Factor
from eid.levels.consent import Consent
from eid.levels.factors.code import Channel
from eid.levels.factors.password import check_policy
from eid.levels.username import normalize_username
from eid.oidc import session as sessions
from eid.oidc.account.entry import Visit, begin as begin_login
from eid.oidc.account.factors import channel_of
from eid.oidc.account.password import chosen_password
from eid.oidc.acr import AcrRequest
from eid.oidc.answers import (
    Look,
    address_of,
    check_own_page,
    csrf_of,
    onward,
    own_form,
    page_of,
    refused_page,
)
from eid.oidc.authorization import AuthorizationRequest
from eid.oidc.claims import FIELDS
from eid.oidc.context import context_of, language_of
from eid.oidc.errors import status_of
from eid.oidc.http import Parameters, Request, Response, see_other
from eid.oidc.interaction import event
from eid.oidc.offered import channel_kinds
from eid.oidc.own_client import HOME, LEVEL, SIGN_UP
from eid.oidc.pages import Problem, render, text_version
from eid.oidc.ports import AuditEvent
from eid.oidc.provider import Provider
from eid.oidc.rising import has_kept_card, number_kept, own_of
from eid.oidc.session import Session

LIVES_S = 1800
MAX_NAMES = 5
AGREED = "sign_up_consent.html"
PURPOSE = "keep the account"
KEPT = timedelta(days=36_525)
"""As long as there is the account: closing it is the withdrawal."""
PATH = "/sign-up"


def page(provider: Provider, request: Request) -> Response:
    """``GET /sign-up``: what is needed, what is read, and the button."""
    _check_offered(provider)
    context = context_of(provider, request, at=provider.settings.url(PATH))
    return render("sign_up.html", context, operator=provider.settings.legal_entity)


def begin(provider: Provider, request: Request) -> Response:
    """``POST /sign-up``: a sign-up in this browser."""
    check_own_page(provider, request)
    _check_offered(provider)
    at, prefix = provider.clock(), provider.settings.acr_prefix
    wanted = AuthorizationRequest(
        client_id=SIGN_UP,
        redirect_uri=provider.settings.url(HOME),
        scopes=("openid",),
        acr=AcrRequest(essential=(f"{prefix}:auth:1",)),
    )
    start = sessions.Start(lives_s=LIVES_S)
    session = sessions.begin(provider, wanted, request, start=start, at=at)
    return onward(provider, session, at=at)


def _check_offered(provider: Provider) -> None:
    """RequestRefused where nobody could sign up: no cards, or no way to reach people."""
    if not channel_kinds(provider):
        raise RequestRefused("Nobody signs up here.", code="request.not_found")


def rise(visit: Visit) -> Response:
    """``GET /account/level``: the way to level 1 for an account that is there."""
    account = visit.account
    offered = "card" in visit.provider.settings.methods
    if not offered or account.level or account.state not in {"registered", "expired"}:
        return visit.go(HOME)
    place = HOME
    return begin_login(
        visit.provider, visit.request, place, account=account, client_id=LEVEL, at=visit.at
    )


def step(provider: Provider, request: Request, session: Session, *, at: datetime) -> Response:
    """The page that a login on its way to level 1 is at."""
    interaction = session.interaction
    here = address_of(provider, interaction)
    if interaction.account_id is None:
        if has_kept_card(provider, interaction, at=at):
            return see_other(f"{here}/name")
        return page_of(provider, request, interaction, "sign_up_card.html", csrf=csrf_of(session))
    if interaction.request.client_id == SIGN_UP:
        return see_other(f"{here}/code")
    enrolled = own_of(provider).factors.enrolled(interaction.account_id)
    methods = {one.method for one in enrolled} & {CHANNEL}
    shown = {factor.method for factor in interaction.factors}
    return page_of(
        provider,
        request,
        interaction,
        "level.html",
        methods=("card",) if shown else tuple(sorted(methods)),
        shown=bool(shown),
    )


def name_page(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}/name``."""
    return _name_page(provider, request, _session(provider, request, at=provider.clock()))


def name(provider: Provider, request: Request) -> Response:
    """``POST /interaction/{id}/name``: the account, still at level 0, and its first code."""
    at = provider.clock()
    session = _session(provider, request, at=at)
    form = own_form(provider, request, session)
    try:
        wanted = _wanted(provider, form)
    except FormatError as error:
        return _name_page(provider, request, session, error=error)
    session = _claimed(provider, session, at=at)
    version = text_version(language_of(provider, request), provider.settings.theme, AGREED)
    try:
        _create(provider, session, wanted, text_version=version, at=at)
    except AccountError as error:
        if error.code not in {"account.username_taken", "login.throttled"}:
            raise
        return _taken(provider, request, session, error, at=at)
    following = replace(session.interaction, factors=(Factor.of("password", at),))
    renewed = sessions.renewed(provider, following)
    saved = sessions.save(provider, renewed.interaction, at=at)
    return onward(provider, replace(renewed, interaction=saved), at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What was typed, in order."""

    username: str
    password: str = field(repr=False)
    channel: Channel


def _wanted(provider: Provider, form: Parameters) -> _Wanted:
    kind = form.get("kind") or ""
    username = normalize_username(form.get("username") or "")
    password = chosen_password(form.get("password"), form.get("again"))
    check_policy(password)
    channel = channel_of(kind, form.get("address") or "")
    if kind not in channel_kinds(provider):
        raise FormatError("This channel is not offered.", code="channel.address")
    return _Wanted(username=username, password=password, channel=channel)


def _claimed(provider: Provider, session: Session, *, at: datetime) -> Session:
    """The sign-up with the id that its account will have: of tries at once one goes on."""
    tried = replace(
        session.interaction,
        account_id=new_name(provider.rng),
        refused_cards=session.interaction.refused_cards + 1,
    )
    return replace(session, interaction=sessions.save(provider, tried, at=at))


def _create(
    provider: Provider, session: Session, wanted: _Wanted, *, text_version: str, at: datetime
) -> None:
    """A new account, still at level 0, with the person's yes, and a first code to its channel."""
    own, channel = own_of(provider), wanted.channel
    number = number_kept(provider, session.interaction, at=at)
    own.register.count_name(number, at=at)  # however many sign-ups one card begins
    account_id = str(session.interaction.account_id)
    account = Account(id=account_id, username=wanted.username, created_at=at)
    signed_up = AuditEvent(
        kind="account.signed_up",
        at=at,
        account=account.id,
        interaction=session.interaction.reference,
    )
    agreed = _consent(provider, session, account, text_version, at=at)
    account = own.register.create(
        account, password=wanted.password, events=[signed_up], consents=[agreed]
    )
    channel_id = own.factors.enrol_channel(account.id, channel, at=at)
    sender, service = own.sender(channel.kind), provider.settings.legal_entity
    # where it cannot be sent now, the next page has a button that sends it again
    with suppress(Unavailable):
        own.factors.send_code(account.id, channel_id, sender, service=service, at=at)


def _consent(
    provider: Provider, session: Session, account: Account, text_version: str, *, at: datetime
) -> Consent:
    """The yes to what is kept for the account: by the button under the text that says so."""
    return Consent(
        id=new_name(provider.rng),
        account=account.id,
        client=SIGN_UP,
        what=(*(field.name for field in FIELDS), "channel"),
        purpose=PURPOSE,
        channel="web" if session.interaction.kiosk is None else "kiosk",
        text_version=text_version,
        act="pressed_agree",
        given_at=at,
        until=at + KEPT,
    )


def _taken(
    provider: Provider, request: Request, session: Session, error: EidError, *, at: datetime
) -> Response:
    """A name that somebody has: said, and after a few the sign-up is over."""
    interaction = replace(session.interaction, account_id=None)
    events = [event(interaction, "sign_up.name_taken", at, code=error.code)]
    if interaction.refused_cards >= MAX_NAMES:
        sessions.finish(provider, interaction.moved("given_up"), at=at, events=events)
        return refused_page(provider, request, session, error, at=at)
    saved = sessions.save(provider, interaction, at=at, events=events)
    return _name_page(provider, request, replace(session, interaction=saved), error=error)


def _session(provider: Provider, request: Request, *, at: datetime) -> Session:
    """The sign-up whose card was good and that has no name yet."""
    session = sessions.resume(provider, request, at=at)
    interaction = session.interaction
    fits = interaction.request.client_id == SIGN_UP and interaction.account_id is None
    if not fits or not has_kept_card(provider, interaction, at=at):
        raise RequestRefused("This step does not follow here.", code="interaction.impossible_step")
    return session


def _name_page(
    provider: Provider, request: Request, session: Session, *, error: EidError | None = None
) -> Response:
    problem = None if error is None else Problem.of(error, request.correlation)
    look = Look(place="/name", status=200 if error is None else status_of(error))
    return page_of(
        provider,
        request,
        session.interaction,
        "sign_up_name.html",
        page=look,
        csrf=csrf_of(session),
        kinds=channel_kinds(provider),
        operator=provider.settings.legal_entity,
        error=problem,
    )
