"""What `eid serve --config` does, without what reads command lines."""

from __future__ import annotations

import os
from pathlib import Path

from eid.cli.ports import check_free


def serve_provider(config: Path) -> int:
    """Serve by this settings file until the process is ended."""
    from eid.app import Settings
    from eid.app.serving import serve

    settings = Settings.load(config, os.environ)
    check_free(settings.host, settings.port)
    if settings.counter is not None:
        check_free(settings.counter.host, settings.counter.port)
    serve(settings)
    return 0
