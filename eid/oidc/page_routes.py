"""The paths of the person's own pages and of the methods that are enrolled there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eid.oidc.http import Request, Response
from eid.oidc.late import Late, late
from eid.oidc.provider import Provider

Handlers = Mapping[str, Callable[[Provider, Request], Response]]
Row = tuple[str, Handlers]

_ONE = "/interaction/{interaction_id}"
LOGIN: tuple[Row, ...] = (
    (f"{_ONE}/totp", {"GET": late("methods.totp.show"), "POST": late("methods.totp.answer")}),
    (f"{_ONE}/pin", {"GET": late("methods.pin.show"), "POST": late("methods.pin.answer")}),
    (f"{_ONE}/code", {"GET": late("methods.code.show"), "POST": late("methods.code.answer")}),
    (f"{_ONE}/code/send", {"POST": late("methods.code.send")}),
    (
        f"{_ONE}/passkey",
        {"GET": late("methods.passkey.show"), "POST": late("methods.passkey.answer")},
    ),
    (f"{_ONE}/name", {"GET": late("sign_up.name_page"), "POST": late("sign_up.name")}),
    (f"{_ONE}/enter", {"GET": late("account.entry.enter")}),
    ("/sign-up", {"GET": late("sign_up.page"), "POST": late("sign_up.begin")}),
    ("/recover", {"GET": late("recover.page"), "POST": late("recover.complete")}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """A page for whoever has logged in to his account; ``fresh`` asks for a step up."""

    page: Late
    place: str
    fresh: bool = False

    def __call__(self, provider: Provider, request: Request) -> Response:
        """The page, or the way into the account."""
        from eid.oidc.account.entry import visited  # noqa: PLC0415 - loaded by the first visit

        return visited(self.page, self.place, fresh=self.fresh)(provider, request)


def _seen(path: str, **pages: str) -> Row:
    """Pages for whoever has logged in to his account."""
    return path, {m: Visited(page=_own(page), place=_back(path)) for m, page in pages.items()}


def _strong(path: str, **pages: str) -> Row:
    """Pages that ask for a step up: what protects the account, and its data."""
    return path, {
        m: Visited(page=_own(page), place=_back(path), fresh=True) for m, page in pages.items()
    }


def _own(page: str) -> Late:
    return late(f"account.{page}")


def _back(path: str) -> str:
    """Where a login or a step up leads back to: the page itself, or the one that it belongs to."""
    own = ("/{factor_id}/remove", "/{factor_id}/again")
    for end in ("/confirm", *own, "/end", "/withdraw", "/leave"):
        path = path.removesuffix(end)
    return path


ACCOUNT: tuple[Row, ...] = (
    ("/account", {"GET": late("account.home.show")}),
    _seen("/account/leave", POST="entry.leave"),
    _seen("/account/methods", GET="factors.listed"),
    _strong("/account/methods/pin", GET="factors.pin_page", POST="factors.set_pin"),
    _strong("/account/methods/app", GET="factors.app_page", POST="factors.add_app"),
    _strong("/account/methods/app/confirm", POST="factors.confirm_app"),
    _strong("/account/methods/channel", GET="factors.channel_page", POST="factors.add_channel"),
    _strong("/account/methods/channel/confirm", POST="factors.confirm_channel"),
    _strong("/account/methods/passkey", GET="factors.passkey_page", POST="factors.add_passkey"),
    _strong(
        "/account/methods/{factor_id}/remove", GET="factors.remove_page", POST="factors.remove"
    ),
    _strong("/account/methods/{factor_id}/again", GET="suspended.page", POST="suspended.show"),
    _strong("/account/password", GET="password.password_page", POST="password.change"),
    _seen("/account/sessions", GET="history.sessions"),
    _seen("/account/sessions/end", POST="history.end_one"),
    _seen("/account/consents", GET="history.consents"),
    _seen("/account/consents/withdraw", POST="history.withdraw_one"),
    _seen("/account/log", GET="history.log"),
    ("/account/level", {"GET": Visited(page=late("sign_up.rise"), place="/account/level")}),
    _strong("/account/data", GET="data.data_page", POST="data.export"),
    _strong("/account/close", GET="data.close_page", POST="data.close"),
)


def page_routes(provider: Provider) -> tuple[Row, ...]:
    """Paths and handlers; none for a provider without these pages."""
    return () if provider.own is None else (*LOGIN, *ACCOUNT)
