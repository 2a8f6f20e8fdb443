"""`eid account`: the people who log in, and the officers at the counter."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eid.cli import inputs
from eid.errors import AccountError, FormatError, SettingsError

if TYPE_CHECKING:
    from eid.app import Settings
    from eid.app.installation import ManualProof

ROLES = ("officer",)
_Config = Annotated[Path, typer.Option(help="The settings file, eid.toml.")]
_Username = Annotated[str, typer.Option(help="Login name.")]
account = typer.Typer(help="Accounts: add one, show one.", no_args_is_help=True)


@account.command()
def add(  # noqa: PLR0913 - one parameter per option
    *,
    config: _Config,
    username: _Username,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from one line of stdin.")
    ] = False,
    role: Annotated[
        list[str] | None, typer.Option(help="A role: officer. May be repeated.")
    ] = None,
    level: Annotated[int, typer.Option(help="0, or a level that an officer proofed.")] = 0,
    proofed_by: Annotated[str, typer.Option(help="The officer who proofed the person.")] = "",
    reason: Annotated[str, typer.Option(help="How the person was proofed, for the record.")] = "",
    insecure_unproofed: Annotated[
        bool,
        typer.Option(
            "--insecure-unproofed", help="Give a fictional person a level; loopback issuers only."
        ),
    ] = False,
) -> int:
    """Add an account.

    A level needs the officer who proofed the person, and a reason.
    """
    from eid import app

    settings = app.Settings.load(config, os.environ)
    roles = frozenset(role or ())
    if roles - set(ROLES):
        raise FormatError(f"There is no such role; known: {', '.join(ROLES)}.", code="input.role")
    if insecure_unproofed:
        proofed_by, reason = _unproofed(settings, proofed_by, reason)
    proof = _proof(level, proofed_by, reason)
    with app.open_installation(settings) as installation:
        created = installation.add_account(
            username=username,
            password=_password(from_stdin=password_stdin),
            roles=roles,
            proof=proof,
            at=datetime.now(UTC),
        )
    typer.echo(created.id)
    return 0


@account.command()
def show(*, config: _Config, username: _Username) -> int:
    """Show state and level, no personal data."""
    from eid import app

    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        found = installation.accounts.by_username(username)
    if found is None:
        raise AccountError("There is no such account.", code="account.unknown")
    document = {
        "id": found.id,
        "username": found.username,
        "state": found.state,
        "level": found.level,
        "holder_match": found.holder_match,
        "source": found.source,
        "roles": sorted(found.roles),
    }
    typer.echo(json.dumps(document, indent=2))
    return 0


def _proof(level: int, proofed_by: str, reason: str) -> ManualProof | None:
    from eid.app.installation import ManualProof

    if level == 0 and not proofed_by and not reason:
        return None
    if level == 1:
        return ManualProof(level=1, officer=proofed_by, reason=reason)
    if level == 2:
        return ManualProof(level=2, officer=proofed_by, reason=reason)
    raise FormatError("A proofed level is 1 or 2.", code="input.level")


def _unproofed(settings: Settings, proofed_by: str, reason: str) -> tuple[str, str]:
    if not settings.development:
        raise SettingsError(
            "Unproofed levels are for loopback issuers with fictional people.",
            key="issuer",
            expected="an http issuer on loopback",
        )
    return proofed_by or "nobody", reason or "insecure-unproofed"


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return inputs.secret("-")
    if not sys.stdin.isatty():
        raise FormatError("Give the password by --password-stdin.", code="input.password")
    password = getpass("Password: ")
    if getpass("Again: ") != password:
        raise FormatError("The two passwords differ.", code="input.password")
    return password
