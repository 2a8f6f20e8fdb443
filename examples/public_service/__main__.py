"""``python -m examples.public_service``: two portals, a provider and a card agent, on loopback."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import suppress
from pathlib import Path

from ..kit.pages import end_on_sigterm
from .place import describe, open_place


def main() -> None:
    """Start everything and wait for Ctrl-C."""
    end_on_sigterm()
    parser = argparse.ArgumentParser(prog="examples.public_service", description=__doc__)
    parser.add_argument("--port", type=int, default=8500, help="the first of four ports")
    first = parser.parse_args().port
    ports = (first, first + 1, first + 2, first + 3)
    with (
        suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="eid-portal-") as folder,
        open_place(Path(folder), ports) as place,
    ):
        print(describe(place), flush=True)
        place.processes[0].wait()


if __name__ == "__main__":
    main()
