"""What a person is told on his channels when what protects his account has changed.

No name, no number, no address and no link is in it: a notice that is read by somebody else tells
only that there is an account, and one that asks to follow a link is somebody else's.

>>> from datetime import UTC, datetime
>>> told = notice("password_changed", "Example Ltd", at=datetime(2026, 11, 21, 8, 5, tzinfo=UTC))
>>> told.splitlines()[1]
'Example Ltd: the password of your account was changed, 2026-11-21 15:05 (Vietnam). If it was not you, go to a counter at once.'
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal, get_args

from eid.levels.rules import VIETNAM

Occasion = Literal[
    "password_changed",
    "factor_added",
    "factor_removed",
    "recovery_begun",
    "recovery_finished",
    "account_closed",
]
OCCASIONS: tuple[Occasion, ...] = get_args(Occasion)
SUBJECT = "Thông báo về tài khoản / About your account"
_WORDS: Mapping[Occasion, tuple[str, str]] = MappingProxyType(
    {
        "password_changed": (
            "mật khẩu tài khoản của bạn đã được đổi",
            "the password of your account was changed",
        ),
        "factor_added": (
            "một cách đăng nhập đã được thêm vào tài khoản của bạn",
            "a way to log in was added to your account",
        ),
        "factor_removed": (
            "một cách đăng nhập đã được gỡ khỏi tài khoản của bạn",
            "a way to log in was removed from your account",
        ),
        "recovery_begun": (
            "có yêu cầu khôi phục tài khoản của bạn tại quầy",
            "a recovery of your account was asked for at a counter",
        ),
        "recovery_finished": (
            "tài khoản của bạn đã được khôi phục với mật khẩu mới",
            "your account was recovered, with a new password",
        ),
        "account_closed": ("tài khoản của bạn đã được đóng", "your account was closed"),
    }
)


def notice(occasion: Occasion, service: str, *, at: datetime) -> str:
    """What the person reads, Vietnamese first; ``at`` is told in Vietnam's time."""
    here, there = _WORDS[occasion]
    local = at.astimezone(VIETNAM)
    return (
        f"{service}: {here}, {local:%H:%M ngày %d/%m/%Y}."
        " Nếu không phải bạn, hãy đến quầy ngay.\n"
        f"{service}: {there}, {local:%Y-%m-%d %H:%M} (Vietnam)."
        " If it was not you, go to a counter at once.\n"
    )
