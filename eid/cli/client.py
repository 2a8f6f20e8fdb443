"""`eid client`: the services that may ask for a login."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

_Config = Annotated[Path, typer.Option(help="The settings file, eid.toml.")]
client = typer.Typer(help="Clients: add some, list them.", no_args_is_help=True)


@client.command()
def add(
    *,
    config: _Config,
    file: Annotated[
        Path, typer.Option(help="JSON file: one RFC 7591 object or an array of them.")
    ],
) -> int:
    """Register services, all or none.

    One with a known id is replaced.
    """
    from eid import app
    from eid.oidc.clients import check_operator, load_clients

    settings = app.Settings.load(config, os.environ)
    loaded = load_clients(file, legal_entity=settings.legal_entity)
    for registered in loaded:
        check_operator(registered, legal_entity=settings.legal_entity, role=settings.role)
    with app.open_installation(settings) as installation:
        installation.add_clients(loaded, at=datetime.now(UTC))
    for registered in loaded:
        typer.echo(registered.client_id)
    return 0


@client.command("list")
def list_clients(*, config: _Config) -> int:
    """List the services, one JSON object a line."""
    from eid import app

    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        registered = installation.clients.all()
    for one in registered:
        metadata = one.to_metadata()
        metadata.pop("eid_client_secret_hash", None)
        typer.echo(json.dumps(metadata, ensure_ascii=False))
    return 0
