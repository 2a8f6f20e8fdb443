"""Where signed lists come from: a file, or an https address asked at most once a minute.

A list is signed, so its way here need not be trusted; its size and time are bounded all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from eid.errors import FormatError, SettingsError

MAX_SIZE = 4 << 20
TOTAL_S = 60.0
STATUS_HELP = "A status list: FILE, URL, or URI=FILE."
_FRESH_S = 60.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def source(place: str) -> Callable[[], bytes]:
    """A function that gives the list at *place*, a path or an https URL (http on loopback).

    It raises OSError, `eid.errors.Unavailable` or `FormatError` while the list cannot be had.
    ``SettingsError`` for other kinds of address.
    """
    if "://" not in place:
        return lambda: _read(Path(place))
    parts = urlsplit(place)
    loopback = parts.hostname in _LOOPBACK
    if not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        raise SettingsError("A list comes from a file or an https address.", code="settings.list")
    if not parts.hostname or parts.username or parts.fragment:
        raise SettingsError("The address of a list is malformed.", code="settings.list")
    return _remembered(lambda: _fetch(place, parts.hostname or "", loopback=loopback))


def named_list(named: str) -> tuple[str, str]:
    """The URI of a status list, and the place for `source`, from ``FILE``, ``URL`` or ``URI=FILE``.

    Both URIs and file names may hold ``=``: it is split where a file begins. A file alone says its
    URI itself; whoever verifies the list compares it. ``FormatError`` ``qr.status_uri``, or as `source`.
    """
    if "://" not in named or Path(named).is_file():
        return _own_uri(source(named)()), named
    at = named.rfind("=")
    while at > 0:
        if Path(named[at + 1 :]).is_file():
            return named[:at], named[at + 1 :]
        at = named.rfind("=", 0, at)
    before, equals, after = named.partition("=")
    if equals and "?" not in before:
        return before, after
    return named, named


def _own_uri(data: bytes) -> str:
    from eid.qr import cose, cwt

    message = cose.parse(data, max_size=MAX_SIZE)
    subject = cwt.parse_claims(message.payload, max_size=MAX_SIZE).subject
    if not isinstance(subject, str):
        raise FormatError("The status list does not say what it is for.", code="qr.status_uri")
    return subject


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_SIZE + 1)
    if len(data) > MAX_SIZE:
        raise FormatError("A list is larger than allowed.", code="input.list")
    return data


def _remembered(fetch: Callable[[], bytes]) -> Callable[[], bytes]:
    kept: list[tuple[float, bytes]] = []

    def get() -> bytes:
        if not kept or time.monotonic() - kept[0][0] > _FRESH_S:
            kept[:] = [(time.monotonic(), fetch())]
        return kept[0][1]

    return get


def _fetch(url: str, host: str, *, loopback: bool) -> bytes:
    """The operator named the host, so it may be one of his own network."""
    from eid.oidc.outbound import Outbound

    allowed = frozenset({host})
    outbound = Outbound(
        allowed_hosts=allowed, insecure_loopback=loopback, max_answer=MAX_SIZE, total_s=TOTAL_S
    )
    return outbound.get(url)
