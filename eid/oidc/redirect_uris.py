"""Which redirect URIs may be registered; they are compared later as exact strings (RFC 9700 §2.1).

>>> is_allowed("https://portal.example/callback"), is_allowed("https://*.example/")
(True, False)
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

MAX_URI = 2000
_URI = re.compile(r"[!-~]+", re.ASCII)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def is_allowed(uri: str) -> bool:
    """https, or http on loopback; no fragment, user part, wildcard, or what CSP cannot hold."""
    if len(uri) > MAX_URI or not _URI.fullmatch(uri):
        return False
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    clean = "#" not in uri and "@" not in parts.netloc and not set(uri) & set("\\*;'\"")
    return bool(secure and host and clean)
