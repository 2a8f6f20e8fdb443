"""Time-based codes from an app or token (RFC 6238), by pyotp: possession.

>>> secret = new_totp_secret(lambda size: bytes(range(size)))
>>> from datetime import UTC, datetime
>>> now = datetime(2026, 11, 21, 12, 0, 5, tzinfo=UTC)
>>> code = totp_code(secret, now)
>>> match_totp(secret, code, now) == match_totp(secret, code, now.replace(second=25))
True
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyotp

INTERVAL_S = 30
DIGITS = 6
SECRET_SIZE = 20
DRIFT = 1


def new_totp_secret(rng: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """A secret of 160 bits, in base32 as apps take it."""
    return base64.b32encode(rng(SECRET_SIZE)).decode("ascii")


def totp_uri(secret: str, *, username: str, issuer: str) -> str:
    """The ``otpauth://`` URI that an app scans; it holds the secret."""
    return _totp(secret).provisioning_uri(name=username, issuer_name=issuer)


def totp_code(secret: str, at: datetime) -> str:
    """The six digits of a moment."""
    return _totp(secret).at(at)


def match_totp(secret: str, code: str, at: datetime) -> int | None:
    """The time step that a code is of, one step of drift allowed; None for a wrong code.

    A caller accepts only a step above the last one that was used: a code is for one use.
    """
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return None
    now = int(at.timestamp()) // INTERVAL_S
    found = None
    totp = _totp(secret)
    for step in range(now - DRIFT, now + DRIFT + 1):
        if hmac.compare_digest(totp.generate_otp(step), code):
            found = step
    return found


def _totp(secret: str) -> pyotp.TOTP:
    import pyotp  # noqa: PLC0415 - few logins need it

    return pyotp.TOTP(secret, digits=DIGITS, interval=INTERVAL_S)
