"""An installation: its settings, and the wiring of all rooms (the only place that knows all).

The names are loaded when they are used: settings or the gate alone do not bring the database.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eid.app.installation import (
        Installation as Installation,
        ManualProof as ManualProof,
        open_installation as open_installation,
    )
    from eid.app.serving import create_wsgi as create_wsgi
    from eid.app.settings import Settings as Settings

_HOMES = {
    "Installation": "eid.app.installation",
    "ManualProof": "eid.app.installation",
    "open_installation": "eid.app.installation",
    "Settings": "eid.app.settings",
    "create_wsgi": "eid.app.serving",
}


def __getattr__(name: str) -> object:
    """Load a name from its home (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eid.app' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
