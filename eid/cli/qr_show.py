"""`eid qr show` and `eid qr scan`: what codes claim. Nothing here is verified."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eid.cli import inputs, qr_input
from eid.cli.qr_output import (
    CODE_HELP,
    finding_values,
    identity_values,
    print_report,
    question_words,
    shown,
)
from eid.errors import FormatError

if TYPE_CHECKING:
    from datetime import datetime

    from eid.chip.match import PrintedCard
    from eid.keys import JSON


def scan(
    picture: Annotated[Path, typer.Argument(help="PNG, JPEG, WebP or PDF.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Print the content of every QR code in a picture, or else of every DataMatrix. Nothing is verified.

    Exit code 0 if there is one, 1 if there is none, 2 for an unusable picture.
    """
    from eid.qr.recognise import kind_of

    found = qr_input.codes_in(picture)
    if as_json:
        codes: list[JSON] = [
            {"kind": kind_of(content), "text": _text(content), "hex": content.hex()}
            for content in found
        ]
        typer.echo(json.dumps({"codes": codes}, ensure_ascii=False, indent=2))
    else:
        for content in found:
            typer.echo(f"{kind_of(content)}\t{shown(_text(content) or content.hex())}")
    if not found:
        typer.echo("eid: There is no readable QR code in the picture. (qr.none)", err=True)
    return 0 if found else 1


def show(
    code: Annotated[str, typer.Argument(help=CODE_HELP)],
    *,
    at: Annotated[str | None, typer.Option(help="Judge dates as of this moment.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Show what a code claims, without verifying it.

    Exit code 0 if it is understood, 2 if not.
    """
    from eid.qr.recognise import kind_of

    text = qr_input.code(code)
    kind = kind_of(text.encode())
    if kind == "printed":
        report = _printed(text, inputs.moment(at))
    elif kind == "claim169":
        report = _claimed(text)
    elif kind == "question":
        report = _asked(text)
    else:
        raise FormatError(f"Nothing can be shown of a code of kind {kind}.", code="qr.kind")
    print_report({"verified": False, "kind": kind, **report}, as_json=as_json)
    return 0


def _claimed(text: str) -> dict[str, JSON]:
    from eid.qr import cwt
    from eid.qr.credential import read_unverified

    read = read_unverified(text)
    return {
        "issuer": read.claims.issuer,
        "issued_at": qr_input.plain(cwt.instant(read.claims.issued_at)),
        "expires_at": qr_input.plain(cwt.instant(read.claims.expires_at)),
        "status": None
        if read.status is None
        else {"uri": read.status.uri, "index": read.status.index},
        "signature_bytes": read.signature_size,
        "identity": identity_values(read.identity),
        "findings": finding_values(read.findings),
    }


def _printed(text: str, at: datetime) -> dict[str, JSON]:
    from eid.qr.printed import parse_printed

    card: PrintedCard = parse_printed(text, at=at)
    known = {one.name: qr_input.plain(getattr(card, one.name)) for one in fields(card)}
    return {"card": known, "consistent": card.consistent}


def _asked(text: str) -> dict[str, JSON]:
    from eid.qr.question import read_question

    return {**question_words(read_question(text))}


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None
