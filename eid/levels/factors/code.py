"""One-time codes to a channel of the person's own: possession of the channel.

The sender is a port. A SIM in one's own name is not asked for: e-mail and a letter handed out at
the counter are channels as good.

>>> new_code(lambda size: bytes(size - 2) + bytes((1, 2)))
'00000258'
"""

from __future__ import annotations

import json
import os
import secrets
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Literal, Protocol, get_args

from eid.errors import FormatError, Unavailable

ChannelKind = Literal["sms", "email", "letter"]
DIGITS = 8
LIFETIME = timedelta(minutes=10)
LETTER_LIFETIME = timedelta(days=30)
CODE_SUBJECT = "Mã xác nhận / Confirmation code"
MAX_ADDRESS = 254
TIMEOUT_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way to reach the person. FormatError for an address that cannot be one."""

    kind: ChannelKind
    address: str = field(repr=False)

    def __post_init__(self) -> None:
        plain = self.address.isprintable() and 0 < len(self.address) <= MAX_ADDRESS
        digits = self.address.removeprefix("+")
        shaped = {
            "email": self.address.isascii()
            and self.address.count("@") == 1
            and not self.address.startswith(("@", "-"))
            and not self.address.endswith("@")
            and not set(self.address) & set(" ,;<>\"'()"),
            "sms": digits.isascii() and digits.isdigit() and 8 <= len(digits) <= 15,
            "letter": True,
        }
        if self.kind not in get_args(ChannelKind) or not plain or not shaped[self.kind]:
            raise FormatError("The address of the channel is malformed.", code="channel.address")

    @property
    def masked(self) -> str:
        """Enough for its owner to know it again; nothing of a letter's address.

        >>> Channel(kind="email", address="thu@mail.example").masked
        't…@mail.example'
        """
        if self.kind == "email":
            return f"{self.address[0]}…@{self.address.partition('@')[2]}"
        return f"…{self.address[-2:]}" if self.kind == "sms" else "✉"

    @property
    def lifetime(self) -> timedelta:
        """How long a code is good that was sent there: a letter has to be fetched."""
        return LETTER_LIFETIME if self.kind == "letter" else LIFETIME


class Sender(Protocol):
    """Sends one message to a channel; Unavailable when it cannot now."""

    def __call__(self, channel: Channel, text: str, *, at: datetime) -> None:
        """Send."""


def new_code(rng: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Eight decimal digits, evenly spread."""
    return f"{int.from_bytes(rng(16)) % 10**DIGITS:0{DIGITS}}"


def message(code: str, service: str, *, lifetime: timedelta = LIFETIME) -> str:
    """What the person reads, Vietnamese first."""
    long = lifetime >= timedelta(days=1)
    number = lifetime.days if long else int(lifetime.total_seconds()) // 60
    here, there = ("ngày", "days") if long else ("phút", "minutes")
    return (
        f"{service}: mã của bạn là {code}, có hiệu lực {number} {here}. Không đưa mã cho bất kỳ ai.\n"
        f"{service}: your code is {code}, good for {number} {there}. Give it to nobody.\n"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSender:
    """Appends each message to a file (mode 0600): for counters that print letters, and tests."""

    path: Path

    def __call__(self, channel: Channel, text: str, *, at: datetime) -> None:
        """Append one line of JSON; Unavailable when the file cannot be written."""
        line = {"at": at.isoformat(), "kind": channel.kind, "to": channel.address, "text": text}
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            with os.fdopen(os.open(self.path, flags, 0o600), "a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise _unavailable() from error


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSender:
    """Sends e-mail over one SMTP server, with STARTTLS unless it is on loopback."""

    host: str
    port: int
    sender: str
    subject: str = CODE_SUBJECT
    username: str = ""
    password: str = field(default="", repr=False)

    def __call__(self, channel: Channel, text: str, *, at: datetime) -> None:
        """Send one message; Unavailable when the server does not take it, or for another kind."""
        if channel.kind != "email":
            raise _unavailable()
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self.sender, channel.address, self.subject
        mail["Date"] = at
        mail.set_content(text)
        try:
            with smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S) as server:
                if self.host not in {"127.0.0.1", "::1", "localhost"}:
                    server.starttls(context=ssl.create_default_context())
                if self.username:
                    server.login(self.username, self.password)
                server.send_message(mail)
        except (OSError, smtplib.SMTPException):
            # Without its cause: the server's answer may quote the address.
            raise _unavailable() from None


def _unavailable() -> Unavailable:
    return Unavailable("The message cannot be sent now.", code="channel.sender")
