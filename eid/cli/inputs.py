"""What people type: hexadecimal, moments, and secrets that may come from standard input.

>>> challenge("00112233445566FF").hex()
'00112233445566ff'
>>> moment("2026-11-21T08:00:00+07:00").isoformat()
'2026-11-21T01:00:00+00:00'
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from eid.errors import FormatError

if TYPE_CHECKING:
    from eid.trust.store import TrustStore

_MAX_LINE = 512
_HEX16 = re.compile(r"[0-9A-Fa-f]{16}", re.ASCII)


def secret(value: str) -> str:
    """The value, or one line of standard input for ``-``, so that no process list shows it."""
    return line().strip() if value == "-" else value


def line() -> str:
    """One line of standard input as it is, spaces too; FormatError for an empty or endless one."""
    if sys.stdin.isatty():
        sys.stderr.write("Type it here, then Enter (it is shown): ")
        sys.stderr.flush()
    try:
        text = sys.stdin.readline(_MAX_LINE + 1)
    except UnicodeDecodeError as e:
        raise FormatError("Standard input is not text.", code="input.line") from e
    if not text.strip() or len(text) > _MAX_LINE:
        raise FormatError("Standard input holds no usable line.", code="input.line")
    return text.rstrip("\r\n")


def challenge(text: str) -> bytes:
    """Eight bytes from sixteen hexadecimal digits; FormatError otherwise."""
    if not _HEX16.fullmatch(text):
        raise FormatError("The challenge must be 16 hexadecimal digits.", code="input.challenge")
    return bytes.fromhex(text)


def moment(text: str | None) -> datetime:
    """An ISO 8601 moment in UTC (without an offset it is taken as UTC); now for None."""
    if text is None:
        return datetime.now(UTC)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as e:
        raise FormatError("The moment is not ISO 8601.", code="input.moment") from e
    if parsed.tzinfo is None:
        return parsed.replace(tzinfo=UTC)
    try:
        return parsed.astimezone(UTC)
    except OverflowError as e:
        raise FormatError("The moment is out of range.", code="input.moment") from e


def mrz_date(text: str) -> str:
    """A date as the MRZ writes it (YYMMDD), from that form or from YYYY-MM-DD."""
    digits = text[2:].replace("-", "") if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text
    if not re.fullmatch(r"[0-9]{6}", digits):
        raise FormatError("A date must be YYMMDD or YYYY-MM-DD.", code="input.date")
    return digits


def existing(folder: Path | None) -> Path:
    """A trust folder that is there; FormatError otherwise."""
    if folder is None:
        raise FormatError("Name a trust folder with --trust.", code="input.trust")
    if not folder.is_dir():
        raise FormatError(f"There is no trust folder {folder}.", code="input.trust")
    return folder


def trust_store(folder: Path | None) -> TrustStore:
    """The store of a trust folder; what is wrong in it is warned about on standard error."""
    from eid.trust.store import TrustStore

    store = TrustStore.load(existing(folder))
    for problem in store.problems:
        typer.echo(f"eid: warning: {problem.source}: {problem.message} ({problem.code})", err=True)
    return store


def required(by: str, reason: str) -> None:
    """FormatError ``input.reason`` unless the record will know who and why."""
    if not (by.strip() and reason.strip()):
        raise FormatError("Give who does it and why.", code="input.reason")
