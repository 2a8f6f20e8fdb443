"""Browsers that a person has logged in with before: nobody can lock him out of them (row O-053).

Guesses at a name from anywhere block that name for a while, for browsers nobody knows. A browser
that logged in before shows a token in a cookie, which has a count of its own: OWASP's "device
cookie". A token admits nobody; it only says whose guesses a guess is counted with.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from eid.keys import encode_base64url
from eid.store.sealed import AccountSeal

LIFETIME = timedelta(days=180)
_FORM = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBrowser:
    """A browser that logged in: what its guesses are counted under, and ``since`` when, in seconds.

    It is known until the next new password: whoever had the old one may have logged in there.
    """

    scope: bytes = field(repr=False)
    since: int


class Devices:
    """Makes and recognises tokens; nothing is stored."""

    def __init__(
        self, seal: AccountSeal, *, rng: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._seal = seal
        self._rng = rng

    def token(self, name: str, at: datetime) -> str:
        """A token for a browser that has just logged in under this normalised name."""
        issued, chosen = int(at.timestamp()), encode_base64url(self._rng(16))
        return f"{issued}.{chosen}.{self._mac(name, issued, chosen)}"

    def known(self, token: str, name: str, at: datetime) -> KnownBrowser | None:
        """What guesses from this browser are counted under; None for no token of this name."""
        parts = _FORM.fullmatch(token)
        if parts is None:
            return None
        issued, chosen = int(parts[1]), parts[2]
        if not hmac.compare_digest(self._mac(name, issued, chosen), parts[3]):
            return None
        if not 0 <= at.timestamp() - issued < LIFETIME.total_seconds():
            return None
        return KnownBrowser(scope=self._seal.scope("device", f"{chosen}.{name}"), since=issued)

    def _mac(self, name: str, issued: int, chosen: str) -> str:
        return encode_base64url(self._seal.scope("device-token", f"{issued}.{chosen}.{name}"))
