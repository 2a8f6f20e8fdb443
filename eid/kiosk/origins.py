"""Web origins and the addresses that may go without TLS (RFC 6454 §4, RFC 8252 §7.3).

>>> origin_of("https://id.example.vn:443/interaction/1")
'https://id.example.vn'
>>> origin_of("http://127.0.0.1:8080/a?b=c")
'http://127.0.0.1:8080'
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from eid.errors import FormatError

_MAX_URI = 2_048
_DEFAULT_PORTS = {"https": 443, "http": 80}


def origin_of(uri: str) -> str:
    """The origin of an absolute https URI, or of an http URI on a loopback address.

    FormatError (``uri``) for anything else: other schemes, user information, a fragment,
    white space, controls, or plain http that leaves the machine.
    """
    if not 0 < len(uri) <= _MAX_URI or not uri.isascii() or not uri.isprintable():
        raise FormatError("The address is not a usable URI.", code="uri")
    if any(char in uri for char in " \\\"'<>;,#"):
        raise FormatError("The address holds a character that is not allowed.", code="uri")
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError as e:
        raise FormatError("The address is not a usable URI.", code="uri") from e
    if parts.scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        raise FormatError("The address must be an absolute https URI.", code="uri")
    if parts.scheme == "http" and not is_loopback(host):
        raise FormatError("Plain http is allowed on a loopback address only.", code="uri.http")
    name = f"[{host}]" if ":" in host else host
    if port is None or port == _DEFAULT_PORTS[parts.scheme]:
        return f"{parts.scheme}://{name}"
    return f"{parts.scheme}://{name}:{port}"


def is_loopback(host: str) -> bool:
    """Whether a host name stays on this machine: 127.0.0.0/8, ::1 or ``localhost``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
