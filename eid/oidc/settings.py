"""What an operator decides about the provider, as one value (contracts §6, §7).

>>> settings = ProviderSettings(issuer="https://id.example", agent_url="http://127.0.0.1:8350",
...                             legal_entity="Example Ltd", role="own_services")
>>> settings.url("/token"), settings.origin, settings.secure_cookies
('https://id.example/token', 'https://id.example', True)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from eid.errors import SettingsError
from eid.levels.assurance import METHODS as _KINDS

Role = Literal["own_services", "state_body", "licensed_provider"]
Plan = Literal["kiosk", "bank"]

METHODS = frozenset({"card", "pin", "totp", "passkey", "code"})
"""What an operator may offer beside the password."""
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MAX_CARD_REQUEST_S = 60
MAX_CHALLENGE_S = 120
MAX_GRACE_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """One provider. Lifetimes are seconds; ``issuer`` is https, or http on loopback."""

    issuer: str
    agent_url: str
    legal_entity: str
    role: Role
    acr_prefix: str = "urn:eid"
    card_plan: Plan = "kiosk"
    interaction_s: int = 600
    code_s: int = 60
    access_s: int = 300
    id_token_s: int = 300
    card_request_s: int = MAX_CARD_REQUEST_S
    challenge_s: int = MAX_CHALLENGE_S
    max_refused_cards: int = 5
    session_s: int = 8 * 3600
    consent_s: int = 365 * 86400
    par_s: int = 90
    refresh_s: int = 30 * 86400
    refresh_grace_s: int = 10
    dpop_nonce_required: bool = False
    trust_framework: str = "eid"
    theme: Path | None = None
    methods: frozenset[str] = METHODS

    def __post_init__(self) -> None:
        """SettingsError for an issuer that is not https (or loopback), or too long lifetimes.

        ``session_s`` 0 means no single sign-on, ``refresh_grace_s`` 0 no grace.
        """
        parts = urlsplit(self.issuer)
        loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK
        clean = not (parts.query or parts.fragment or "@" in parts.netloc)
        if not (loopback or parts.scheme == "https") or not clean or self.issuer.endswith("/"):
            raise SettingsError(
                "The issuer must be https (http on loopback only), without a final slash.",
                key="issuer",
                expected="https://id.example",
            )
        if self.card_request_s > MAX_CARD_REQUEST_S or self.challenge_s > MAX_CHALLENGE_S:
            raise SettingsError(
                "A card request lives 60 seconds at most, a challenge 120.",
                key="card_request_s",
                expected="at most 60 and 120",
            )

        if not 0 <= self.refresh_grace_s <= MAX_GRACE_S:
            raise SettingsError(
                "A refresh token's grace is 10 seconds at most.",
                key="refresh_grace_s",
                expected="0 to 10",
            )

    @property
    def best_auth_level(self) -> int:
        """The highest authentication level that a login here can reach: two kinds, or one."""
        kinds = {_KINDS[method].kind for method in self.methods} - {"knowledge"}
        return 2 if kinds else 1

    @property
    def origin(self) -> str:
        """Scheme, host and port of the issuer."""
        return origin_of(self.issuer)

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies are ``__Host-`` and Secure: always on https."""
        return self.issuer.startswith("https://")

    def url(self, path: str) -> str:
        """The address of one of the provider's own paths; never from a Host header."""
        return self.issuer + path


@lru_cache(maxsize=1024)
def origin_of(url: str) -> str:
    """``scheme://host:port`` as a browser writes it: lower case, default ports left out."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    default = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
