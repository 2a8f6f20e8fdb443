"""What commands that talk to a card share: how it is opened, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from eid.cli import inputs
from eid.cli.readers import VIRTUAL
from eid.errors import FormatError, ReaderError

if TYPE_CHECKING:
    from eid.chip.access import AccessKey
    from eid.chip.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Given:
    """What the command line gave to open a card with."""

    number: str | None = None
    can: str | None = None
    pin: str | None = None
    puk: str | None = None
    document: tuple[str | None, str | None, str | None] = (None, None, None)


def access_key(given: Given) -> AccessKey:
    """The one key among what was given; FormatError for none, several or half of one."""
    from eid.chip.access import Can, MrzKey, Pin, Puk, can_from_number, personal_number

    document, birth, expiry = given.document
    ways = [value is not None for value in (given.number, given.can, given.pin, given.puk)]
    ways.append(any(given.document))
    if sum(ways) != 1 or (any(given.document) and not all(given.document)):
        raise FormatError(
            "Give the number, the CAN, a PIN, or --document-number with --birth and --expiry.",
            code="input.access",
        )
    if given.number is not None:
        return can_from_number(personal_number(inputs.secret(given.number)))
    if given.can is not None:
        return Can(inputs.secret(given.can))
    if given.pin is not None:
        return Pin(inputs.secret(given.pin))
    if given.puk is not None:
        return Puk(inputs.secret(given.puk))
    return MrzKey(
        document_number=inputs.secret(document or ""),
        birth=inputs.mrz_date(birth or ""),
        expiry=inputs.mrz_date(expiry or ""),
    )


def connect(reader: str | None, wait: float) -> Transport:
    """The card on this reader, or on the one that gets a card within ``wait`` seconds."""
    from eid.chip import pcsc, stream

    if reader is not None and reader.startswith("stream:"):
        _warn("The card behind this socket is a software card: for tests only.")
        return stream.connect_unix(Path(reader.removeprefix("stream:")))
    names = pcsc.list_readers()
    if not names:
        raise ReaderError("No card reader is connected.", code="reader.none")
    chosen = [name for name in names if reader is None or name == reader]
    virtual = bool(chosen) and all(name.startswith(VIRTUAL) for name in chosen)
    if virtual:
        _warn("Only a virtual reader is there: its card is software, for tests only.")
    found = pcsc.wait_for_card(reader, timeout=wait, allow_virtual=virtual)
    return pcsc.connect(found, allow_virtual=virtual)


def _warn(message: str) -> None:
    typer.echo(f"eid: warning: {message}", err=True)
