"""The counter as one value: what its pages work with, wired by the application."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlsplit

from eid.admin.counter import CounterDesk
from eid.admin.ports import AccountDesk, CaseDesk, Looks, Passkeys
from eid.admin.recovery import RecoveryDesk
from eid.keys import EncryptionKey, SigningKey
from eid.levels.factors.passkey import PasskeyParty
from eid.oidc.ports import Grants


class Keys(Protocol):
    """The keys that requests to card agents are signed with, and evidence is encrypted to."""

    @property
    def card_requests(self) -> SigningKey:
        """The signing key."""

    @property
    def evidence(self) -> EncryptionKey:
        """The encryption key."""

    @property
    def published(self) -> tuple[SigningKey, ...]:
        """The signing keys that a card agent may meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterSettings:
    """Where the counter is, an origin of its own; whose it is; whether two officers must agree."""

    url: str
    agent_url: str
    name: str
    second_officer: bool = False

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies are ``__Host-`` and Secure: always, but on loopback."""
        return self.url.startswith("https://")

    @property
    def party(self) -> PasskeyParty:
        """Who asks officers for their passkeys, which must check their user."""
        host = urlsplit(self.url).hostname or ""
        return PasskeyParty(rp_id=host, name=self.name, origin=self.url, must_verify=True)


class EndEverything(Protocol):
    """Ends what a person has anywhere: sessions, tokens, logins under way; services are told."""

    def __call__(self, account_id: str, /, *, at: datetime) -> None:
        """End it."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Everything the counter's pages work with; it holds no state of its own."""

    settings: CounterSettings
    keys: Keys = field(repr=False)
    grants: Grants
    accounts: AccountDesk
    looks: Looks
    cases: CaseDesk
    passkeys: Passkeys
    desk: CounterDesk
    recovery: RecoveryDesk
    end_everything: EndEverything
    clock: Callable[[], datetime] = _now
    rng: Callable[[int], bytes] = secrets.token_bytes
