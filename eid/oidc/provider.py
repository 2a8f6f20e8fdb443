"""The provider as one value: settings, keys, ports and what the application injects.

>>> ProviderKeys.__slots__
('tokens', 'card_requests', 'evidence')
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from eid.keys import EncryptionKey, SigningKey
from eid.levels.rules import Rules
from eid.oidc.clients import Client, Clients, check_operator
from eid.oidc.ports import Accounts, Grants
from eid.oidc.settings import ProviderSettings

if TYPE_CHECKING:
    from eid.chip.evidence import Evidence
    from eid.chip.verify import VerifiedCard

JudgeEvidence: TypeAlias = "Callable[[Evidence, bytes, datetime, str | None], VerifiedCard]"
"""``(evidence, challenge, at, expect_number)``: the verified card, or a VerificationError."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderKeys:
    """One key per purpose: ID tokens, card requests, and evidence that is sent to us."""

    tokens: SigningKey
    card_requests: SigningKey
    evidence: EncryptionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Everything an endpoint works with. Holds no state of its own: nodes share only the ports.

    ``judge_evidence`` is the operator's verifier with its trust folder and policy; ``is_ready``
    asks the store.
    """

    settings: ProviderSettings
    keys: ProviderKeys = field(repr=False)
    grants: Grants
    accounts: Accounts
    clients: Clients
    judge_evidence: JudgeEvidence
    rules: Rules = field(repr=False)
    clock: Callable[[], datetime] = _now
    rng: Callable[[int], bytes] = secrets.token_bytes
    is_ready: Callable[[], bool] = lambda: True

    def client(self, client_id: str) -> Client | None:
        """The registered client; SettingsError if this operator may not serve it."""
        client = self.clients.by_id(client_id)
        if client is not None:
            check_operator(
                client, legal_entity=self.settings.legal_entity, role=self.settings.role
            )
        return client
