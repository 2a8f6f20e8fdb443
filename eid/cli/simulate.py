"""`eid simulate`: a fictional card in a virtual reader, for trying everything without hardware."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eid.cli.files import write_private
from eid.errors import FormatError, ReaderError

if TYPE_CHECKING:
    from eid.testing.card_image import CardImage

_MAX_IMAGE = 1 << 20
_PROBE_S = 0.2


def simulate(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            help="Run this with the reader in its environment, then end.", metavar="-- COMMAND"
        ),
    ] = None,
    *,
    person: Annotated[str, typer.Option(help="Which fictional holder.")] = "thu",
    image: Annotated[
        Path | None, typer.Option(help="A test-card file, instead of a new card.")
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
) -> int:
    """Insert a software card, for tests.

    It lies in a virtual reader until Ctrl-C, or until COMMAND ends.
    """
    card = _saved_card(image) if image else _new_card(person, save_trust)
    if image and save_trust:
        raise FormatError(
            "The trust folder belongs to a new card; do not give --image.", code="input.trust"
        )
    if save_image:
        write_private(save_image, card.to_json())
    with _inserted(card, vpcd) as environment:
        if command:
            return _run(command, environment)
        for name, value in environment.items():
            typer.echo(f"{name}={value}")
        typer.echo("A software card lies in the virtual reader; Ctrl-C takes it away.")
        threading.Event().wait()
    return 0


def _saved_card(path: Path) -> CardImage:
    from eid.testing.card_image import CardImage

    with path.open("rb") as file:
        return CardImage.from_json(file.read(_MAX_IMAGE + 1))


def _new_card(person: str, save_trust: Path | None) -> CardImage:
    from eid.testing.authority import DocumentAuthority
    from eid.testing.people import PEOPLE
    from eid.testing.personalise import personalise

    if person not in PEOPLE:
        raise FormatError(
            f"There is no such person; known: {', '.join(PEOPLE)}.", code="input.person"
        )
    at = datetime.now(UTC)
    holder = PEOPLE[person]
    authority = DocumentAuthority.create(at=at)
    card = personalise(holder, authority, at=at)
    if save_trust:
        authority.trust_folder(save_trust, crl=authority.crl(at=at))
    typer.echo(f"Fictional holder: {holder.name}; number to type: {holder.number}")
    return card


@contextmanager
def _inserted(card: CardImage, vpcd: str | None) -> Iterator[Mapping[str, str]]:
    from eid.testing import vpcd as wire
    from eid.testing.softcard import SoftwareCard

    host, port = _address(vpcd) if vpcd else (wire.HOST, wire.PORT)
    try:
        inserted = wire.insert(SoftwareCard(card), host=host, port=port, timeout=_PROBE_S)
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
def _private_reader(card: CardImage) -> Iterator[Mapping[str, str]]:
    from eid.testing.virtual_reader import VirtualReader, unavailable_reason

    reason = unavailable_reason()
    if reason:
        raise ReaderError(f"No virtual reader can be started: {reason}", code="reader.no_box")
    with VirtualReader.start() as reader:
        reader.insert(card)
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
