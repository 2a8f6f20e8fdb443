"""A browser that has logged in before says so in a cookie: its guesses are counted apart (O-053).

Nobody locks a person out of his own browser by guessing at his name elsewhere. The cookie holds
no name and opens nothing; whoever has logged in at this browser last is whose it is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from eid.oidc.cookies import read_cookie, set_cookie
from eid.oidc.http import Request, Response

if TYPE_CHECKING:
    from eid.oidc.provider import Provider

MAX_AGE_S = 180 * 24 * 3600
MAX_TOKEN = 128


def read(provider: Provider, request: Request) -> str:
    """The browser's token; empty where there is none."""
    token = read_cookie(request, _name(provider)) or ""
    return token if len(token) <= MAX_TOKEN else ""


def remember(provider: Provider, answer: Response, username: str, *, at: datetime) -> Response:
    """The answer after a right password, with the cookie."""
    token = provider.accounts.device_token(username, at=at)
    secure = provider.settings.secure_cookies
    cookie = set_cookie(_name(provider), token, max_age=MAX_AGE_S, secure=secure)
    return replace(answer, headers=(*answer.headers, cookie))


def _name(provider: Provider) -> str:
    return "__Host-eid-device" if provider.settings.secure_cookies else "eid-device"
