"""The way into My account: a login of its own, and a step up where one is needed.

Changing what protects an account asks for what the account can show: two kinds of factor if the
person has two, shown in the last ten minutes. So a password alone adds no second factor to an
account that has one, and takes none away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from eid.errors import RequestRefused
from eid.levels.account import Account
from eid.levels.assurance import Factor, auth_level
from eid.oidc import session as sessions
from eid.oidc.account import session as own_sessions
from eid.oidc.account.session import FORM, OwnSession
from eid.oidc.acr import AcrRequest, is_met
from eid.oidc.answers import checked_form, onward
from eid.oidc.authorization import AuthorizationRequest
from eid.oidc.context import context_of
from eid.oidc.errors import retry_headers
from eid.oidc.http import NO_LIMITS, Parameters, Request, Response, see_other
from eid.oidc.interaction import event
from eid.oidc.login import account_of, assurance_of, client_of, standing
from eid.oidc.offered import methods_of
from eid.oidc.own_client import ACCOUNT, HOME, is_own
from eid.oidc.own_ports import OwnPages
from eid.oidc.pages import Problem, Shown, render
from eid.oidc.provider import Provider

HIGHEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request to one of the person's own pages, by the person."""

    provider: Provider = field(repr=False)
    request: Request
    at: datetime
    session: OwnSession
    account: Account = field(repr=False)
    own: OwnPages = field(repr=False)
    place: str

    def form(self, *, limits: dict[str, int] | None = None) -> Parameters:
        """The form, if it stood on one of these pages; RequestRefused otherwise."""
        cookie = self.session.cookie
        return checked_form(self.provider, self.request, cookie, FORM, limits=limits or NO_LIMITS)

    def page(
        self,
        template: str,
        *,
        status: int = 200,
        problem: Problem | None = None,
        passkeys: bool = False,
        drawn: bool = False,
        **values: Shown,
    ) -> Response:
        """One of the pages."""
        context = context_of(self.provider, self.request, at=self.url(self.place))
        answer = render(
            template,
            replace(context, passkeys=passkeys, drawn=drawn),
            status=status,
            csrf=self.session.csrf,
            username=self.account.username,
            place=self.place,
            error=problem,
            **values,
        )
        return replace(answer, headers=answer.headers + retry_headers(status))

    def url(self, path: str) -> str:
        """The address of a path."""
        return self.provider.settings.url(path)

    def go(self, path: str, *headers: tuple[str, str]) -> Response:
        """On to another of these pages."""
        return see_other(self.url(path), headers=headers)


Page = Callable[[Visit], Response]
Handler = Callable[[Provider, Request], Response]


def visited(page: Page, place: str, *, fresh: bool = False) -> Handler:
    """A page for whoever has logged in to his account; ``fresh`` asks for a step up.

    Whoever has not is sent through the login, and comes back to ``place``.
    """

    def handle(provider: Provider, request: Request) -> Response:
        at = provider.clock()
        session = own_sessions.current(provider, request, at=at)
        account = None if session is None else provider.accounts.by_id(session.account_id)
        if provider.own is None:
            raise RequestRefused("There are no such pages.", code="request.not_found")
        if session is None or account is None or account.state in {"locked", "closed"}:
            return begin(provider, request, place, at=at)
        if fresh and not session.is_fresh(reach(provider, account, at=at), at=at):
            shown = session.young_factors(at=at)
            return begin(provider, request, place, account=account, shown=shown, at=at)
        visit = Visit(
            provider=provider,
            request=request,
            at=at,
            session=session,
            account=account,
            own=provider.own,
            place=place,
        )
        return page(visit)

    return handle


def reach(provider: Provider, account: Account, *, at: datetime) -> int:
    """The authentication level that the person can show here, at most 2."""
    shown = (Factor.of(method, at) for method in methods_of(provider, account))
    return min(HIGHEST, auth_level(shown))


def begin(  # noqa: PLR0913 - each is a fact of its own
    provider: Provider,
    request: Request,
    place: str,
    *,
    account: Account | None = None,
    shown: tuple[Factor, ...] = (),
    client_id: str = ACCOUNT,
    at: datetime,
) -> Response:
    """A login for these pages; of ``account``, at the level that it can show, if one is given.

    ``shown`` are the factors that this browser showed just before.
    """
    prefix = provider.settings.acr_prefix
    level = 1
    if account is not None and client_id == ACCOUNT:
        level = reach(provider, account, at=at)
    wanted = AuthorizationRequest(
        client_id=client_id,
        redirect_uri=provider.settings.url(place),
        scopes=("openid",),
        login_hint=account.username if account else None,
        acr=AcrRequest(essential=(f"{prefix}:auth:{level}",)),
    )
    start = sessions.Start(account_id=account.id if account else None, factors=shown)
    session = sessions.begin(provider, wanted, request, start=start, at=at)
    return onward(provider, session, at=at)


def enter(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}/enter``: the end of such a login, by the browser that began it."""
    at = provider.clock()
    interaction = sessions.resume(provider, request, at=at).interaction
    if not is_own(interaction.request.client_id):
        raise RequestRefused("This step does not follow here.", code="interaction.impossible_step")
    if interaction.kiosk is not None:  # nobody stays signed in where others come next
        raise RequestRefused("My account does not open on a kiosk.", code="account.at_kiosk")
    ended = interaction.moved("agreed")
    account, client = account_of(provider, interaction), client_of(provider, interaction)
    worth = assurance_of(provider, interaction, account, at=at)
    prefix = provider.settings.acr_prefix
    if not worth.auth_level or not is_met(
        interaction.request.acr, standing(worth, client), prefix=prefix
    ):
        raise sessions.over()
    cookie, row = own_sessions.started(
        provider, account.id, factors=interaction.factors, auth_level=worth.auth_level, at=at
    )
    entered = event(ended, "account.entered", at, auth_level=str(worth.auth_level))
    before = own_sessions.current(provider, request, at=at)
    sessions.finish(provider, ended, at=at, issue=[row], events=[entered])
    if before is not None:
        provider.grants.consume("account_session", before.key, at=at)
    headers = (
        sessions.no_cookie_header(provider, interaction),
        own_sessions.cookie_header(provider, cookie),
    )
    return see_other(interaction.request.redirect_uri, headers=headers)


def leave(visit: Visit) -> Response:
    """``POST /account/leave``."""
    visit.form()
    visit.provider.grants.consume("account_session", visit.session.key, at=visit.at)
    context = context_of(visit.provider, visit.request)
    page = render("logged_out.html", context)
    gone = own_sessions.cookie_header(visit.provider, "")
    return replace(page, headers=(*page.headers, gone))


def given_up(provider: Provider, request: Request) -> Response:
    """Back from a login that was cancelled or could not be met."""
    context = context_of(provider, request)
    return render("account_left.html", context, home=provider.settings.url(HOME))
