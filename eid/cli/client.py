"""`eid client`: the services that may ask for a login."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from eid.keys import parse_json_object

_MAX_METADATA = 64 * 1024
_Config = Annotated[Path, typer.Option(help="The settings file, eid.toml.")]
client = typer.Typer(help="Clients: add one, list them.", no_args_is_help=True)


@client.command()
def add(
    metadata: Annotated[
        Path, typer.Argument(help="JSON file with client_name, redirect_uris and so on.")
    ],
    *,
    config: _Config,
) -> int:
    """Register a service; prints its client_id and, once, its secret if it has one."""
    from eid import app

    with metadata.open("rb") as file:
        document = parse_json_object(file.read(_MAX_METADATA + 1), max_size=_MAX_METADATA)
    settings = app.Settings.load(config, os.environ)
    registered = app.add_client(settings, document)
    typer.echo(json.dumps(registered, ensure_ascii=False, indent=2))
    return 0


@client.command("list")
def list_clients(*, config: _Config) -> int:
    """List the registered services; no secrets."""
    from eid import app

    for registered in app.list_clients(app.Settings.load(config, os.environ)):
        typer.echo(json.dumps(registered, ensure_ascii=False))
    return 0
