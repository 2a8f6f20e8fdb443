"""The person's end of a recovery: a new password, with the handle that two officers agreed to.

The handle works once and for half an hour. What the recovery means for the level was told when
it was asked for; here it is said once more, and then done (contracts §6). Every factor of before
is suspended, and named on the page.
"""

from __future__ import annotations

from dataclasses import replace

from eid.errors import EidError, FormatError, RequestRefused
from eid.levels.factors.password import check_policy
from eid.oidc.account.password import chosen_password
from eid.oidc.answers import check_own_page
from eid.oidc.context import context_of
from eid.oidc.errors import status_of
from eid.oidc.handles import is_handle
from eid.oidc.http import Request, Response
from eid.oidc.logout import end_everything
from eid.oidc.pages import Problem, render
from eid.oidc.provider import Provider
from eid.oidc.rising import own_of

PATH = "/recover"


def page(provider: Provider, request: Request) -> Response:
    """``GET /recover``: how it goes, and the form."""
    return _page(provider, request)


def complete(provider: Provider, request: Request) -> Response:
    """``POST /recover``: the new password; every session of before ends before it does.

    A password that the policy refuses does not use the handle up.
    """
    check_own_page(provider, request)
    form, at = request.form(), provider.clock()
    handle = (form.get("handle") or "").strip()
    try:
        password = chosen_password(form.get("password"), form.get("again"))
        check_policy(password)
        if not is_handle(handle):
            raise _unknown()
        own = own_of(provider)
        # first what can be done again: a failure between the two leaves no session of a thief
        end_everything(provider, own.recovery.account_of(handle, at=at).id, at=at)
        account = own.recovery.complete(handle, password, at=at)
    except (FormatError, RequestRefused) as error:
        return _page(provider, request, error=error)
    return render(
        "recovered.html",
        context_of(provider, request),
        username=account.username,
        level=account.level,
        suspended=own.factors.suspended(account.id),
    )


def _page(provider: Provider, request: Request, *, error: EidError | None = None) -> Response:
    problem = None if error is None else Problem.of(error, request.correlation)
    context = context_of(provider, request, at=provider.settings.url(PATH))
    answer = render("recover.html", context, error=problem)
    return answer if error is None else replace(answer, status=status_of(error))


def _unknown() -> RequestRefused:
    return RequestRefused("The recovery is over, or was never asked for.", code="recovery")
