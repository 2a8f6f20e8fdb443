"""Passkeys (WebAuthn level 2): as the first factor of anybody, or as one more.

Each page has a challenge of its own, which is bound to its login and good once.
"""

from __future__ import annotations

import json

from eid.errors import FormatError, RequestRefused
from eid.keys import JSON, parse_json_object
from eid.levels.account import Account
from eid.levels.assurance import Factor
from eid.oidc.answers import own_form
from eid.oidc.http import Parameters, Request, Response
from eid.oidc.methods.steps import Asked, open_step, page, take
from eid.oidc.offered import party_of
from eid.oidc.pages import Problem
from eid.oidc.provider import Provider

MAX_RESPONSE = 16 * 1024
LIMITS = {"response": MAX_RESPONSE}


def show(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}/passkey``."""
    asked = open_step(provider, request, "passkey", known=False, at=provider.clock())
    return _page(provider, request, asked)


def answer(provider: Provider, request: Request) -> Response:
    """``POST /interaction/{id}/passkey``."""
    at = provider.clock()
    asked = open_step(provider, request, "passkey", known=False, at=at)
    form = own_form(provider, request, asked.session, limits=LIMITS)

    def check() -> tuple[Account, Factor]:
        account_id, factor = asked.own.factors.check_passkey(
            form.get("handle") or "",
            party_of(provider),
            response_of(form),
            at=at,
            bound_to=_bound(asked),
        )
        account = provider.accounts.by_id(account_id)
        if account is None:
            raise _refused()
        return account, factor

    def again(problem: Problem, status: int) -> Response:
        return _page(provider, request, asked, problem=problem, status=status)

    return take(provider, request, asked, check, again, at=at)


def response_of(form: Parameters) -> dict[str, JSON]:
    """What the authenticator answered; RequestRefused ``passkey`` for what is no JSON object."""
    try:
        return parse_json_object((form.get("response") or "").encode(), max_size=MAX_RESPONSE)
    except FormatError as error:
        raise _refused() from error


def options_text(options: dict[str, JSON]) -> str:
    """The options as the page hands them to the script."""
    return json.dumps(options, separators=(",", ":"))


def _page(
    provider: Provider,
    request: Request,
    asked: Asked,
    *,
    problem: Problem | None = None,
    status: int = 200,
) -> Response:
    at, party, factors = provider.clock(), party_of(provider), asked.own.factors
    if asked.account is None:
        handle, options = factors.begin_unnamed_passkey(party, at=at, bound_to=_bound(asked))
    else:
        account = asked.account
        handle, options = factors.begin_passkey(
            account.id,
            party,
            username=account.username,
            enrol=False,
            at=at,
            bound_to=_bound(asked),
        )
    return page(
        provider,
        request,
        asked,
        "passkey.html",
        handle=handle,
        options=options_text(options),
        problem=problem,
        status=status,
    )


def _refused() -> RequestRefused:
    return RequestRefused("The passkey's answer does not hold.", code="passkey")


def _bound(asked: Asked) -> str:
    return f"login:{asked.session.interaction.reference}"
