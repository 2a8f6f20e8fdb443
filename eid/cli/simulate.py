"""`eid simulate`: a fictional card in a virtual reader, for trying everything without hardware."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from eid.cli import software_card
from eid.cli.files import write_private
from eid.cli.software_card import Prepared
from eid.errors import FormatError, ReaderError

_PROBE_S = 0.2


def simulate(  # noqa: PLR0913 - one parameter per option
    command: Annotated[
        list[str] | None,
        typer.Argument(
            help="Run this with the reader in its environment, then end.", metavar="-- COMMAND"
        ),
    ] = None,
    *,
    person: Annotated[str, typer.Option(help="Which fictional holder.")] = "thu",
    holder: Annotated[
        Path | None, typer.Option(help="A fictional holder of your own, in a TOML file.")
    ] = None,
    profile: Annotated[
        str,
        typer.Option(help="Which kind of card: a name, or a file of `eid doctor --card`."),
    ] = "cccd-2021",
    fault: Annotated[
        list[str] | None,
        typer.Option(help="A named deviation, or KIND@N at the N-th command; may be repeated."),
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="A test-card file, instead of a new card.")
    ] = None,
    case: Annotated[
        Path | None, typer.Option(help="A case folder of forged cards, instead of a new card.")
    ] = None,
    save_image: Annotated[
        Path | None, typer.Option(help="Keep the card as a test-card file (mode 0600).")
    ] = None,
    save_trust: Annotated[
        Path | None, typer.Option(help="Write the trust folder of the card's test authority.")
    ] = None,
    vpcd: Annotated[
        str | None,
        typer.Option(help="HOST:PORT of a running virtual reader; otherwise a private one."),
    ] = None,
    stream: Annotated[
        Path | None,
        typer.Option(help="Serve the card on this unix socket instead: no PC/SC is needed."),
    ] = None,
    list_all: Annotated[
        bool, typer.Option("--list", help="Name all profiles and faults, and end.")
    ] = False,
) -> int:
    """Insert a software card, for tests.

    It lies in a virtual reader, or on a socket, until Ctrl-C or until COMMAND ends.
    """
    if list_all:
        typer.echo("\n".join(software_card.listing()))
        return 0
    card = software_card.prepare(
        software_card.Wanted(
            person=person,
            holder=holder,
            profile=profile,
            faults=tuple(fault or ()),
            image=image,
            case=case,
            save_trust=save_trust,
        )
    )
    if card.holder:
        typer.echo(card.holder, err=bool(command))
    if save_image:
        write_private(save_image, card.image.to_json())
    if vpcd and stream:
        raise FormatError("Give --vpcd or --stream, not both.", code="input.reader")
    with _served(card, stream) if stream else _inserted(card, vpcd) as environment:
        if command:
            return _run(command, environment)
        for name, value in environment.items():
            typer.echo(f"{name}={value}")
        where = f"on stream:{stream}" if stream else "in the virtual reader"
        typer.echo(f"A software card lies {where}; Ctrl-C takes it away.")
        threading.Event().wait()
    return 0


@contextmanager
def _served(card: Prepared, path: Path) -> Iterator[Mapping[str, str]]:
    from eid.testing.softcard import SoftwareCard
    from eid.testing.stream_card import StreamCard

    with StreamCard(SoftwareCard(card.image, faults=card.faults), path):
        yield {}


@contextmanager
def _inserted(card: Prepared, vpcd: str | None) -> Iterator[Mapping[str, str]]:
    from eid.testing import vpcd as wire
    from eid.testing.softcard import SoftwareCard

    host, port = _address(vpcd) if vpcd else (wire.HOST, wire.PORT)
    software = SoftwareCard(card.image, faults=card.faults)
    try:
        inserted = wire.insert(software, host=host, port=port, timeout=_PROBE_S)
    except ReaderError:
        if vpcd:
            raise
        with _private_reader(card) as environment:
            yield environment
        return
    try:
        yield {}
    finally:
        inserted.remove()


@contextmanager
def _private_reader(card: Prepared) -> Iterator[Mapping[str, str]]:
    from eid.testing.virtual_reader import VirtualReader, unavailable_reason

    reason = unavailable_reason()
    if reason:
        raise ReaderError(f"No virtual reader can be started: {reason}", code="reader.no_box")
    with VirtualReader.start() as reader:
        reader.insert(card.image, faults=card.faults)
        yield reader.environment


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    program = shutil.which(command[0])
    if program is None:
        raise FormatError(f"There is no command {command[0]}.", code="input.command")
    done = subprocess.run(  # noqa: S603 - what the caller asked for, without a shell
        [program, *command[1:]], env={**os.environ, **environment}, check=False
    )
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise FormatError("A virtual reader's address is HOST:PORT.", code="input.address")
    return host.strip("[]"), int(port)
