"""`eid serve`: the provider."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def serve(*, config: Annotated[Path, typer.Option(help="The settings file, eid.toml.")]) -> int:
    """Run the provider: log people in by card and password (OpenID Connect)."""
    from eid import app

    settings = app.Settings.load(config, os.environ)
    app.serve(settings)
    return 0
