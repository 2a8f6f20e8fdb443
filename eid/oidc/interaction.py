"""One login in one browser: its stages as a table, its row, its cookie.

The row is found by the SHA-256 of the id in the address, belongs to the browser that holds the
interaction's own cookie, and is only ever written by compare-and-swap. The cookie changes each
time the login gains a right (O-042).

>>> MOVES["login", "level_reached"]
'consent'
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal, cast

from eid.errors import RequestRefused
from eid.keys import JSON, decode_base64url, encode_base64url
from eid.levels.assurance import Factor
from eid.oidc.authorize import AuthorizationRequest
from eid.oidc.cookies import cookie_name, read_cookie, set_cookie
from eid.oidc.handles import is_handle, key_of, new_handle
from eid.oidc.http import Request
from eid.oidc.payload import Payload, integer, members, octets, optional_text, text
from eid.oidc.ports import AuditEvent, Grant
from eid.oidc.provider import Provider

Stage = Literal["login", "consent", "finished"]
Event = Literal[
    "factor_accepted",
    "level_reached",
    "card_asked",
    "card_refused",
    "gone_stale",
    "agreed",
    "given_up",
]

MOVES: Mapping[tuple[Stage, Event], Stage] = MappingProxyType(
    {
        ("login", "factor_accepted"): "login",
        ("login", "level_reached"): "consent",
        ("login", "card_asked"): "login",
        ("login", "card_refused"): "login",
        ("login", "given_up"): "finished",
        ("consent", "level_reached"): "consent",
        ("consent", "factor_accepted"): "login",
        ("consent", "gone_stale"): "login",
        ("consent", "card_asked"): "consent",
        ("consent", "card_refused"): "consent",
        ("consent", "agreed"): "finished",
        ("consent", "given_up"): "finished",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """A login under way. ``card_request`` is the key of the one card request that counts.

    ``id`` is the handle in the address, ``key`` its SHA-256; ``version`` is the row's.
    """

    id: str = field(repr=False)
    request: AuthorizationRequest
    cookie_hash: bytes = field(repr=False)
    expires_at: datetime
    stage: Stage = "login"
    account_id: str | None = None
    factors: tuple[Factor, ...] = ()
    card_request: bytes | None = field(default=None, repr=False)
    refused_cards: int = 0
    version: int = 1

    @property
    def key(self) -> bytes:
        """Under which the row is stored."""
        return key_of(self.id)

    @property
    def reference(self) -> str:
        """What the record calls it: says nothing about the id."""
        return self.key.hex()[:16]

    def moved(self, event: Event) -> Interaction:
        """The interaction after ``event``; RequestRefused ``interaction.impossible_step``."""
        stage = MOVES.get((self.stage, event))
        if stage is None:
            raise RequestRefused(
                "This step does not follow here.", code="interaction.impossible_step"
            )
        return replace(self, stage=stage)

    def to_grant(self) -> Grant:
        """The row."""
        card_request = self.card_request
        payload: dict[str, JSON] = {
            "request": self.request.to_json(),
            "cookie_hash": encode_base64url(self.cookie_hash),
            "stage": self.stage,
            "account": self.account_id,
            "factors": [_factor_json(factor) for factor in self.factors],
            "card_request": None if card_request is None else encode_base64url(card_request),
            "refused_cards": self.refused_cards,
        }
        return Grant(
            kind="interaction",
            key=self.key,
            payload=payload,
            expires_at=self.expires_at,
            version=self.version,
        )

    @classmethod
    def from_grant(cls, interaction_id: str, grant: Grant) -> Interaction:
        """From the row; FormatError if the row is not ours."""
        payload = grant.payload
        card_request = optional_text(payload, "card_request")
        factors = payload.get("factors")
        return cls(
            id=interaction_id,
            request=AuthorizationRequest.from_json(members(payload, "request")),
            cookie_hash=octets(payload, "cookie_hash"),
            expires_at=grant.expires_at,
            stage=cast("Stage", text(payload, "stage")),
            account_id=optional_text(payload, "account"),
            factors=tuple(
                _factor(item)
                for item in (factors if isinstance(factors, Sequence) else ())
                if isinstance(item, Mapping)
            ),
            card_request=None if card_request is None else decode_base64url(card_request),
            refused_cards=integer(payload, "refused_cards"),
            version=grant.version,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An interaction whose browser is the right one: made only here, with its cookie's value."""

    interaction: Interaction
    cookie: str = field(repr=False)


def begin(provider: Provider, request: AuthorizationRequest, *, at: datetime) -> Session:
    """Store a new interaction."""
    cookie = new_handle(provider.rng)
    interaction = Interaction(
        id=new_handle(provider.rng, size=16),
        request=request,
        cookie_hash=key_of(cookie),
        expires_at=at + timedelta(seconds=provider.settings.interaction_s),
    )
    provider.grants.put(
        interaction.to_grant(), events=[event(interaction, "interaction.begun", at)]
    )
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
        replace(interaction, version=interaction.version + 1).to_grant(),
        version=interaction.version,
        at=at,
        events=events,
    )
    if not written:
        raise RequestRefused(
            "This login went on in another tab meanwhile.", code="interaction.changed"
        )
    return replace(interaction, version=interaction.version + 1)


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
) -> None:
    """Use the interaction up, once, for what is issued; RequestRefused ``interaction.over``."""
    consumed = provider.grants.consume(
        "interaction", interaction.key, at=at, issue=issue, events=events
    )
    if consumed is None:
        raise over()


def event(
    interaction: Interaction,
    kind: str,
    at: datetime,
    *,
    commitment: bytes | None = None,
    **detail: str,
) -> AuditEvent:
    """A row of the record about this interaction."""
    return AuditEvent(
        kind=kind,
        at=at,
        account=interaction.account_id,
        client=interaction.request.client_id,
        interaction=interaction.reference,
        detail=detail,
        commitment=commitment,
    )


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


def _factor_json(factor: Factor) -> dict[str, JSON]:
    return {"method": factor.method, "at": int(factor.at.timestamp())}


def _factor(payload: Payload) -> Factor:
    return Factor.of(
        text(payload, "method"), datetime.fromtimestamp(integer(payload, "at"), tz=UTC)
    )
