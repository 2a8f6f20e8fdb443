"""The tables of this room as text for people: what the documentation shows is made from them.

>>> life_cycle().splitlines()[1]
'stateDiagram-v2'
>>> print(authentication().splitlines()[3])
| 2 | 2 different kinds | 69/2024 art. 20 | high |
"""

from __future__ import annotations

from datetime import datetime

from eid.levels.account import LIFE_CYCLE, LOCK_GROUNDS
from eid.levels.mapping import MAPPING
from eid.levels.rules import Rules


def life_cycle() -> str:
    """The life cycle as a Mermaid diagram, one arrow for each pair of states."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, event), step in LIFE_CYCLE.items():
        level = "" if step.level is None else f" (level {step.level})"
        arrows.setdefault((state, step.state), []).append(event + level)
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> registered"]
    for (source, target), events in arrows.items():
        lines.append(f"    {source} --> {target}: {', '.join(events)}")
    return "\n".join([*lines, "    closed --> [*]", "```"])


def grounds() -> str:
    """The grounds of a lock, the weightiest last."""
    lines = ["| Ground | Article | Ends |", "|---|---|---|"]
    for name, ground in LOCK_GROUNDS.items():
        lines.append(f"| `{name}` | {ground.article} | {ground.ends.replace('_', ' ')} |")
    return "\n".join(lines)


def authentication(at: datetime | None = None) -> str:
    """What each authentication level takes, by the rules of a day (default: of all times)."""
    rules = Rules.load() if at is None else Rules.load().at(at)
    lines = ["| Level | Takes | Article | Sure |", "|---|---|---|---|"]
    for rule in rules.items:
        if rule.grants:
            kinds = rule.grants.kinds
            takes = "1 factor" if kinds == 1 else f"{kinds} different kinds"
            if rule.grants.needs:
                takes += f", among them {', '.join(sorted(rule.grants.needs))}"
            lines.append(f"| {rule.grants.level} | {takes} | {rule.article} | {rule.confidence} |")
    return "\n".join(lines)


def equivalents() -> str:
    """The mapping table: our judgement."""
    lines = [
        "| Here | eIDAS | ISO 29115 | NIST 800-63-4 | acr | amr |",
        "|---|---|---|---|---|---|",
    ]
    for row in MAPPING:
        amr = row.amr.replace("|", "or")
        lines.append(
            f"| {row.axis} {row.level} | {row.eidas} | {row.iso_29115} | {row.nist_800_63_4} "
            f"| `…:{row.acr}` | {amr} |"
        )
    return "\n".join(lines)


SECTIONS = {
    "life-cycle": life_cycle,
    "grounds": grounds,
    "authentication": authentication,
    "equivalents": equivalents,
}
"""The generated parts of docs/levels.md, by the name in their markers."""
