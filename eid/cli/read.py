"""`eid read`: one card becomes one evidence file; nothing is judged here."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from eid.cli import inputs
from eid.cli.card import Given, access_key, connect
from eid.cli.files import write_private
from eid.cli.progress import progress_bar
from eid.errors import FormatError


def read(  # noqa: PLR0913 - one parameter per option
    *,
    out: Annotated[Path, typer.Option(help="Evidence file to write (mode 0600).")],
    number: Annotated[
        str | None, typer.Option(help="12-digit number on the card; - reads it from stdin.")
    ] = None,
    can: Annotated[
        str | None, typer.Option(help="Its last six digits, the CAN; - reads it from stdin.")
    ] = None,
    document_number: Annotated[
        str | None, typer.Option(help="Document number of the MRZ, with --birth and --expiry.")
    ] = None,
    birth: Annotated[str | None, typer.Option(help="YYMMDD or YYYY-MM-DD.")] = None,
    expiry: Annotated[str | None, typer.Option(help="YYMMDD or YYYY-MM-DD.")] = None,
    pin: Annotated[str | None, typer.Option(help="The card's PIN; - reads it from stdin.")] = None,
    reader: Annotated[str | None, typer.Option(help="Name of the reader.")] = None,
    challenge: Annotated[
        str | None,
        typer.Option(help="The verifier's challenge, 16 hexadecimal digits."),
    ] = None,
    plan: Annotated[
        str, typer.Option(help="What to read: kiosk, bank, full, or a TOML file of your own.")
    ] = "bank",
    show_plan: Annotated[
        bool, typer.Option("--show-plan", help="Print the plan as a table; read nothing.")
    ] = False,
    deadline: Annotated[float, typer.Option(help="Seconds the read may take.", min=1)] = 30.0,
    wait: Annotated[float, typer.Option(help="Seconds to wait for a card.", min=0)] = 30.0,
) -> int:
    """Read a card into an evidence file.

    The chip is opened by PACE; files and proofs are written as they are, not yet judged.
    """
    from eid.chip.plan import load_plan
    from eid.chip.read import read as read_card

    reading = load_plan(plan)
    if show_plan:
        typer.echo("\n".join(reading.steps()))
        return 0
    nonce = inputs.challenge(challenge) if challenge else None
    if not out.parent.is_dir():
        raise FormatError(f"There is no folder {out.parent}.", code="input.folder")
    given = Given(number=number, can=can, pin=pin, document=(document_number, birth, expiry))
    key = access_key(given)
    with closing(connect(reader, wait)) as transport, progress_bar() as tell:
        evidence = read_card(
            transport,
            key,
            plan=reading,
            challenge=nonce,
            challenge_source="caller_chosen",
            progress=tell,
            deadline_s=deadline,
            at=datetime.now(UTC),
        )
    write_private(out, evidence.to_json())
    typer.echo(f"Read {', '.join(sorted(evidence.files))}.", err=True)
    typer.echo(f"{out} holds personal data; judge it with: eid verify {out} --trust DIR", err=True)
    return 0
