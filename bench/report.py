"""One row of a bench: what was measured, the bar, and whether it was met."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure and its bar; ``at_least`` says on which side of the bar good figures lie.

    Without a bar the row only informs. ``note`` says what was compared, or why it could not be.
    """

    what: str
    figure: float | None
    bar: float | None = None
    at_least: bool = True
    unit: str = ""
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.bar is None or self.figure is None:
            return None
        return self.figure >= self.bar if self.at_least else self.figure <= self.bar


def _shown(figure: float) -> str:
    """Counts as they are, measurements to three figures."""
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:.3g}"


def line(row: Row) -> str:
    """The row for people."""
    word = {True: "ok  ", False: "MISS", None: "    "}[row.met]
    figure = "not measured" if row.figure is None else f"{_shown(row.figure)}{row.unit}"
    sign = "≥" if row.at_least else "≤"
    bar = "" if row.bar is None else f"{sign} {row.bar:g}{row.unit}"
    return f"{word} {row.what:62} {figure:>14}  {bar:>10}  {row.note}".rstrip()
