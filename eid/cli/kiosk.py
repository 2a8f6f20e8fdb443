"""`eid kiosk`: the card agent of this machine."""

from __future__ import annotations

import logging
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eid.cli.ports import check_free

if TYPE_CHECKING:
    from eid.app.gate import Gate
    from eid.kiosk.settings import AgentSettings


def kiosk(
    *, config: Annotated[Path, typer.Option(help="The agent's settings file, kiosk.toml.")]
) -> int:
    """Run this machine's card agent.

    It shows a page on loopback and reads a card for a pinned provider.
    """
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    from eid.app.gate import THREADS
    from eid.kiosk.settings import AgentSettings

    settings = AgentSettings.load(config)
    if settings.insecure_virtual_reader:
        typer.echo("eid: warning: virtual readers are allowed: tests only.", err=True)
    host, port = settings.address
    check_free(host, port)
    typer.echo(f"The card agent listens on {settings.origin} (Ctrl-C ends it).", err=True)
    server = Server(
        "card-agent",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        log_level=LogLevels.error,  # it would warn of so many threads, which are for slow clients
        log_access=False,
        websockets=False,
        respawn_failed_workers=True,
    )
    server.serve(target_loader=partial(_load, settings), wrap_loader=False)
    return 0


def _load(settings: AgentSettings) -> Gate:
    from eid.app.gate import Gate
    from eid.kiosk.app import MAX_FORM, create_app

    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    return Gate(create_app(settings), max_body=MAX_FORM)
