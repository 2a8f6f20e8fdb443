"""The first page of My account: who one is here, and at which level."""

from __future__ import annotations

from eid.oidc.account.entry import Visit, given_up, visited
from eid.oidc.http import Request, Response
from eid.oidc.own_client import HOME
from eid.oidc.provider import Provider


def show(provider: Provider, request: Request) -> Response:
    """``GET /account``; a login that ended without a result ends here too."""
    if request.parameters().get("error") is not None:
        return given_up(provider, request)
    return visited(_home, HOME)(provider, request)


def _home(visit: Visit) -> Response:
    account = visit.account
    return visit.page(
        "account.html",
        name=account.profile.name if account.profile else "",
        level=account.level if account.state == "active" else 0,
        state=account.state,
        auth_level=visit.session.auth_level,
        enrolled=[one for one in visit.own.factors.enrolled(account.id) if one.counts],
        suspended=bool(visit.own.factors.suspended(account.id)),
        can_rise=(
            "card" in visit.provider.settings.methods
            and account.level == 0
            and account.state in {"registered", "expired"}
        ),
    )
