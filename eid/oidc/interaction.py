"""One login in one browser: its stages as a table, and what its row holds.

>>> MOVES["login", "level_reached"]
'consent'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, cast

from eid.errors import RequestRefused
from eid.keys import JSON, decode_base64url, encode_base64url
from eid.levels.assurance import Factor
from eid.oidc.authorization import AuthorizationRequest, read_request, stored_request
from eid.oidc.handles import key_of
from eid.oidc.payload import Payload, integer, members, octets, optional_text, text, texts
from eid.oidc.ports import AuditEvent, Grant

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

    ``id`` is the handle in the address, ``key`` its SHA-256; ``version`` is the row's, 0 as long
    as there is none.
    ``kiosk`` is the enrolled kiosk that it goes on at.
    ``signed_on`` is when the person logged in, and ``signed_amr`` how, if a session brought them.
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
    signed_on: int | None = None
    signed_amr: tuple[str, ...] = ()
    kiosk: str | None = None
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
            "request": stored_request(self.request),
            "cookie_hash": encode_base64url(self.cookie_hash),
            "stage": self.stage,
            "account": self.account_id,
            "factors": [factor_json(factor) for factor in self.factors],
            "card_request": None if card_request is None else encode_base64url(card_request),
            "refused_cards": self.refused_cards,
        }
        if self.kiosk is not None:
            payload["kiosk"] = self.kiosk
        if self.signed_on is not None:
            payload |= {"signed_on": self.signed_on, "signed_amr": list(self.signed_amr)}
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
        return cls(
            id=interaction_id,
            request=read_request(payload.get("request")),
            cookie_hash=octets(payload, "cookie_hash"),
            expires_at=grant.expires_at,
            stage=cast("Stage", text(payload, "stage")),
            account_id=optional_text(payload, "account"),
            factors=factors_of(payload),
            card_request=None if card_request is None else decode_base64url(card_request),
            refused_cards=integer(payload, "refused_cards"),
            signed_on=integer(payload, "signed_on") if "signed_on" in payload else None,
            signed_amr=texts(payload, "signed_amr"),
            kiosk=optional_text(payload, "kiosk"),
            version=grant.version,
        )


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


def factor_json(factor: Factor) -> dict[str, JSON]:
    """A factor that was shown, for a row."""
    shown: dict[str, JSON] = {"method": factor.method, "at": int(factor.at.timestamp())}
    return shown | {"user_verified": True} if factor.user_verified else shown


def factors_of(payload: Payload) -> tuple[Factor, ...]:
    """The factors that a row holds."""
    listed = payload.get("factors")
    items = listed if isinstance(listed, Sequence) else ()
    return tuple(_factor(item) for item in items if isinstance(item, Mapping))


def _factor(payload: Payload) -> Factor:
    return Factor.of(
        text(payload, "method"),
        datetime.fromtimestamp(integer(payload, "at"), tz=UTC),
        user_verified=payload.get("user_verified") is True,
    )
