"""``python -m examples.public_service``: two portals, a provider and a card agent, on loopback."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from .place import describe, open_place


def main() -> None:
    """Start everything and wait for Ctrl-C."""
    parser = argparse.ArgumentParser(prog="examples.public_service", description=__doc__)
    parser.add_argument("--port", type=int, default=8500, help="the first of four ports")
    first = parser.parse_args().port
    with tempfile.TemporaryDirectory(prefix="eid-portal-") as folder:
        ports = (first, first + 1, first + 2, first + 3)
        with open_place(Path(folder), ports) as place:
            print(describe(place), flush=True)
            try:
                place.processes[0].wait()
            except KeyboardInterrupt:
                print()


if __name__ == "__main__":
    main()
