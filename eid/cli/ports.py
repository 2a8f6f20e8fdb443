"""Whether an address can be listened on, asked before a server starts."""

from __future__ import annotations

import socket


def check_free(host: str, port: int) -> None:
    """OSError when something listens there already; servers that share ports would not notice."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family):
        pass
