"""The provider's keys as they lie on disk now: a rotation counts without a restart (row O-062)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from eid.keys import (
    SIGNING_ALGORITHMS,
    EncryptionKey,
    KeyFolder,
    KeyRing,
    SigningAlgorithm,
    SigningKey,
    load_or_create_encryption_key,
    load_or_create_secret,
    load_ring,
)

RELOAD_S = 20
CARD_REQUESTS = "card-requests"


def token_purpose(alg: SigningAlgorithm) -> str:
    """The purpose of the tokens' key for an algorithm: one key each."""
    return "tokens" if alg == "ES256" else f"tokens-{alg.lower()}"


def signing_purposes() -> tuple[tuple[str, SigningAlgorithm], ...]:
    """Every purpose that rotates, with its algorithm."""
    tokens = tuple((token_purpose(alg), alg) for alg in SIGNING_ALGORITHMS)
    return (*tokens, (CARD_REQUESTS, "ES256"))


class LiveKeys:
    """Implements :class:`eid.oidc.provider.Keys`; looks again every twenty seconds.

    Raises SettingsError when it is made, if a key cannot be read; later it then stays with what
    it has.
    """

    def __init__(
        self, place: Path | KeyFolder, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keys = KeyFolder.of(place)
        self._clock = clock
        self._lock = threading.Lock()
        self._evidence = load_or_create_encryption_key(self._keys, "evidence")
        self._refresh = load_or_create_secret(self._keys, "refresh")
        self._nonces = load_or_create_secret(self._keys, "dpop-nonce")
        self._rings = self._load()
        self._mark = self._folder()
        self._looked = clock()

    @property
    def tokens(self) -> SigningKey:
        """The default key of ID tokens."""
        return self._now()["tokens"].current

    @property
    def card_requests(self) -> SigningKey:
        """The key of requests to card agents."""
        return self._now()[CARD_REQUESTS].current

    @property
    def evidence(self) -> EncryptionKey:
        """The key that evidence is encrypted to."""
        return self._evidence

    @property
    def refresh(self) -> bytes:
        """The secret that a refresh token's successor is derived with."""
        return self._refresh

    @property
    def nonces(self) -> bytes:
        """The secret of DPoP nonces."""
        return self._nonces

    @property
    def published(self) -> tuple[SigningKey, ...]:
        """Every signature key of the JWKS: current, next and retired."""
        return tuple(key for ring in self._now().values() for key in ring.published)

    def token_key(self, alg: SigningAlgorithm) -> SigningKey:
        """The current key of tokens in an algorithm."""
        return self._now()[token_purpose(alg)].current

    def _now(self) -> dict[str, KeyRing]:
        now = self._clock()
        if now - self._looked >= RELOAD_S:
            with self._lock:
                self._looked = now
                mark = self._folder()
                if mark != self._mark:
                    self._rings, self._mark = self._load(), mark
        return self._rings

    def _load(self) -> dict[str, KeyRing]:
        return {
            purpose: load_ring(self._keys, purpose, alg) for purpose, alg in signing_purposes()
        }

    def _folder(self) -> tuple[tuple[str, int], ...]:
        folder = self._keys.path / "keys"
        return tuple(sorted((path.name, path.stat().st_mtime_ns) for path in folder.glob("*.pem")))
