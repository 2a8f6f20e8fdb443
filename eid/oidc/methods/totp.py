"""A code from an app: the second factor of somebody whose first one was right (RFC 6238)."""

from __future__ import annotations

from eid.levels.account import Account
from eid.levels.assurance import Factor
from eid.oidc.answers import own_form
from eid.oidc.http import Request, Response
from eid.oidc.methods.steps import MAX_CODE, open_step, page, take
from eid.oidc.pages import Problem
from eid.oidc.provider import Provider


def show(provider: Provider, request: Request) -> Response:
    """``GET /interaction/{id}/totp``."""
    asked = open_step(provider, request, "totp", at=provider.clock())
    return page(provider, request, asked, "totp.html")


def answer(provider: Provider, request: Request) -> Response:
    """``POST /interaction/{id}/totp``."""
    at = provider.clock()
    asked = open_step(provider, request, "totp", at=at)
    given = own_form(provider, request, asked.session).get("code") or ""

    def check() -> tuple[Account, Factor]:
        typed = plain_digits(given)
        address = request.address
        return asked.known, asked.own.factors.check_totp(
            asked.known.id, typed, address=address, at=at
        )

    def again(problem: Problem, status: int) -> Response:
        return page(provider, request, asked, "totp.html", problem=problem, status=status)

    return take(provider, request, asked, check, again, at=at)


def plain_digits(given: str) -> str:
    """A code as people type it, without the spaces between its digits."""
    return given[:MAX_CODE].replace(" ", "")
