"""A login's row and its browser's cookie: begin, resume, save, finish (contracts §5, §7).

The row is found by the SHA-256 of the id in the address, belongs to the browser that holds the
interaction's own cookie, and is only ever written by compare-and-swap. The cookie changes each
time the login gains a right (row O-042).

A login that begins from nothing has no row until it is saved first: its beginning is sealed into
the cookie, beside the handle. Once there is a row, in whatever state, the row alone counts.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from eid.errors import RequestRefused
from eid.levels.assurance import Factor
from eid.levels.consent import Consent
from eid.oidc import beginning
from eid.oidc.authorization import AuthorizationRequest
from eid.oidc.cookies import cookie_name, cookies_size, read_cookie, set_cookie
from eid.oidc.handles import is_handle, key_of, new_handle
from eid.oidc.http import Request
from eid.oidc.interaction import Interaction, event
from eid.oidc.ports import AuditEvent, Grant, Spent
from eid.oidc.provider import Provider
from eid.oidc.sign_on import SignOn, account_family

_BESIDE = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An interaction whose browser is the right one: made only here, with its cookie's handle.

    ``sealed`` is the beginning that came with the handle, or is to go with it.
    """

    interaction: Interaction
    cookie: str = field(repr=False)
    sealed: str = field(default="", repr=False)

    @property
    def value(self) -> str:
        """The cookie's value: with the beginning only as long as nothing is stored."""
        stored = bool(self.interaction.version)
        return self.cookie if stored else f"{self.cookie}{_BESIDE}{self.sealed}"


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
    asked: AuthorizationRequest,
    request: Request,
    *,
    signed_on: SignOn | None = None,
    start: Start = FROM_NOTHING,
    at: datetime,
) -> Session:
    """A new interaction; one that a session suffices for begins with the consent.

    It is stored unless it begins from nothing and its browser can keep it: ``request`` is the one
    that is answered.
    """
    cookie = new_handle(provider.rng)
    interaction = Interaction(
        id=new_handle(provider.rng, size=16),
        request=asked,
        cookie_hash=key_of(cookie),
        expires_at=at + timedelta(seconds=start.lives_s or provider.settings.interaction_s),
        account_id=start.account_id,
        factors=start.factors,
        version=0,
    )
    if signed_on is not None:
        interaction = replace(
            interaction.moved("level_reached"),
            account_id=signed_on.account_id,
            signed_on=signed_on.auth_time,
            signed_amr=signed_on.amr,
        )
    elif start == FROM_NOTHING:
        sealed = beginning.sealed(provider, interaction, cookie)
        unsaved = Session(interaction=interaction, cookie=cookie, sealed=sealed)
        if _fits(provider, request, unsaved):
            return unsaved
    begun = event(interaction, "interaction.begun", at)
    stored = save(provider, interaction, at=at, events=[begun])
    return Session(interaction=stored, cookie=cookie)


def _fits(provider: Provider, request: Request, session: Session) -> bool:
    """Whether the browser can send this cookie with every request: those of all tabs add up."""
    name, value = name_of(provider, session.interaction), session.value
    together = cookies_size(request) + cookies_size({name: (value,)})
    return len(value) <= beginning.MAX_COOKIE and together <= beginning.MAX_COOKIES


def resume(provider: Provider, request: Request, *, at: datetime) -> Session:
    """The interaction of the address, for its own browser only.

    RequestRefused ``interaction.over`` when it is unknown, finished or too old, and
    ``interaction.other_browser`` when its cookie is absent, doubled or another's. One that is
    not stored yet is unknown to every other browser.
    """
    interaction_id = request.path["interaction_id"]
    if not is_handle(interaction_id):
        raise over()
    found = provider.grants.look("interaction", key_of(interaction_id), at=at)
    name = cookie_name(interaction_id, secure=provider.settings.secure_cookies)
    cookie, _, sealed = (read_cookie(request, name) or "").partition(_BESIDE)
    if found is None:
        begun = beginning.opened(provider, interaction_id, cookie, sealed, at=at)
        if begun is None:
            raise over()
        return Session(interaction=begun, cookie=cookie, sealed=sealed)
    if isinstance(found, Spent):
        raise over()
    interaction = Interaction.from_grant(interaction_id, found)
    if not hmac.compare_digest(key_of(cookie), interaction.cookie_hash):
        provider.grants.record([event(interaction, "interaction.other_browser", at)])
        raise RequestRefused(
            "This login was begun in another browser.", code="interaction.other_browser"
        )
    return Session(interaction=interaction, cookie=cookie, sealed=sealed)


def is_alive(provider: Provider, interaction: Interaction, *, at: datetime) -> bool:
    """Whether the login can still go on, in whatever tab."""
    found = provider.grants.look("interaction", interaction.key, at=at)
    if found is None:
        return not interaction.version and interaction.expires_at > at
    return not isinstance(found, Spent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A login's next state, not written yet: ``grant`` goes over ``version``, with ``events``.

    Version 0 is of a login that is not stored yet. ``interaction`` is what it is once that is
    done, and ``cookie`` the one to set then.
    """

    interaction: Interaction
    cookie: str = field(repr=False)
    grant: Grant
    version: int
    events: tuple[AuditEvent, ...]

    @property
    def session(self) -> Session:
        """The session, once this is written."""
        return Session(interaction=self.interaction, cookie=self.cookie)


def planned(
    interaction: Interaction, *, cookie: str = "", events: Sequence[AuditEvent] = ()
) -> Planned:
    """How an interaction is to be written that was changed since it was read."""
    following = replace(interaction, version=interaction.version + 1)
    return Planned(
        interaction=following,
        cookie=cookie,
        grant=_row(following),
        version=interaction.version,
        events=tuple(events),
    )


def write(provider: Provider, step: Planned, *, at: datetime) -> Planned:
    """Write it if nobody else did since; RequestRefused ``interaction.changed``.

    The first time it is stored: of all tabs that began with it, one stores it.
    """
    if not provider.grants.replace(step.grant, version=step.version, at=at, events=step.events):
        raise changed()
    return step


def save(
    provider: Provider,
    interaction: Interaction,
    *,
    at: datetime,
    events: Sequence[AuditEvent] = (),
) -> Interaction:
    """Plan and write in one; the interaction as it is then."""
    return write(provider, planned(interaction, events=events), at=at).interaction


def changed() -> RequestRefused:
    """Somebody else wrote the interaction first."""
    return RequestRefused(
        "This login went on in another tab meanwhile.", code="interaction.changed"
    )


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
    """Use the interaction up, once, for what is issued; RequestRefused ``interaction.over``.

    One that was never stored is stored as used, so that nobody goes on with its beginning; nothing
    can be issued for it.
    """
    grants = provider.grants
    if interaction.version:
        consumed = grants.consume(
            "interaction", interaction.key, at=at, issue=issue, events=events, consents=consents
        )
        done = consumed is not None
    else:
        used = replace(_row(interaction), version=1, used_at=at)
        done = not issue and not consents and grants.claim(used, events=events)
    if not done:
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
        session.value,
        max_age=max(left, 1),
        secure=provider.settings.secure_cookies,
    )


def no_cookie_header(provider: Provider, interaction: Interaction) -> tuple[str, str]:
    """The header that takes the cookie away."""
    return set_cookie(
        name_of(provider, interaction), "", max_age=0, secure=provider.settings.secure_cookies
    )
