"""The command line: `eid COMMAND`. Exit codes: 0 done, 1 refused, 2 unusable input, 3 unanchored.

The commands live in one file each; heavy parts are imported when a command runs.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are one sentence on stderr."""
    try:
        from eid.cli.program import run
    except ModuleNotFoundError as e:
        if e.name != "typer":
            raise
        sys.stderr.write("eid: the command line needs typer: pip install 'eid[server]'.\n")
        return 2
    if arguments is not None:
        return run(arguments)
    # what a supervisor sends ends a command as Ctrl-C does, with everything put away
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return run(sys.argv[1:])
