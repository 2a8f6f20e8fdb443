"""`eid account`: the people who log in, and the officers at the counter."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from eid.cli import inputs
from eid.errors import AccountError, FormatError

ROLES = ("officer",)
_Config = Annotated[Path, typer.Option(help="The settings file, eid.toml.")]
account = typer.Typer(help="Accounts: add one, show one.", no_args_is_help=True)


@account.command()
def add(
    username: Annotated[str, typer.Argument(help="Login name.")],
    *,
    config: _Config,
    password: Annotated[
        str | None, typer.Option(help="The password; without it one line of stdin is read.")
    ] = None,
    role: Annotated[
        list[str] | None, typer.Option(help="A role: officer. May be repeated.")
    ] = None,
) -> int:
    """Add an account without any level; only the counter and the card raise it."""
    from eid import app
    from eid.levels.account import Account
    from eid.store import new_account_id

    roles = frozenset(role or ())
    if roles - set(ROLES):
        raise FormatError(f"There is no such role; known: {', '.join(ROLES)}.", code="input.role")
    settings = app.Settings.load(config, os.environ)
    at = datetime.now(UTC)
    with app.open_accounts(settings) as accounts:
        created = accounts.create(
            Account(id=new_account_id(), username=username, created_at=at, roles=roles),
            password=inputs.secret(password or "-"),
        )
    typer.echo(created.id)
    return 0


@account.command()
def show(username: Annotated[str, typer.Argument(help="Login name.")], *, config: _Config) -> int:
    """Show an account's state and level; no personal data."""
    from eid import app

    settings = app.Settings.load(config, os.environ)
    with app.open_accounts(settings) as accounts:
        found = accounts.by_username(username)
    if found is None:
        raise AccountError("There is no such account.", code="account.unknown")
    document = {
        "id": found.id,
        "username": found.username,
        "state": found.state,
        "level": found.level,
        "holder_match": found.holder_match,
        "roles": sorted(found.roles),
    }
    typer.echo(json.dumps(document, indent=2))
    return 0
