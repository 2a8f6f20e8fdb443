"""`eid db`: the database brought up to date, checked, backed up, restored and tidied."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

_Config = Annotated[Path, typer.Option(help="The settings file, eid.toml.")]
_Keys = Annotated[
    Path | None, typer.Option(help="The file of the people's keys; FILE.keys by default.")
]
db = typer.Typer(
    help="The database: upgrade, check, back up, restore, retain.", no_args_is_help=True
)


@db.command()
def upgrade(*, config: _Config) -> int:
    """Bring the schema to this version; safe to run again after it was killed."""
    from eid import app
    from eid.store import Database

    database = Database.open(app.Settings.load(config, os.environ).database)
    try:
        database.migrate()
        database.check()
    finally:
        database.close()
    typer.echo("The schema is this version's.")
    return 0


@db.command()
def check(*, config: _Config) -> int:
    """Check schema, durability and keys; nothing is changed."""
    from eid import app
    from eid.app.secret_source import secret_source
    from eid.store import Database, check_installation

    settings = app.Settings.load(config, os.environ)
    database = Database.open(settings.database)
    try:
        database.check()
        with secret_source(settings) as secrets:
            check_installation(database, settings.data_dir, secrets)
    finally:
        database.close()
    typer.echo("The database can be used.")
    return 0


@db.command()
def backup(*, config: _Config, file: Path, keys: _Keys = None) -> int:
    """Write the data to FILE and the people's keys to a second file."""
    from eid import app
    from eid.store import backup as backups

    settings = app.Settings.load(config, os.environ)
    beside = keys or file.with_name(file.name + ".keys")
    backups.backup(settings.database, file, beside)
    typer.echo(
        f"{file} holds the data, {beside} the people's keys. Keep this one key file where you can "
        "reach it: eid account erase --backup-keys takes a person out of it, and so out of every "
        "data file."
    )
    return 0


@db.command()
def restore(*, config: _Config, file: Path, keys: _Keys = None) -> int:
    """Fill an empty database from a backup."""
    from eid import app
    from eid.store import backup as backups

    settings = app.Settings.load(config, os.environ)
    backups.restore(settings.database, file, keys or file.with_name(file.name + ".keys"))
    typer.echo("Restored and checked.")
    return 0


@db.command()
def retain(*, config: _Config) -> int:
    """Let go of what has had its time, by rule; run it daily."""
    from eid import app
    from eid.levels.rules import Rules

    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        gone = installation.store.retain(rules=Rules.load(), at=datetime.now(UTC))
    typer.echo(json.dumps(asdict(gone)))
    return 0
