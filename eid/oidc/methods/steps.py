"""One more factor in a login: the page that asks for it, and its answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from eid.errors import AccountError, EidError, RequestRefused
from eid.levels.account import Account
from eid.levels.assurance import Factor
from eid.oidc import session as sessions
from eid.oidc.answers import Look, csrf_of, page_of, refused_page, step
from eid.oidc.errors import status_of
from eid.oidc.http import Request, Response
from eid.oidc.interaction import event
from eid.oidc.login import account_of, with_factor
from eid.oidc.offered import methods_left
from eid.oidc.own_ports import OwnPages
from eid.oidc.pages import Problem, Shown
from eid.oidc.provider import Provider
from eid.oidc.session import Session

_log = logging.getLogger("eid.oidc")
MAX_CODE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A login at the page of one method, by the browser that may go on with it."""

    session: Session
    account: Account | None
    own: OwnPages
    method: str

    @property
    def known(self) -> Account:
        """The account; only where :func:`open_step` wanted one."""
        assert self.account is not None
        return self.account


def open_step(
    provider: Provider, request: Request, method: str, *, known: bool = True, at: datetime
) -> Asked:
    """The login, if the method can be shown in it now; RequestRefused otherwise."""
    session = sessions.resume(provider, request, at=at)
    interaction = session.interaction
    account = None
    if known or interaction.account_id is not None:
        account = account_of(provider, interaction)
    if provider.own is None or method not in methods_left(provider, interaction, account):
        raise RequestRefused("This step does not follow here.", code="interaction.impossible_step")
    return Asked(session=session, account=account, own=provider.own, method=method)


def take(
    provider: Provider,
    request: Request,
    asked: Asked,
    check: Callable[[], tuple[Account, Factor]],
    again: Callable[[Problem, int], Response],
    *,
    at: datetime,
) -> Response:
    """Check the factor and go on; a wrong one leaves its row, and the page ``again``."""

    def advance() -> Session:
        try:
            account, factor = check()
        except (AccountError, RequestRefused) as error:
            kind = f"login.{asked.method}_refused"
            refused = event(asked.session.interaction, kind, at, code=error.code)
            provider.grants.record([refused])
            raise _Refused(error) from error
        return with_factor(provider, asked.session, account, factor, at=at)

    try:
        return step(provider, request, asked.session, advance, at=at)
    except _Refused as refused:
        error = refused.error
        _log.info("login refused: %s [%s]", error.code, request.correlation)
        return again(Problem.of(error, request.correlation), status_of(error))
    except AccountError as error:
        return refused_page(provider, request, asked.session, error, at=at)


def page(
    provider: Provider,
    request: Request,
    asked: Asked,
    template: str,
    *,
    problem: Problem | None = None,
    status: int = 200,
    **values: Shown,
) -> Response:
    """The method's page."""
    look = Look(place=f"/{asked.method}", status=status, passkeys=asked.method == "passkey")
    return page_of(
        provider,
        request,
        asked.session.interaction,
        template,
        page=look,
        csrf=csrf_of(asked.session),
        error=problem,
        **values,
    )


class _Refused(Exception):
    """A factor that did not hold, on its way to the page."""

    def __init__(self, error: EidError) -> None:
        super().__init__(error.code)
        self.error = error
