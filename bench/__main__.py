"""Run the benches: ``python -m bench [ROOM …] [--quick] [--json]``; exit code 1 if a bar is missed.

A room is a module of this folder with a function ``rows(quick: bool)`` that yields `Row`s.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import sys
from pathlib import Path

from bench.report import Row, line

HERE = Path(__file__).parent
ROOMS = sorted(
    path.stem
    for path in HERE.glob("*.py")
    if not path.stem.startswith("_") and "def rows(" in path.read_text(encoding="utf-8")
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description="Measure against the bars.")
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=", ".join(ROOMS))
    parser.add_argument("--quick", action="store_true", help="few repetitions, for a first look")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    options = parser.parse_args()
    if unknown := set(options.rooms) - set(ROOMS):
        parser.error(f"no such room: {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    for room in options.rooms or ROOMS:
        for row in importlib.import_module(f"bench.{room}").rows(quick=options.quick):
            rows.append(row)
            print(json.dumps(dataclasses.asdict(row)) if options.json else line(row), flush=True)
    return 1 if any(row.met is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
