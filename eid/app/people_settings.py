"""Settings of what people see and how they are reached: methods, theme, senders of codes.

>>> read({}, Path("/etc/eid"), wrong=lambda key, what: SettingsError(what, key=key)).theme is None
True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from eid.errors import SettingsError

METHODS = frozenset({"card", "pin", "totp", "passkey", "code"})
KEYS: Mapping[str, tuple[type, str]] = {
    "methods": (list, 'some of "card", "pin", "totp", "passkey" and "code"; a password always'),
    "pages.theme": (str, "a folder with templates/ and style.css"),
    "smtp.host": (str, "a mail server, for codes by e-mail"),
    "smtp.port": (int, "its port, 1 to 65535"),
    "smtp.sender": (str, "the address that codes come from"),
    "smtp.username": (str, "a name, where the mail server wants one"),
    "smtp.password": (str, "a password, best by EID_SMTP_PASSWORD"),
    "sms.outbox": (str, "a file that a gateway takes messages from"),
    "letters.outbox": (str, "a file that a counter prints letters from"),
}
_MAIL = tuple(key for key in KEYS if key.startswith("smtp."))
Wrong = Callable[[str, str], SettingsError]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where e-mail with codes goes out."""

    host: str
    port: int
    sender: str
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleSettings:
    """What is offered beside the password, how pages look, who carries codes."""

    methods: frozenset[str] = METHODS
    theme: Path | None = None
    mail: MailServer | None = None
    sms_outbox: Path | None = None
    letters_outbox: Path | None = None


def read(values: Mapping[str, object], folder: Path, *, wrong: Wrong) -> PeopleSettings:
    """From the flat values of the file; SettingsError as ``wrong`` makes it."""

    def path(key: str) -> Path | None:
        return (folder / str(values[key])).absolute() if values.get(key) else None

    return PeopleSettings(
        methods=_methods(values, wrong),
        theme=path("pages.theme"),
        mail=_mail(values, wrong),
        sms_outbox=path("sms.outbox"),
        letters_outbox=path("letters.outbox"),
    )


def _methods(values: Mapping[str, object], wrong: Wrong) -> frozenset[str]:
    listed = cast("list[object]", values.get("methods", sorted(METHODS)))
    if not all(item in METHODS for item in listed if isinstance(item, str)):
        raise wrong("methods", "holds something that is no method")
    if not all(isinstance(item, str) for item in listed):
        raise wrong("methods", "holds something that is no text")
    return frozenset(str(item) for item in listed)


def _mail(values: Mapping[str, object], wrong: Wrong) -> MailServer | None:
    """All of it or nothing: half a mail server would fail only when somebody waits for a code."""
    if not any(key in values for key in _MAIL):
        return None
    for key in ("smtp.host", "smtp.sender"):
        if not values.get(key):
            raise wrong(key, "is missing")
    sender = str(values["smtp.sender"])
    if not sender.isprintable() or sender.count("@") != 1:
        raise wrong("smtp.sender", "is no address")
    port = cast("int", values.get("smtp.port", 587))
    if not 0 < port < 65536:
        raise wrong("smtp.port", "is out of range")
    return MailServer(
        host=str(values["smtp.host"]),
        port=port,
        sender=sender,
        username=str(values.get("smtp.username", "")),
        password=str(values.get("smtp.password", "")),
    )
