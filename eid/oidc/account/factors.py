"""Ways to log in, as their owner sees, adds and removes them (contracts §6).

Removing one never lowers anything silently: before it the page says what the account can still
show afterwards, and a loss that leaves less is agreed to by a box of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from eid.errors import AccountError, EidError, FormatError, RequestRefused, Unavailable
from eid.keys import encode_base64url
from eid.levels.assurance import Factor, auth_level
from eid.levels.factors.code import Channel, ChannelKind
from eid.levels.factors.enrolled import Enrolled
from eid.levels.factors.otp import totp_uri
from eid.oidc.account.entry import HIGHEST, Visit, reach
from eid.oidc.account.password import alone
from eid.oidc.errors import status_of
from eid.oidc.http import Response
from eid.oidc.methods.passkey import LIMITS, options_text, response_of
from eid.oidc.methods.totp import plain_digits
from eid.oidc.offered import has_passkeys, methods_of, party_of
from eid.oidc.pages import Problem

METHODS = "/account/methods"


def listed(visit: Visit) -> Response:
    """``GET /account/methods``."""
    offered = visit.provider.settings.methods
    return visit.page(
        "account_methods.html",
        enrolled=visit.own.factors.enrolled(visit.account.id),
        suspended=visit.own.factors.suspended(visit.account.id),
        card="card" in offered and visit.account.profile is not None,
        offers={
            "pin": "pin" in offered,
            "app": "totp" in offered,
            "channel": "code" in offered and bool(visit.own.senders),
            "passkey": "passkey" in offered and has_passkeys(visit.provider),
        },
    )


# -- a PIN ---------------------------------------------------------------------------------------


def pin_page(visit: Visit) -> Response:
    """``GET /account/methods/pin``."""
    return visit.page("account_pin.html")


def set_pin(visit: Visit) -> Response:
    """``POST /account/methods/pin``: it counts at once, and an older one no more."""
    form = visit.form()
    _check_offered(visit, "pin")
    chosen = form.get("pin") or ""
    if chosen != form.get("again"):
        return _again(
            visit, "account_pin.html", FormatError("The two PINs differ.", code="pin.different")
        )
    older = any(one.method == "pin" for one in visit.own.factors.enrolled(visit.account.id))
    try:
        visit.own.factors.enrol_pin(visit.account, chosen, at=visit.at)
    except (AccountError, FormatError) as error:
        return _again(visit, "account_pin.html", error)
    return alone(visit, METHODS, without="pin") if older else visit.go(METHODS)


# -- an app ------------------------------------------------------------------------------------


def app_page(visit: Visit) -> Response:
    """``GET /account/methods/app``: what will happen, and the button."""
    return visit.page("account_app.html", secret=None, picture=None)


def add_app(visit: Visit) -> Response:
    """``POST /account/methods/app``: the secret, this once; it counts after a right code."""
    visit.form()
    _check_offered(visit, "totp")
    _, secret = visit.own.factors.enrol_totp(visit.account.id, at=visit.at)
    issuer = visit.provider.settings.legal_entity
    uri = totp_uri(secret, username=visit.account.username, issuer=issuer)
    picture = None if visit.own.draw is None else encode_png(visit.own.draw(uri))
    spaced = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
    drawn = picture is not None
    return visit.page("account_app.html", secret=spaced, picture=picture, drawn=drawn)


def confirm_app(visit: Visit) -> Response:
    """``POST /account/methods/app/confirm``."""
    code = plain_digits(visit.form().get("code") or "")
    try:
        visit.own.factors.check_totp(
            visit.account.id, code, address=visit.request.address, at=visit.at
        )
    except AccountError as error:
        return _again(visit, "account_app_code.html", error)
    return visit.go(METHODS)


# -- a channel ---------------------------------------------------------------------------------


def channel_page(visit: Visit) -> Response:
    """``GET /account/methods/channel``."""
    kinds = tuple(visit.own.senders)
    return visit.page("account_channel.html", kinds=kinds, label=None)


def add_channel(visit: Visit) -> Response:
    """``POST /account/methods/channel``: keep it, and send it a first code."""
    form = visit.form()
    _check_offered(visit, "code")
    try:
        channel = channel_of(form.get("kind") or "", form.get("address") or "")
        send_first(visit, channel)
    except (AccountError, FormatError, Unavailable) as error:
        kinds = tuple(visit.own.senders)
        return _again(visit, "account_channel.html", error, kinds=kinds, label=None)
    return visit.page("account_channel.html", kinds=(), label=channel.masked)


def confirm_channel(visit: Visit) -> Response:
    """``POST /account/methods/channel/confirm``."""
    code = plain_digits(visit.form().get("code") or "")
    try:
        visit.own.factors.check_code(
            visit.account.id, code, address=visit.request.address, at=visit.at
        )
    except AccountError as error:
        return _again(visit, "account_channel.html", error, kinds=(), label="")
    return visit.go(METHODS)


def send_first(visit: Visit, channel: Channel) -> None:
    """Enrol a channel and send a code to it; Unavailable for a kind that nobody carries."""
    sender, service = visit.own.sender(channel.kind), visit.provider.settings.legal_entity
    factors, account_id = visit.own.factors, visit.account.id
    channel_id = factors.enrol_channel(account_id, channel, at=visit.at)
    factors.send_code(account_id, channel_id, sender, service=service, at=visit.at)


def channel_of(kind: str, address: str) -> Channel:
    """The channel that was typed; FormatError ``channel.address``."""
    kinds: dict[str, ChannelKind] = {"email": "email", "sms": "sms", "letter": "letter"}
    if kind not in kinds:
        raise FormatError("There is no such kind of channel.", code="channel.address")
    return Channel(kind=kinds[kind], address=address.strip())


# -- a passkey ---------------------------------------------------------------------------------


def passkey_page(visit: Visit) -> Response:
    """``GET /account/methods/passkey``."""
    _check_offered(visit, "passkey")
    return _passkey(visit)


def add_passkey(visit: Visit) -> Response:
    """``POST /account/methods/passkey``."""
    form = visit.form(limits=dict(LIMITS))
    _check_offered(visit, "passkey")
    try:
        visit.own.factors.enrol_passkey(
            form.get("handle") or "",
            party_of(visit.provider),
            response_of(form),
            at=visit.at,
            bound_to=_bound(visit),
        )
    except (AccountError, RequestRefused) as error:
        return _passkey(visit, problem=_problem(visit, error), status=status_of(error))
    return visit.go(METHODS)


def _passkey(visit: Visit, *, problem: Problem | None = None, status: int = 200) -> Response:
    handle, options = visit.own.factors.begin_passkey(
        visit.account.id,
        party_of(visit.provider),
        username=visit.account.username,
        enrol=True,
        at=visit.at,
        bound_to=_bound(visit),
    )
    return visit.page(
        "account_passkey.html",
        passkeys=True,
        handle=handle,
        options=options_text(options),
        problem=problem,
        status=status,
    )


def _bound(visit: Visit) -> str:
    return f"account:{encode_base64url(visit.session.key)}"


# -- taking one away -----------------------------------------------------------------------------


def remove_page(visit: Visit) -> Response:
    """``GET /account/methods/{factor_id}/remove``: what it would mean."""
    factor = _named(visit)
    return visit.page("account_remove.html", factor=factor, outcome=_consequence(visit, factor))


def remove(visit: Visit) -> Response:
    """``POST /account/methods/{factor_id}/remove``: with it goes what it may have opened.

    Whoever has a lost factor may be logged in by it now: every other session ends.
    """
    form, factor = visit.form(), _named(visit)
    outcome = _consequence(visit, factor)
    if outcome.lowers and form.get("sure") != "1":
        return visit.page("account_remove.html", factor=factor, status=409, outcome=outcome)
    lost = form.get("lost") == "1"
    visit.own.factors.remove(
        visit.account.id, factor.id, by=visit.account.id, lost=lost, at=visit.at
    )
    return alone(visit, METHODS, without=factor.method)


def _named(visit: Visit) -> Enrolled:
    wanted, factors = visit.request.path.get("factor_id"), visit.own.factors
    for one in (*factors.enrolled(visit.account.id), *factors.suspended(visit.account.id)):
        if one.id == wanted:
            return one
    raise AccountError("There is no such factor.", code="factor.unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The authentication level that can be reached now, and after a factor is gone."""

    now: int
    after: int

    @property
    def lowers(self) -> bool:
        """Whether less can be reached then."""
        return self.after < self.now


def _consequence(visit: Visit, factor: Enrolled) -> Outcome:
    enrolled = visit.own.factors.enrolled(visit.account.id)
    others = {one.method for one in enrolled if one.counts and one.id != factor.id}
    kept = [
        method
        for method in methods_of(visit.provider, visit.account)
        if method != factor.method or method in others
    ]
    now = reach(visit.provider, visit.account, at=visit.at)
    after = min(HIGHEST, auth_level(Factor.of(method, visit.at) for method in kept))
    return Outcome(now=now, after=after)


# -- what they share -----------------------------------------------------------------------------


def encode_png(picture: bytes) -> str:
    """A picture as an address that stands in the page itself."""
    text = encode_base64url(picture).replace("-", "+").replace("_", "/")
    return f"data:image/png;base64,{text}{'=' * (-len(text) % 4)}"


def _check_offered(visit: Visit, method: str) -> None:
    if method not in visit.provider.settings.methods:
        raise RequestRefused("This is not offered here.", code="interaction.impossible_step")


def _again(
    visit: Visit,
    template: str,
    error: EidError,
    *,
    kinds: tuple[str, ...] = (),
    label: str | None = None,
) -> Response:
    return visit.page(
        template,
        problem=_problem(visit, error),
        status=status_of(error),
        kinds=kinds,
        label=label,
    )


def _problem(visit: Visit, error: EidError) -> Problem:
    return Problem.of(error, visit.request.correlation)
