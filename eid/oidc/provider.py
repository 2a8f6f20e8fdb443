"""The provider as one value: settings, keys, ports and what the application injects.

>>> keys = ProviderKeys.generate()
>>> keys.token_key("RS256").alg, len(keys.published)
('RS256', 5)
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias

from eid.errors import SettingsError, Unavailable
from eid.keys import (
    JSON,
    SIGNING_ALGORITHMS,
    EncryptionKey,
    JwkSet,
    SigningAlgorithm,
    SigningKey,
)
from eid.levels.rules import Rules
from eid.oidc.clients import Client, Clients, check_operator
from eid.oidc.own_ports import OwnPages
from eid.oidc.ports import Accounts, Grants
from eid.oidc.settings import ProviderSettings

if TYPE_CHECKING:
    from eid.chip.evidence import Evidence
    from eid.chip.verify import VerifiedCard
    from eid.oidc.kiosk_ports import Kiosks

JudgeEvidence: TypeAlias = "Callable[[Evidence, bytes, datetime, str | None], VerifiedCard]"
"""``(evidence, challenge, at, expect_number)``: the verified card, or a VerificationError."""


def _now() -> datetime:
    return datetime.now(UTC)


class Keys(Protocol):
    """The keys that count now, one per purpose; they may change while the provider runs."""

    @property
    def tokens(self) -> SigningKey:
        """The default key of ID tokens."""

    @property
    def card_requests(self) -> SigningKey:
        """The key of requests to card agents."""

    @property
    def evidence(self) -> EncryptionKey:
        """The key that evidence is encrypted to."""

    @property
    def refresh(self) -> bytes:
        """The secret that a refresh token's successor is derived with."""

    @property
    def nonces(self) -> bytes:
        """The secret of DPoP nonces."""

    @property
    def beginnings(self) -> bytes:
        """The secret that logins are sealed with while nothing is stored for them."""

    @property
    def published(self) -> tuple[SigningKey, ...]:
        """Every signature key of the JWKS: current, next and retired."""

    def token_key(self, alg: SigningAlgorithm) -> SigningKey:
        """The current key of tokens in an algorithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderKeys:
    """Keys as a fixed value: one per purpose, and one per algorithm for tokens."""

    tokens: SigningKey
    card_requests: SigningKey
    evidence: EncryptionKey
    refresh: bytes = field(repr=False)
    nonces: bytes = field(repr=False)
    beginnings: bytes = field(repr=False)
    others: tuple[SigningKey, ...] = ()

    @classmethod
    def generate(cls) -> ProviderKeys:
        """New keys, for tests and for development."""
        return cls(
            tokens=SigningKey.generate("tokens"),
            card_requests=SigningKey.generate("card-requests"),
            evidence=EncryptionKey.generate("evidence"),
            refresh=secrets.token_bytes(32),
            nonces=secrets.token_bytes(32),
            beginnings=secrets.token_bytes(32),
            others=tuple(
                SigningKey.generate("tokens", alg) for alg in SIGNING_ALGORITHMS if alg != "ES256"
            ),
        )

    @property
    def published(self) -> tuple[SigningKey, ...]:
        """Every signature key of the JWKS."""
        return (self.tokens, *self.others, self.card_requests)

    def token_key(self, alg: SigningAlgorithm) -> SigningKey:
        """The key of tokens in an algorithm."""
        return next(key for key in (self.tokens, *self.others) if key.alg == alg)


class ClientKeys(Protocol):
    """Finds the keys behind a ``jwks_uri``; ``fresh`` asks not to answer from memory."""

    def __call__(self, jwks_uri: str, at: datetime, /, *, fresh: bool) -> JwkSet:
        """The keys; Unavailable if they cannot be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A logout token, and where its service wants it."""

    address: str
    token: str = field(repr=False)


class Notify(Protocol):
    """Posts logout tokens, by client id; the clients that took theirs come back."""

    def __call__(self, messages: Mapping[str, Notice], /) -> frozenset[str]:
        """Deliver, within a few seconds, and say which were taken."""


def _no_client_keys(_jwks_uri: str, _at: datetime, *, fresh: bool) -> JwkSet:
    raise Unavailable(f"No outbound calls are set up ({fresh=}).", code="outbound.off")


def _no_notices(_messages: Mapping[str, Notice]) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, kw_only=True)  # without slots: for_one_request() copies it in one go
class Provider:
    """Everything an endpoint works with. Holds no state of its own: nodes share only the ports.

    ``judge_evidence`` is the operator's verifier with its trust folder and policy, and his gateway
    if he has one; ``judge_visit`` is the same without a gateway, for kiosks' visits. ``is_ready``
    asks the store. ``client_keys``, ``notify`` and a gateway are the only calls that leave for
    others. ``own`` is what stands behind the person's own pages and the methods enrolled there.
    ``kiosk_trust`` gives the trust folder's files, by relative name, for kiosks to cache, and
    ``kiosk_policy`` what they demand of a card while the line is down.
    """

    settings: ProviderSettings
    keys: Keys = field(repr=False)
    grants: Grants
    accounts: Accounts
    clients: Clients
    judge_evidence: JudgeEvidence
    judge_visit: JudgeEvidence | None = None
    rules: Rules = field(repr=False)
    clock: Callable[[], datetime] = _now
    rng: Callable[[int], bytes] = secrets.token_bytes
    is_ready: Callable[[], bool] = lambda: True
    client_keys: ClientKeys = _no_client_keys
    notify: Notify = _no_notices
    own: OwnPages | None = None
    kiosks: Kiosks | None = None
    kiosk_trust: Callable[[], Mapping[str, bytes]] = dict
    kiosk_policy: Mapping[str, JSON] = field(default_factory=dict)

    def client(self, client_id: str) -> Client | None:
        """The registered client; SettingsError if this operator may not serve it."""
        client = self.clients.by_id(client_id)
        if client is not None:
            check_operator(
                client, legal_entity=self.settings.legal_entity, role=self.settings.role
            )
        return client

    def served(self, client_id: str) -> Client | None:
        """The client while it is served: None too if it is disabled, or not ours to serve."""
        try:
            return self.client(client_id)
        except SettingsError:
            return None


class _ReadOnce:
    """The clients as one request sees them: each is looked up once."""

    __slots__ = ("_behind", "_found")

    def __init__(self, behind: Clients) -> None:
        self._behind = behind
        self._found: dict[str, Client | None] = {}

    def by_id(self, client_id: str) -> Client | None:
        """The client with exactly this id."""
        if client_id not in self._found:
            self._found[client_id] = self._behind.by_id(client_id)
        return self._found[client_id]


def for_one_request(provider: Provider) -> Provider:
    """The provider for one request: a client that is disabled meanwhile is refused by the next."""
    one = object.__new__(Provider)
    one.__dict__.update(provider.__dict__, clients=_ReadOnce(provider.clients))
    return one
