"""`eid audit`: the record checked, exported, and asked whom a time concerned."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from eid.cli import inputs

_Config = Annotated[Path, typer.Option(help="The settings file, eid.toml.")]
audit = typer.Typer(help="The record: verify, export, prove, affected.", no_args_is_help=True)
MAX_HEADS = 16 * 1024 * 1024


@audit.command()
def verify(
    *,
    config: _Config,
    heads: Annotated[
        Path | None, typer.Option(help="Heads kept outside, one a line, as `export` wrote them.")
    ] = None,
) -> int:
    """Read the whole record again; exit code 1 names the row that was changed."""
    from eid import app

    kept = _lines(heads) if heads else ()
    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        summary = installation.audit.verify(heads=kept)
    typer.echo(json.dumps({"rows": summary.rows, "heads": summary.heads}))
    return 0


@audit.command()
def export(
    *,
    config: _Config,
    rows: Annotated[bool, typer.Option("--rows", help="The rows themselves, as JSON.")] = False,
) -> int:
    """Sign the end of the chain and print every head, for a witness outside; or all rows."""
    from eid import app
    from eid.store.audit_reading import export_rows

    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        if rows:
            for line in export_rows(installation.store.database):
                typer.echo(line.decode())
            return 0
        installation.audit.sign_head(datetime.now(UTC))
        for head in installation.audit.heads():
            typer.echo(head)
    return 0


@audit.command()
def prove(
    *,
    config: _Config,
    node: Annotated[str, typer.Option(help="The node, as `eid account history` names it.")],
    seq: Annotated[int, typer.Option(help="The row's number.")],
) -> int:
    """Print a proof that one row is in the record, without the other rows."""
    from eid import app
    from eid.store import audit_reading

    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        proof = audit_reading.prove(
            installation.store.database, installation.audit, node, seq, at=datetime.now(UTC)
        )
    typer.echo(json.dumps(proof.to_json(), ensure_ascii=False, indent=2))
    return 0


@audit.command()
def affected(
    *,
    config: _Config,
    start: Annotated[str, typer.Option("--from", help="The first moment, ISO 8601.")],
    end: Annotated[str, typer.Option("--to", help="The moment after the last, ISO 8601.")],
) -> int:
    """List the accounts that a window of time concerned: whom a breach must be told to."""
    from eid import app
    from eid.store import audit_reading

    first, last = inputs.moment(start), inputs.moment(end)
    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        found = audit_reading.affected(installation.store.database, first, last)
    for one in found:
        document = {"account": one.account, "rows": one.rows, "clients": list(one.clients)}
        typer.echo(json.dumps(document))
    return 0


def _lines(path: Path) -> tuple[str, ...]:
    with path.open("rb") as file:
        text = file.read(MAX_HEADS).decode("ascii", "replace")
    return tuple(line.strip() for line in text.splitlines() if line.strip())
