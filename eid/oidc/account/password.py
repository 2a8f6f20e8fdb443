"""A new password: every session of the person ends, this browser's begins anew."""

from __future__ import annotations

from eid.errors import FormatError
from eid.levels.assurance import auth_level
from eid.levels.factors.password import check_policy
from eid.oidc import logout, sign_on
from eid.oidc.account import session as own_sessions
from eid.oidc.account.entry import Visit
from eid.oidc.errors import status_of
from eid.oidc.http import Request, Response
from eid.oidc.own_client import HOME
from eid.oidc.pages import Problem
from eid.oidc.ports import AuditEvent

MAX_PASSWORD = 256


def password_page(visit: Visit) -> Response:
    """``GET /account/password``."""
    return visit.page("account_password.html")


def change(visit: Visit) -> Response:
    """``POST /account/password``: sessions end before it, and those that began meanwhile after it.

    So whoever knew the old one is never left behind, wherever the change is cut off.
    """
    form = visit.form()
    changed = AuditEvent(kind="account.password_changed", at=visit.at, account=visit.account.id)
    try:
        chosen = chosen_password(form.get("password"), form.get("again"))
        check_policy(chosen)
        end_everything(visit)
        visit.own.register.set_password(visit.account.id, chosen, at=visit.at, events=[changed])
    except FormatError as error:
        problem = Problem.of(error, visit.request.correlation)
        return visit.page("account_password.html", problem=problem, status=status_of(error))
    return alone(visit, HOME)


def alone(visit: Visit, onward: str, *, without: str = "") -> Response:
    """On to another page, with every session of the person ended but this visit, which begins anew.

    ``without`` is a method that is worth nothing any more: a visit that began with nothing else
    ends too.
    """
    end_everything(visit)
    factors = tuple(one for one in visit.session.factors if one.method != without)
    if not factors:
        return visit.go(onward, own_sessions.cookie_header(visit.provider, ""))
    cookie, row = own_sessions.started(
        visit.provider,
        visit.account.id,
        factors=factors,
        auth_level=min(visit.session.auth_level, auth_level(factors)),
        at=visit.at,
    )
    visit.provider.grants.put(row)
    return visit.go(onward, own_sessions.cookie_header(visit.provider, cookie))


def chosen_password(given: str | None, again: str | None) -> str:
    """A password that was typed twice; FormatError ``password.different`` otherwise."""
    if not given or given != again or len(given) > MAX_PASSWORD:
        raise FormatError("The two passwords differ.", code="password.different")
    return given


def end_everything(visit: Visit) -> None:
    """End every session of the person, here and at every service, and those of these pages."""
    logout.end_everything(visit.provider, visit.account.id, at=visit.at)


def is_this_browser(visit: Visit, request: Request, key: bytes) -> bool:
    """Whether a session is the one of the browser that asks."""
    here = sign_on.current(visit.provider, request, at=visit.at)
    return here is not None and here.key == key
