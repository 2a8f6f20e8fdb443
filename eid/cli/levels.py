"""`eid levels`: the rules that apply on a day, in our own words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer

from eid.errors import FormatError

if TYPE_CHECKING:
    from eid.levels.mapping import Equivalent
    from eid.levels.rules import Rule

NOTE = "Our own summary for programs, read from secondary sources: never the text of the law."
levels = typer.Typer(help="Levels: the rules behind them.", no_args_is_help=True)


@levels.callback()
def _group() -> None:
    """Keep ``explain`` a command of its own."""


@levels.command()
def explain(
    *,
    at: Annotated[
        str | None, typer.Option(help="The day, as YYYY-MM-DD in Vietnam; today by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Print the rules in force on a day, each with its article and how sure we are of it."""
    from eid.levels.mapping import MAPPING
    from eid.levels.rules import VIETNAM, Rules

    day = _day(at) if at else datetime.now(UTC).astimezone(VIETNAM).date()
    current = Rules.load().at(datetime.combine(day, time(12), VIETNAM)).items
    if as_json:
        document = {
            "day": day.isoformat(),
            "note": NOTE,
            "rules": [_document(rule) for rule in current],
            "mapping": {"note": "our judgement", "rows": [asdict(row) for row in MAPPING]},
        }
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return 0
    typer.echo(f"Rules in force on {day.isoformat()} (UTC+7). {NOTE}")
    for line in (*_rules(current), "", *_mapping(MAPPING)):
        typer.echo(line)
    return 0


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise FormatError("The day is not YYYY-MM-DD.", code="input.day") from error
    if not 1900 <= day.year <= 2999:
        raise FormatError("The day is out of range.", code="input.day")
    return day


def _rules(current: tuple[Rule, ...]) -> Iterator[str]:
    regulation = ""
    for rule in current:
        if rule.regulation != regulation:
            regulation = rule.regulation
            yield f"\n{regulation} (source: {rule.source})"
        until = f" to {rule.effective_until}" if rule.effective_until else ""
        due = f" Due {rule.due}: {', '.join(rule.subjects)}." if rule.due else ""
        yield f"  {rule.id:24} [{rule.confidence}] {rule.article}; from {rule.effective_from}{until}"
        yield f"  {'':24} {rule.text}{due}{_numbers(rule)}"


def _numbers(rule: Rule) -> str:
    return f" ({', '.join(f'{k} {v:,}' for k, v in rule.numbers.items())})" if rule.numbers else ""


def _mapping(rows: tuple[Equivalent, ...]) -> Iterator[str]:
    yield "About as good as, elsewhere (our judgement, not law):"
    for row in rows:
        also = f"; amr {row.amr}" if row.amr else f"; verified_claims {row.verified_claims}"
        yield (
            f"  {row.axis} {row.level:<2} eIDAS {row.eidas}; ISO 29115 {row.iso_29115}; "
            f"NIST 800-63-4 {row.nist_800_63_4}; acr …:{row.acr}{also}"
        )


def _document(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "regulation": rule.regulation,
        "article": rule.article,
        "text": rule.text,
        "source": rule.source,
        "confidence": rule.confidence,
        "from": rule.effective_from.isoformat(),
        "until": rule.effective_until.isoformat() if rule.effective_until else None,
        "due": rule.due.isoformat() if rule.due else None,
        "subjects": list(rule.subjects),
        "numbers": dict(rule.numbers),
    }
