"""The paths of the person's own pages and of the methods that are enrolled there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eid.oidc.http import Request, Response
from eid.oidc.methods import code, passkey, totp
from eid.oidc.provider import Provider

Handlers = Mapping[str, Callable[[Provider, Request], Response]]


def page_routes(provider: Provider) -> tuple[tuple[str, Handlers], ...]:
    """Paths and handlers; none for a provider without these pages."""
    return () if provider.own is None else LOGIN_ROUTES


_ONE = "/interaction/{interaction_id}"
LOGIN_ROUTES: tuple[tuple[str, Handlers], ...] = (
    (f"{_ONE}/totp", {"GET": totp.show, "POST": totp.answer}),
    (f"{_ONE}/code", {"GET": code.show, "POST": code.answer}),
    (f"{_ONE}/code/send", {"POST": code.send}),
    (f"{_ONE}/passkey", {"GET": passkey.show, "POST": passkey.answer}),
)
