"""`eid serve`: the provider."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from eid.cli.ports import check_free


def serve(*, config: Annotated[Path, typer.Option(help="The settings file, eid.toml.")]) -> int:
    """Run the OpenID Connect provider."""
    from eid.app import Settings
    from eid.app.serving import serve as serve_provider

    settings = Settings.load(config, os.environ)
    check_free(settings.host, settings.port)
    typer.echo(
        f"The provider of {settings.issuer} listens on {settings.host}:{settings.port} "
        "(Ctrl-C ends it).",
        err=True,
    )
    serve_provider(settings)
    return 0
