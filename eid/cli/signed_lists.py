"""Where signed lists come from: a file, or an https address asked at most once a minute.

A list is signed, so its way here need not be trusted; its size and time are bounded all the same.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from eid.errors import FormatError, SettingsError, Unavailable

MAX_SIZE = 4 << 20
_TIMEOUT_S = 10.0
_TOTAL_S = 30.0
_FRESH_S = 60.0
_CHUNK = 1 << 16
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def source(place: str) -> Callable[[], bytes]:
    """A function that gives the list at *place*, a path or an https URL (http on loopback).

    It raises OSError, `Unavailable` or `FormatError` while the list cannot be had.
    ``SettingsError`` for other kinds of address.
    """
    if "://" not in place:
        return lambda: _read(Path(place))
    parts = urlsplit(place)
    secure = parts.scheme == "https"
    if not (secure or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        raise SettingsError("A list comes from a file or an https address.", code="settings.list")
    if not parts.hostname or parts.username or parts.fragment:
        raise SettingsError("The address of a list is malformed.", code="settings.list")
    return _remembered(lambda: _fetch(place))


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


def _fetch(url: str) -> bytes:
    """GET without redirects, proxies or cookies."""
    parts = urlsplit(url)
    deadline = time.monotonic() + _TOTAL_S
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        connection = _connection(parts.scheme, parts.hostname or "", parts.port)
        try:
            connection.request("GET", path, headers={"User-Agent": "eid-qr-verifier"})
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise Unavailable("A list is not served at its address.", code="unavailable.list")
            return _bounded(answer, deadline)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as e:
        raise Unavailable("A list cannot be fetched now.", code="unavailable.list") from e


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    context = ssl.create_default_context()
    return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)


def _bounded(answer: http.client.HTTPResponse, deadline: float) -> bytes:
    data = bytearray()
    while chunk := answer.read1(_CHUNK):
        data += chunk
        if len(data) > MAX_SIZE:
            raise FormatError("A list is larger than allowed.", code="input.list")
        if time.monotonic() > deadline:
            raise TimeoutError
    if answer.getheader("Content-Length", str(len(data))) != str(len(data)):
        raise http.client.IncompleteRead(b"")
    return bytes(data)
