"""`eid serve`: the provider, or with --dev one to try services against."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

DEV_PORT = 8480


def serve(
    *,
    config: Annotated[Path | None, typer.Option(help="The settings file, eid.toml.")] = None,
    dev: Annotated[
        bool, typer.Option("--dev", help="Fictional people, loopback only, nothing kept.")
    ] = False,
    port: Annotated[int, typer.Option(help="With --dev: the port on 127.0.0.1.")] = DEV_PORT,
    clients: Annotated[
        Path | None, typer.Option(help="With --dev: a JSON file of clients to register.")
    ] = None,
) -> int:
    """Run the OpenID Connect provider."""
    from eid.errors import SettingsError

    if dev:
        from eid.cli.development import serve_development

        return serve_development(config=config, port=port, clients=clients, environ=os.environ)
    if config is None or clients is not None:
        raise SettingsError(
            "The provider needs its settings file, and --clients goes with --dev.",
            key="config",
            expected="--config eid.toml, or --dev",
        )
    from eid.cli.serving import serve_provider

    return serve_provider(config)
