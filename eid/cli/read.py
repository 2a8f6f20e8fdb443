"""`eid read`: one card becomes one evidence file; nothing is judged here."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eid.cli import inputs
from eid.cli.files import write_private
from eid.cli.readers import VIRTUAL
from eid.errors import FormatError, ReaderError

if TYPE_CHECKING:
    from eid.chip.access import AccessKey
    from eid.chip.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    number: str | None
    can: str | None
    document: tuple[str | None, str | None, str | None]


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
    reader: Annotated[str | None, typer.Option(help="Name of the reader.")] = None,
    challenge: Annotated[
        str | None,
        typer.Option(help="The verifier's challenge, 16 hexadecimal digits."),
    ] = None,
    plan: Annotated[str, typer.Option(help="What to read: kiosk, bank or full.")] = "bank",
    wait: Annotated[float, typer.Option(help="Seconds to wait for a card.", min=0)] = 30.0,
) -> int:
    """Read a card into an evidence file.

    The chip is opened by PACE; files and proofs are written as they are, not yet judged.
    """
    from eid.chip.plan import PLANS
    from eid.chip.read import read as read_card

    if plan not in PLANS:
        raise FormatError(f"There is no plan {plan}: use {', '.join(PLANS)}.", code="input.plan")
    nonce = inputs.challenge(challenge) if challenge else None
    if not out.parent.is_dir():
        raise FormatError(f"There is no folder {out.parent}.", code="input.folder")
    key = _access_key(_Key(number=number, can=can, document=(document_number, birth, expiry)))
    with closing(_connect(reader, wait)) as transport:
        evidence = read_card(
            transport,
            key,
            plan=PLANS[plan],
            challenge=nonce,
            challenge_source="caller_chosen",
            at=datetime.now(UTC),
        )
    write_private(out, evidence.to_json())
    typer.echo(f"Read {', '.join(sorted(evidence.files))}.", err=True)
    typer.echo(f"{out} holds personal data; judge it with: eid verify {out} --trust DIR", err=True)
    return 0


def _access_key(given: _Key) -> AccessKey:
    from eid.chip.access import Can, MrzKey, can_from_number, personal_number

    document, birth, expiry = given.document
    ways = [given.number is not None, given.can is not None, any(given.document)]
    if sum(ways) != 1 or (any(given.document) and not all(given.document)):
        raise FormatError(
            "Give --number, or --can, or --document-number with --birth and --expiry.",
            code="input.access",
        )
    if given.number is not None:
        return can_from_number(personal_number(inputs.secret(given.number)))
    if given.can is not None:
        return Can(inputs.secret(given.can))
    return MrzKey(
        document_number=inputs.secret(document or ""),
        birth=inputs.mrz_date(birth or ""),
        expiry=inputs.mrz_date(expiry or ""),
    )


def _connect(reader: str | None, wait: float) -> Transport:
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
