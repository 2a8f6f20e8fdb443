"""A login's row and its browser's cookie: begin, resume, save, finish (contracts §5, §7).

The row is found by the SHA-256 of the id in the address, belongs to the browser that holds the
interaction's own cookie, and is only ever written by compare-and-swap. The cookie changes each
time the login gains a right (row O-042).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from eid.errors import RequestRefused
from eid.levels.assurance import Factor
from eid.levels.consent import Consent
from eid.oidc.authorization import AuthorizationRequest
from eid.oidc.cookies import cookie_name, read_cookie, set_cookie
from eid.oidc.handles import is_handle, key_of, new_handle
from eid.oidc.http import Request
from eid.oidc.interaction import Interaction, event
from eid.oidc.ports import AuditEvent, Grant
from eid.oidc.provider import Provider
from eid.oidc.sign_on import SignOn, account_family


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An interaction whose browser is the right one: made only here, with its cookie's value."""

    interaction: Interaction
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a login for the provider's own pages begins.

    ``account_id`` is the only person whose factors it takes; ``factors`` are those that this
    browser has shown just before; ``lives_s`` is how long it lasts, if not as long as any other.
    """

    account_id: str | None = None
    factors: tuple[Factor, ...] = ()
    lives_s: int = 0


FROM_NOTHING = Start()


def begin(
    provider: Provider,
    request: AuthorizationRequest,
    *,
    signed_on: SignOn | None = None,
    start: Start = FROM_NOTHING,
    at: datetime,
) -> Session:
    """Store a new interaction; one that a session suffices for begins with the consent."""
    cookie = new_handle(provider.rng)
    interaction = Interaction(
        id=new_handle(provider.rng, size=16),
        request=request,
        cookie_hash=key_of(cookie),
        expires_at=at + timedelta(seconds=start.lives_s or provider.settings.interaction_s),
        account_id=start.account_id,
        factors=start.factors,
    )
    if signed_on is not None:
        interaction = replace(
            interaction.moved("level_reached"),
            account_id=signed_on.account_id,
            signed_on=signed_on.auth_time,
            signed_amr=signed_on.amr,
        )
    provider.grants.put(_row(interaction), events=[event(interaction, "interaction.begun", at)])
    return Session(interaction=interaction, cookie=cookie)


def resume(provider: Provider, request: Request, *, at: datetime) -> Session:
    """The interaction of the address, for its own browser only.

    RequestRefused ``interaction.over`` when it is unknown, finished or too old, and
    ``interaction.other_browser`` when its cookie is absent, doubled or another's.
    """
    interaction_id = request.path["interaction_id"]
    grant = (
        provider.grants.get("interaction", key_of(interaction_id), at=at)
        if is_handle(interaction_id)
        else None
    )
    if grant is None:
        raise over()
    interaction = Interaction.from_grant(interaction_id, grant)
    cookie = read_cookie(request, name_of(provider, interaction)) or ""
    if not hmac.compare_digest(key_of(cookie), interaction.cookie_hash):
        provider.grants.record([event(interaction, "interaction.other_browser", at)])
        raise RequestRefused(
            "This login was begun in another browser.", code="interaction.other_browser"
        )
    return Session(interaction=interaction, cookie=cookie)


def save(
    provider: Provider,
    interaction: Interaction,
    *,
    at: datetime,
    events: Sequence[AuditEvent] = (),
) -> Interaction:
    """Write the interaction if nobody else did since; RequestRefused ``interaction.changed``."""
    written = provider.grants.replace(
        _row(replace(interaction, version=interaction.version + 1)),
        version=interaction.version,
        at=at,
        events=events,
    )
    if not written:
        raise RequestRefused(
            "This login went on in another tab meanwhile.", code="interaction.changed"
        )
    return replace(interaction, version=interaction.version + 1)


def _row(interaction: Interaction) -> Grant:
    """The row, with the person's sessions once he is known: a new password ends it with them."""
    known = interaction.account_id
    family = None if known is None else account_family(known)
    return replace(interaction.to_grant(), family=family)


def renewed(provider: Provider, interaction: Interaction) -> Session:
    """The interaction with a new cookie: to be saved, and its cookie to be set."""
    cookie = new_handle(provider.rng)
    return Session(interaction=replace(interaction, cookie_hash=key_of(cookie)), cookie=cookie)


def finish(
    provider: Provider,
    interaction: Interaction,
    *,
    at: datetime,
    issue: Sequence[Grant] = (),
    events: Sequence[AuditEvent] = (),
    consents: Sequence[Consent] = (),
) -> None:
    """Use the interaction up, once, for what is issued; RequestRefused ``interaction.over``."""
    consumed = provider.grants.consume(
        "interaction", interaction.key, at=at, issue=issue, events=events, consents=consents
    )
    if consumed is None:
        raise over()


def over() -> RequestRefused:
    """The interaction is unknown, finished or too old."""
    return RequestRefused("This login is over; begin again.", code="interaction.over")


def name_of(provider: Provider, interaction: Interaction) -> str:
    """The name of the interaction's cookie."""
    return cookie_name(interaction.id, secure=provider.settings.secure_cookies)


def cookie_header(provider: Provider, session: Session, *, at: datetime) -> tuple[str, str]:
    """The header that gives the browser its cookie, for as long as the interaction lives."""
    left = int((session.interaction.expires_at - at).total_seconds())
    return set_cookie(
        name_of(provider, session.interaction),
        session.cookie,
        max_age=max(left, 1),
        secure=provider.settings.secure_cookies,
    )


def no_cookie_header(provider: Provider, interaction: Interaction) -> tuple[str, str]:
    """The header that takes the cookie away."""
    return set_cookie(
        name_of(provider, interaction), "", max_age=0, secure=provider.settings.secure_cookies
    )
