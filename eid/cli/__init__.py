"""The command line: `eid COMMAND`. Exit codes: 0 done, 1 refused, 2 unusable input, 3 unanchored.

The commands live in one file each; heavy parts are imported when a command runs.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are one sentence on stderr.

    As the console script (no arguments given here) it also sets up this process: a supervisor's
    signal ends a command as Ctrl-C does, and no text is refused by an odd terminal.
    """
    if arguments is None:
        _set_up_process()
        arguments = sys.argv[1:]
    config = _served(arguments)
    if config is not None:
        from eid.cli.outcome import exit_code
        from eid.cli.serving import serve_provider

        return exit_code(lambda: serve_provider(Path(config)))
    try:
        from eid.cli.program import run
    except ModuleNotFoundError as e:
        if e.name != "typer":
            raise
        sys.stderr.write("eid: the command line needs typer: pip install 'eid[server]'.\n")
        return 2
    return run(arguments)


def _served(arguments: Sequence[str]) -> str | None:
    """The file of a plain ``eid serve --config FILE``: a provider's processes carry no parser."""
    match list(arguments):
        case ["serve", "--config", file] if not file.startswith("-"):
            return file
        case ["serve", option] if option.startswith("--config="):
            return option.removeprefix("--config=")
        case _:
            return None


def _set_up_process() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if sys.stdin is None:
        sys.stdin = io.StringIO()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
