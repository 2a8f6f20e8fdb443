"""A PIN: the second kind beside a card, for machines where few keys are there."""

from __future__ import annotations

from eid.levels.account import Account
from eid.levels.assurance import Factor
from eid.oidc.answers import own_form
from eid.oidc.http import Request, Response
from eid.oidc.methods.steps import open_step, page, take
from eid.oidc.pages import Problem
from eid.oidc.provider import Provider


def show(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}/pin``."""
    asked = open_step(provider, request, "pin", at=provider.clock())
    return page(provider, request, asked, "pin.html")


def answer(provider: Provider, request: Request) -> Response:
    """``POST /interaction/{id}/pin``."""
    at = provider.clock()
    asked = open_step(provider, request, "pin", at=at)
    given = own_form(provider, request, asked.session).get("pin") or ""

    def check() -> tuple[Account, Factor]:
        return asked.known, asked.own.factors.check_pin(
            asked.known.id, given, address=request.address, at=at
        )

    def again(problem: Problem, status: int) -> Response:
        return page(provider, request, asked, "pin.html", problem=problem, status=status)

    return take(provider, request, asked, check, again, at=at)
