"""The provider's keys as they lie on disk now: a rotation counts without a restart (row O-062)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from eid.errors import EidError
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

_log = logging.getLogger("eid.app")
RELOAD_S = 20
CARD_REQUESTS = "card-requests"


def token_purpose(alg: SigningAlgorithm) -> str:
    """The purpose of the tokens' key for an algorithm: one key each."""
    return "tokens" if alg == "ES256" else f"tokens-{alg.lower()}"


def signing_purposes() -> tuple[tuple[str, SigningAlgorithm], ...]:
    """Every purpose that rotates, with its algorithm."""
    tokens = tuple((token_purpose(alg), alg) for alg in SIGNING_ALGORITHMS)
    return (*tokens, (CARD_REQUESTS, "ES256"))


class LiveRings:
    """The key rings of some purposes as they lie on disk now; looks again every twenty seconds.

    Raises SettingsError when it is made, if a key cannot be read; later it then stays with what
    it has.
    """

    def __init__(
        self,
        keys: KeyFolder,
        purposes: Sequence[tuple[str, SigningAlgorithm]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._purposes = tuple(purposes)
        self._clock = clock
        self._lock = threading.Lock()
        self._rings = self._load()
        self._published = self._rings, _all_published(self._rings)
        self._mark = self._folder()
        self._looked = clock()

    def current(self, purpose: str) -> SigningKey:
        """The key that signs for a purpose now."""
        return self._now()[purpose].current

    @property
    def published(self) -> tuple[SigningKey, ...]:
        """Every signature key of these purposes: current, next and retired."""
        rings = self._now()
        if self._published[0] is not rings:
            self._published = rings, _all_published(rings)
        return self._published[1]

    def _now(self) -> dict[str, KeyRing]:
        now = self._clock()
        if now - self._looked >= RELOAD_S:
            with self._lock:
                self._looked = now
                self._look()
        return self._rings

    def _look(self) -> None:
        """Read the folder if it has changed; what cannot be read now is read the next time."""
        try:
            mark = self._folder()
            if mark != self._mark:
                self._rings, self._mark = self._load(), mark
        except (EidError, OSError) as error:  # OSError: a file went while it was looked at
            _log.error("keys: the folder cannot be read, the keys stay: %s", type(error).__name__)

    def _load(self) -> dict[str, KeyRing]:
        return {purpose: load_ring(self._keys, purpose, alg) for purpose, alg in self._purposes}

    def _folder(self) -> tuple[tuple[str, int], ...]:
        folder = self._keys.path / "keys"
        return tuple(sorted((path.name, path.stat().st_mtime_ns) for path in folder.glob("*.pem")))


def _all_published(rings: Mapping[str, KeyRing]) -> tuple[SigningKey, ...]:
    return tuple(key for ring in rings.values() for key in ring.published)


class LiveKeys:
    """Implements :class:`eid.oidc.provider.Keys`; SettingsError if a key cannot be read."""

    def __init__(
        self, place: Path | KeyFolder, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        keys = KeyFolder.of(place)
        self._evidence = load_or_create_encryption_key(keys, "evidence")
        self._refresh = load_or_create_secret(keys, "refresh")
        self._nonces = load_or_create_secret(keys, "dpop-nonce")
        self._beginnings = load_or_create_secret(keys, "beginnings")
        self._rings = LiveRings(keys, signing_purposes(), clock=clock)

    @property
    def tokens(self) -> SigningKey:
        """The default key of ID tokens."""
        return self._rings.current("tokens")

    @property
    def card_requests(self) -> SigningKey:
        """The key of requests to card agents."""
        return self._rings.current(CARD_REQUESTS)

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
    def beginnings(self) -> bytes:
        """The secret that logins are sealed with while nothing is stored for them."""
        return self._beginnings

    @property
    def published(self) -> tuple[SigningKey, ...]:
        """Every signature key of the JWKS: current, next and retired."""
        return self._rings.published

    def token_key(self, alg: SigningAlgorithm) -> SigningKey:
        """The current key of tokens in an algorithm."""
        return self._rings.current(token_purpose(alg))


class CounterKeys:
    """The two keys that a counter works with; it holds none that signs tokens."""

    def __init__(self, keys: KeyFolder) -> None:
        self._evidence = load_or_create_encryption_key(keys, "evidence")
        self._rings = LiveRings(keys, ((CARD_REQUESTS, "ES256"),))

    @property
    def card_requests(self) -> SigningKey:
        """The key of requests to card agents."""
        return self._rings.current(CARD_REQUESTS)

    @property
    def evidence(self) -> EncryptionKey:
        """The key that evidence is encrypted to."""
        return self._evidence

    @property
    def published(self) -> tuple[SigningKey, ...]:
        """The keys that card agents may meet: current, next and retired."""
        return self._rings.published
