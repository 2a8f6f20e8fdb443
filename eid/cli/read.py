"""`eid read`: one card becomes one evidence file; nothing is judged here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from eid.cli import inputs
from eid.cli.card import Given, access_key, connect
from eid.cli.files import write_private
from eid.cli.progress import progress_bar
from eid.errors import FormatError

if TYPE_CHECKING:
    from eid.chip.read import Progress
    from eid.chip.transport import Transport

_FALLBACKS: Final = {
    "builtin_card_access": "The chip hid EF.CardAccess; PACE ran with the usual parameters.",
    "bac_without_card_access": "The chip hid EF.CardAccess and refused PACE; BAC was run.",
    "bac_after_failed_pace": "PACE failed and BAC was run, as you asked.",
}
_BAC: Final = "The chip was opened by BAC: who listens can find its key."


def read(  # noqa: PLR0913 - one parameter per option
    *,
    out: Annotated[Path | None, typer.Option(help="Evidence file to write (mode 0600).")] = None,
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
    puk: Annotated[
        str | None, typer.Option(help="The number that frees a PIN; - reads it from stdin.")
    ] = None,
    reader: Annotated[
        str | None, typer.Option(help="Name of the reader, or stream:SOCKET.")
    ] = None,
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
    resume: Annotated[
        bool, typer.Option("--resume", help="Read on when a lifted card is back.")
    ] = False,
    insecure_bac_after_pace: Annotated[
        bool,
        typer.Option(
            "--insecure-bac-after-pace",
            help="Open by BAC after a failed PACE; needs the MRZ, and the evidence says so.",
        ),
    ] = False,
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
    if out is None or not out.parent.is_dir():
        raise FormatError("Give --out, a file in a folder that is there.", code="input.folder")
    given = Given(
        number=number, can=can, pin=pin, puk=puk, document=(document_number, birth, expiry)
    )
    key = access_key(given)
    with ExitStack() as connections, progress_bar() as tell:

        def open_reader() -> Transport:
            return connections.enter_context(closing(connect(reader, wait)))

        evidence = read_card(
            open_reader(),
            key,
            plan=reading,
            challenge=nonce,
            challenge_source="caller_chosen",
            reconnect=open_reader if resume else None,
            progress=_warning_of_findings(tell),
            deadline_s=deadline,
            at=datetime.now(UTC),
            insecure_bac_after_pace=insecure_bac_after_pace,
        )
    write_private(out, evidence.to_json())
    typer.echo(f"Read {', '.join(sorted(evidence.files))}.", err=True)
    if evidence.access.fallback:
        typer.echo(f"eid: warning: {_FALLBACKS[evidence.access.fallback]}", err=True)
    if evidence.access.protocol == "BAC":
        typer.echo(f"eid: warning: {_BAC}", err=True)
    typer.echo(f"{out} holds personal data; judge it with: eid verify {out} --trust DIR", err=True)
    return 0


def _warning_of_findings(tell: Callable[[Progress], None] | None) -> Callable[[Progress], None]:
    """Pass each step on, and say at once what the chip refused in it."""

    def told(step: Progress) -> None:
        if tell is not None:
            tell(step)
        if step.finding is not None:
            typer.echo(
                f"eid: warning: The chip refused to prove its key ({step.finding}).", err=True
            )

    return told
