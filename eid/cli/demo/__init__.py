"""`eid demo`: the whole way once, with real parts and a fictional person, or one of its refusals.

Every part is the library's public API; the demo itself holds no protocol code.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from eid.errors import FormatError


def demo(
    *,
    json: Annotated[bool, typer.Option("--json", help="The story as JSON.")] = False,
    fault: Annotated[
        str | None, typer.Option(help="Do one thing wrong and see it refused.", metavar="NAME")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running and print the addresses.")
    ] = False,
    out: Annotated[
        Path, typer.Option(help="Folder for the QR picture and the verdict page.")
    ] = Path("eid-demo"),
) -> int:
    """Show the whole way: card, evidence, verdict, level, ID token, QR code.

    Exit code 0 when the way was walked, 1 when it was refused (as every --fault is).
    """
    from eid.cli.demo.faults import FAULTS
    from eid.cli.demo.play import Outputs, play, play_fault

    # Being asked to end is as good as Ctrl-C: everything is stopped and removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if fault is None:
        return play(Outputs(folder=out, as_json=json), keep=keep)
    if fault not in FAULTS:
        raise FormatError(
            f"There is no such fault; known: {', '.join(FAULTS)}.", code="input.fault"
        )
    return play_fault(Outputs(folder=out, as_json=json), FAULTS[fault])
