"""Factors that a recovery suspended: shown once more they count again (contracts §6).

A yes alone would bring back what a thief enrolled, among one's own. So each is shown: the code of
the app, a code that reaches the address, the passkey itself. What cannot be shown is removed.
"""

from __future__ import annotations

from eid.errors import AccountError, EidError, RequestRefused, Unavailable
from eid.keys import encode_base64url
from eid.levels.factors.enrolled import Enrolled
from eid.oidc.account.entry import Visit
from eid.oidc.account.factors import METHODS
from eid.oidc.errors import status_of
from eid.oidc.http import Parameters, Response
from eid.oidc.methods.passkey import LIMITS, options_text, response_of
from eid.oidc.methods.totp import plain_digits
from eid.oidc.offered import party_of
from eid.oidc.pages import Problem


def page(visit: Visit) -> Response:
    """``GET /account/methods/{factor_id}/again``: what has to be shown."""
    return _page(visit, _named(visit))


def show(visit: Visit) -> Response:
    """``POST /account/methods/{factor_id}/again``: it counts again; or a code is sent to it."""
    form, factor = visit.form(limits=dict(LIMITS)), _named(visit)
    try:
        if factor.method == "code" and form.get("send") == "1":
            _send(visit, factor)
            return _page(visit, factor, sent=True)
        if factor.method == "passkey":
            _passkey(visit, form)
        else:
            _typed(visit, factor, form)
    except (AccountError, RequestRefused, Unavailable) as error:
        return _page(visit, factor, error=error)
    return visit.go(METHODS)


def _typed(visit: Visit, factor: Enrolled, form: Parameters) -> None:
    factors = visit.own.factors
    check = factors.check_totp if factor.method == "totp" else factors.check_code
    digits, address = plain_digits(form.get("code") or ""), visit.request.address
    check(visit.account.id, digits, address=address, at=visit.at, suspended=True)


def _passkey(visit: Visit, form: Parameters) -> None:
    visit.own.factors.check_passkey(
        form.get("handle") or "",
        party_of(visit.provider),
        response_of(form),
        at=visit.at,
        bound_to=_bound(visit),
        suspended=True,
    )


def _send(visit: Visit, factor: Enrolled) -> None:
    factors, account_id = visit.own.factors, visit.account.id
    sender = visit.own.sender(factors.channel_kind(account_id, factor.id, suspended=True))
    service = visit.provider.settings.legal_entity
    factors.send_code(account_id, factor.id, sender, service=service, at=visit.at, suspended=True)


def _named(visit: Visit) -> Enrolled:
    wanted = visit.request.path.get("factor_id")
    for one in visit.own.factors.suspended(visit.account.id):
        if one.id == wanted:
            return one
    raise AccountError("There is no such factor.", code="factor.unknown")


def _page(
    visit: Visit, factor: Enrolled, *, sent: bool = False, error: EidError | None = None
) -> Response:
    handle, options = "", ""
    if factor.method == "passkey":
        handle, asked = visit.own.factors.begin_passkey(
            visit.account.id,
            party_of(visit.provider),
            username=visit.account.username,
            enrol=False,
            at=visit.at,
            bound_to=_bound(visit),
            suspended=True,
        )
        options = options_text(asked)
    return visit.page(
        "account_again.html",
        passkeys=factor.method == "passkey",
        status=200 if error is None else status_of(error),
        problem=None if error is None else Problem.of(error, visit.request.correlation),
        factor=factor,
        sent=sent,
        handle=handle,
        options=options,
    )


def _bound(visit: Visit) -> str:
    return f"again:{encode_base64url(visit.session.key)}"
