"""`eid account expire` and `replace-number`: what happens to a card or a number, told by an officer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eid.cli import inputs
from eid.cli.account import happen, opened
from eid.errors import FormatError

if TYPE_CHECKING:
    from eid.levels.account import Event

_BECAUSE: tuple[Event, ...] = ("document_expired", "card_lost", "number_cancelled")
_Config = Annotated[Path, typer.Option(help="The settings file, eid.toml.")]
_Username = Annotated[str, typer.Option(help="Login name.")]
_By = Annotated[str, typer.Option(help="Who does it, for the record.")]
_Reason = Annotated[str, typer.Option(help="Why, for the record; no personal data.")]


def expire(
    *,
    config: _Config,
    username: _Username,
    by: _By,
    reason: _Reason,
    because: Annotated[str, typer.Option(help=" | ".join(_BECAUSE))],
) -> int:
    """Take the level away until the person is proofed again: the card or the number is no more."""
    event = next((one for one in _BECAUSE if one == because), None)
    if event is None:
        raise FormatError(
            f"There is no such cause; known: {', '.join(_BECAUSE)}.", code="input.because"
        )
    return happen(config, username, event, by=by, reason=reason)


def replace_number(
    *,
    config: _Config,
    username: _Username,
    by: _By,
    reason: _Reason,
    number: Annotated[str, typer.Option(help="The new number; - reads it from stdin.")] = "-",
) -> int:
    """Enter the number that replaced the person's old one; the history of numbers is kept."""
    inputs.required(by, reason)
    wanted = inputs.line() if number == "-" else number
    with opened(config, username) as (installation, found):
        moved = installation.accounts.replace_number(
            found.id, wanted, by=by, reason=reason, at=datetime.now(UTC)
        )
    typer.echo(f"{moved.username}: {moved.state}, level {moved.level}")
    return 0
