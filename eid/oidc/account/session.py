"""The session of My account: short, apart from single sign-on, with the level it began at.

Its cookie opens these pages only. It is new at every entry and at every step-up (row O-042), and
ends with every other session of the person when the password changes or the account closes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from eid.keys import JSON
from eid.levels.assurance import Factor
from eid.oidc.cookies import form_token, read_cookie, set_cookie
from eid.oidc.handles import is_handle, key_of, new_handle
from eid.oidc.http import Request
from eid.oidc.interaction import factor_json, factors_of
from eid.oidc.payload import integer, text
from eid.oidc.ports import Grant
from eid.oidc.provider import Provider
from eid.oidc.sign_on import account_family

LIVES_S = 900
FRESH_S = 600
FORM = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSession:
    """A person at his own pages: since when, and at which authentication level he came in."""

    key: bytes = field(repr=False)
    cookie: str = field(repr=False)
    account_id: str
    since: int
    auth_level: int
    factors: tuple[Factor, ...]

    @property
    def csrf(self) -> str:
        """What every form of these pages carries."""
        return form_token(self.cookie, FORM)

    def is_fresh(self, level: int, *, at: datetime) -> bool:
        """Whether it is young and strong enough for a change of what protects the account."""
        return self.auth_level >= level and 0 <= int(at.timestamp()) - self.since <= FRESH_S

    def young_factors(self, *, at: datetime) -> tuple[Factor, ...]:
        """What was shown so lately that a step up need not ask for it again."""
        oldest = at - timedelta(seconds=FRESH_S)
        return tuple(factor for factor in self.factors if oldest <= factor.at <= at)


def current(provider: Provider, request: Request, *, at: datetime) -> OwnSession | None:
    """The session of this browser, if it lives."""
    cookie = read_cookie(request, cookie_name(provider))
    if cookie is None or not is_handle(cookie):
        return None
    grant = provider.grants.get("account_session", key_of(cookie), at=at)
    if grant is None:
        return None
    return OwnSession(
        key=grant.key,
        cookie=cookie,
        account_id=text(grant.payload, "account"),
        since=integer(grant.payload, "since"),
        auth_level=integer(grant.payload, "auth_level"),
        factors=factors_of(grant.payload),
    )


def started(
    provider: Provider,
    account_id: str,
    *,
    factors: tuple[Factor, ...],
    auth_level: int,
    at: datetime,
) -> tuple[str, Grant]:
    """A new session: its cookie and its row."""
    cookie = new_handle(provider.rng)
    payload: dict[str, JSON] = {
        "account": account_id,
        "since": min(int(factor.at.timestamp()) for factor in factors),
        "auth_level": auth_level,
        "factors": [factor_json(factor) for factor in factors],
    }
    row = Grant(
        kind="account_session",
        key=key_of(cookie),
        payload=payload,
        family=account_family(account_id),
        expires_at=at + timedelta(seconds=LIVES_S),
    )
    return cookie, row


def cookie_name(provider: Provider) -> str:
    """The name of its cookie."""
    return "__Host-eid-account" if provider.settings.secure_cookies else "eid-account"


def cookie_header(provider: Provider, cookie: str) -> tuple[str, str]:
    """The header that gives the browser its session; an empty ``cookie`` takes it away."""
    secure = provider.settings.secure_cookies
    return set_cookie(
        cookie_name(provider), cookie, max_age=LIVES_S if cookie else 0, secure=secure
    )
