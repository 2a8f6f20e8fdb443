"""One's own data, taken along; and the end of the account."""

from __future__ import annotations

import json
from dataclasses import replace

from eid.oidc import logout
from eid.oidc.account import session as own_sessions
from eid.oidc.account.entry import Visit
from eid.oidc.account.password import end_everything
from eid.oidc.context import context_of
from eid.oidc.http import Response
from eid.oidc.pages import render
from eid.oidc.withdrawal import withdraw


def data_page(visit: Visit) -> Response:
    """``GET /account/data``."""
    return visit.page("account_data.html")


def export(visit: Visit) -> Response:
    """``POST /account/data``: everything there is about the person, as JSON (row D-003)."""
    visit.form()
    told = visit.own.subjects.access(visit.account.id, by=visit.account.id, at=visit.at)
    body = json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True).encode()
    named = ("Content-Disposition", 'attachment; filename="my-data.json"')
    return Response(body=body, content_type="application/json; charset=utf-8", headers=(named,))


def close_page(visit: Visit) -> Response:
    """``GET /account/close``."""
    return visit.page("account_close.html", unsure=False)


def close(visit: Visit) -> Response:
    """``POST /account/close``: consents, tokens and sessions end, then the account.

    What began meanwhile ends with it: an account that is closed has left nothing behind.
    """
    if visit.form().get("sure") != "1":
        return visit.page("account_close.html", unsure=True, status=409)
    account_id = visit.account.id
    for client_id in {one.client for one in visit.own.ledger.of_account(account_id)}:
        withdraw(visit.provider, visit.own, account_id, client_id, at=visit.at)
    logout.end_sessions(visit.provider, account_id, at=visit.at)
    visit.own.register.happen(
        account_id, "closed", by=account_id, reason="own request", at=visit.at
    )
    end_everything(visit)
    page = render("account_closed.html", context_of(visit.provider, visit.request))
    gone = own_sessions.cookie_header(visit.provider, "")
    return replace(page, headers=(*page.headers, gone))
