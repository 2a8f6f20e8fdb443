"""`eid client`: the services that may ask for a login."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from eid.app import Installation
    from eid.oidc.clients import Client

_Config = Annotated[Path, typer.Option(help="The settings file, eid.toml.")]
_Id = Annotated[str, typer.Option("--client-id", help="The client's id.")]
client = typer.Typer(
    help="Clients: add, list, disable, give a new secret, explain a refusal.",
    no_args_is_help=True,
)


@client.command()
def add(
    *,
    config: _Config,
    file: Annotated[
        Path, typer.Option(help="JSON file: one RFC 7591 object or an array of them.")
    ],
) -> int:
    """Register services, all or none.

    One with a known id is replaced. A missing id or secret is made and shown once.
    """
    from eid import app
    from eid.oidc.clients import check_operator, read_clients

    settings = app.Settings.load(config, os.environ)
    loaded = read_clients(file, legal_entity=settings.legal_entity)
    for one in loaded:
        check_operator(one.client, legal_entity=settings.legal_entity, role=settings.role)
    with app.open_installation(settings) as installation:
        installation.add_clients([one.client for one in loaded], at=datetime.now(UTC))
    for one in loaded:
        made = f"\tclient_secret\t{one.secret}" if one.secret else ""
        typer.echo(f"{one.client.client_id}{made}")
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


@client.command("rotate-secret")
def rotate_secret(*, config: _Config, client_id: _Id) -> int:
    """Give a service a new secret, shown once; the old one ends now."""
    from eid import app
    from eid.errors import SettingsError
    from eid.oidc.client_secrets import hash_secret

    secret = secrets.token_urlsafe(32)
    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        known = _known(installation, client_id)
        if known.secret_hash is None:
            raise SettingsError(
                "This client has no secret.", code="settings.client", key="client_secret"
            )
        changed = replace(known, secret_hash=hash_secret(secret))
        installation.add_clients([changed], at=datetime.now(UTC))
    typer.echo(secret)
    return 0


@client.command()
def disable(
    *,
    config: _Config,
    client_id: _Id,
    enable: Annotated[bool, typer.Option("--undo", help="Let it in again.")] = False,
) -> int:
    """Refuse a service from now on: no login, no token. Its registration stays."""
    from eid import app

    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        known = _known(installation, client_id)
        changed = replace(known, disabled=not enable)
        installation.add_clients([changed], at=datetime.now(UTC))
    typer.echo(f"{client_id} {'enabled' if enable else 'disabled'}")
    return 0


@client.command()
def doctor(
    *,
    config: _Config,
    correlation: Annotated[str, typer.Option(help="The reference of the error page or answer.")],
) -> int:
    """Explain to a service's developer why a request was refused."""
    from eid import app
    from eid.oidc.refusals import explained

    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        found = installation.refusal(correlation)
    if found is None:
        typer.echo("Nothing was refused under this reference.")
        return 1
    for line in explained(found):
        typer.echo(line)
    return 0


def _known(installation: Installation, client_id: str) -> Client:
    from eid.errors import SettingsError

    found = installation.clients.by_id(client_id)
    if found is None:
        raise SettingsError("There is no such client.", code="settings.client", key="client_id")
    return found
