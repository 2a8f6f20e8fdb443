"""`eid qr ask` and `eid qr answer`: presence codes from the command line.

The place asks, the issuer answers for the person who agreed, and `eid qr verify --question` checks.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from unicodedata import normalize

import typer

from eid.cli import qr_input
from eid.cli.qr_issue import signer_of_options, verified_card, write_code
from eid.cli.qr_output import question_words
from eid.errors import FormatError, RequestRefused, SettingsError

if TYPE_CHECKING:
    from eid.qr.presence import Asked

_SUBJECT = re.compile(r"(?:[0-9a-fA-F]{2}){1,16}")


def ask(
    audience: Annotated[str, typer.Argument(help="This place's name, usually its URL.")],
    *,
    out: Annotated[Path, typer.Option(help="Where to write: .png, .svg or .txt (mode 0600).")],
    where: Annotated[str, typer.Option(help="Words for the person: the desk or ward.")] = "",
    purpose: Annotated[str, typer.Option(help="Words for the person: what it is for.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Draw a question for one person: who asks, where and why, and a fresh challenge.

    Keep it for the check.
    """
    from eid.qr.presence import Asked, new_challenge
    from eid.qr.question import MAX_WORDS, write_question

    name, place, reason = (normalize("NFC", word) for word in (audience, where, purpose))
    if not name or len((name + place + reason).encode()) > MAX_WORDS:
        raise FormatError(
            "Name, place and purpose have 1 to 200 bytes together.", code="qr.question"
        )
    asked = Asked(audience=name, challenge=new_challenge(), place=place, purpose=reason)
    symbol = write_code(out, write_question(asked), "M")
    _say({"file": str(out), **question_words(asked), "version": symbol.version}, as_json=as_json)
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
    evidence: Annotated[
        Path | None, typer.Option(help="A chip read of this very moment, to bind the answer to.")
    ] = None,
    trust: Annotated[Path | None, typer.Option(help="With --evidence: the trust folder.")] = None,
    challenge: Annotated[
        str | None, typer.Option(help="With --evidence: the challenge you gave, 16 hex digits.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="The person has seen who asks, and agreed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Answer a question with a presence code, for a person who agreed. Nothing else is opened.

    At a terminal it says who asks, where and why, and wants a yes; a program that calls it has
    asked the person itself. Exit code 0 answered, 1 for a place that is not known, 2 unusable input.
    """
    from eid.qr.presence import issue_presence
    from eid.qr.question import read_question

    asked = read_question(qr_input.code(question))
    if asked.audience not in place:
        raise RequestRefused("The place that asks is not known.", code="qr.audience")
    signer, name = signer_of_options(config, key, issuer)
    if not yes and sys.stdin.isatty():
        said = ", ".join(f"{kind} {word}" for kind, word in question_words(asked).items())
        typer.confirm(f"Answer this question? {said}", abort=True, err=True)
    if subject is not None and not _SUBJECT.fullmatch(subject):
        raise FormatError("A subject is 1 to 16 bytes in hexadecimal.", code="input.subject")
    digest = _proven(evidence, trust, challenge)
    text = issue_presence(
        asked,
        subject=secrets.token_bytes(16) if subject is None else bytes.fromhex(subject),
        key=signer,
        at=datetime.now(UTC),
        life=timedelta(seconds=seconds),
        evidence_digest=digest,
    )
    symbol = write_code(out, text, "M")
    _say(
        {"file": str(out), "issuer": name, **question_words(asked), "seconds": seconds,
         "chip_proof": digest is not None, "version": symbol.version},
        as_json=as_json,
    )  # fmt: skip
    return 0


def _proven(evidence: Path | None, trust: Path | None, challenge: str | None) -> bytes | None:
    """The digest of a chip read that proves the original chip; ``None`` without one."""
    if evidence is None and trust is None and challenge is None:
        return None
    if evidence is None or trust is None or challenge is None:
        raise SettingsError(
            "--evidence, --trust and --challenge go together.", code="settings.qr_answer"
        )
    from eid.qr.from_card import check_card

    card = verified_card(evidence, trust, challenge)
    check_card(card, datetime.now(UTC))
    return card.evidence_digest


def _say(report: Mapping[str, str | int], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        typer.echo(", ".join(f"{name} {value}" for name, value in report.items()))
