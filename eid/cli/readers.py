"""`eid readers`: which readers are there."""

from __future__ import annotations

import json
from typing import Annotated

import typer

VIRTUAL = "Virtual PCD"


def readers(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False
) -> int:
    """List the card readers."""
    from eid.chip import pcsc

    names = pcsc.list_readers()
    if as_json:
        listed = [{"name": name, "virtual": name.startswith(VIRTUAL)} for name in names]
        typer.echo(json.dumps({"readers": listed}, ensure_ascii=False))
        return 0
    for name in names:
        typer.echo(name + ("  (virtual: tests only)" if name.startswith(VIRTUAL) else ""))
    if not names:
        typer.echo("No card reader is connected.")
    return 0
