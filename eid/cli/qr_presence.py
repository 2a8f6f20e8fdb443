"""`eid qr ask` and `eid qr answer`: presence codes from the command line.

The place asks, the issuer answers for the person who agreed, and `eid qr verify --question` checks.
"""

from __future__ import annotations

import json
import re
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from eid.cli import qr_input
from eid.cli.qr_issue import signer_of_options, write_code
from eid.errors import FormatError, RequestRefused

_SUBJECT = re.compile(r"(?:[0-9a-fA-F]{2}){1,16}")


def ask(
    audience: Annotated[str, typer.Argument(help="This place's name, usually its URL.")],
    *,
    out: Annotated[Path, typer.Option(help="Where to write: .png, .svg or .txt (mode 0600).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Draw a question for one person: who asks, and a fresh challenge. Keep it for the check."""
    from eid.qr.presence import Asked, new_challenge
    from eid.qr.question import MAX_AUDIENCE, write_question

    if not 0 < len(audience) <= MAX_AUDIENCE:
        raise FormatError("A place has a name of 1 to 200 characters.", code="qr.question")
    text = write_question(Asked(audience=audience, challenge=new_challenge()))
    symbol = write_code(out, text, "M")
    _say({"file": str(out), "audience": audience, "version": symbol.version}, as_json=as_json)
    return 0


def answer(  # noqa: PLR0913 - one parameter per option
    question: Annotated[str, typer.Argument(help="The text, -, or a picture with the question.")],
    *,
    out: Annotated[Path, typer.Option(help="Where to write: .png, .svg or .txt (mode 0600).")],
    place: Annotated[
        list[str], typer.Option(help="A place that may ask; others are refused. May be repeated.")
    ],
    config: Annotated[Path | None, typer.Option(help="eid.toml: its issuer and QR key.")] = None,
    key: Annotated[
        Path | None, typer.Option(help="Instead: a PEM file with a P-256 or Ed25519 key.")
    ] = None,
    issuer: Annotated[str | None, typer.Option(help="With --key: the issuer's URL.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Who: up to 16 bytes in hex, pairwise; random if left out.")
    ] = None,
    seconds: Annotated[int, typer.Option(min=1, max=60, help="How long it lives.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Answer a question with a presence code, after saying who asks. Nothing else is opened.

    Exit code 0 answered, 1 for a place that is not known, 2 unusable input.
    """
    from eid.qr.presence import issue_presence
    from eid.qr.question import read_question

    asked = read_question(qr_input.code(question))
    if asked.audience not in place:
        raise RequestRefused("The place that asks is not known.", code="qr.audience")
    signer, name = signer_of_options(config, key, issuer)
    if subject is not None and not _SUBJECT.fullmatch(subject):
        raise FormatError("A subject is 1 to 16 bytes in hexadecimal.", code="input.subject")
    text = issue_presence(
        asked,
        subject=secrets.token_bytes(16) if subject is None else bytes.fromhex(subject),
        key=signer,
        at=datetime.now(UTC),
        life=timedelta(seconds=seconds),
    )
    symbol = write_code(out, text, "M")
    _say(
        {"file": str(out), "issuer": name, "audience": asked.audience, "seconds": seconds,
         "version": symbol.version},
        as_json=as_json,
    )  # fmt: skip
    return 0


def _say(report: dict[str, str | int], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        typer.echo(", ".join(f"{name} {value}" for name, value in report.items()))
