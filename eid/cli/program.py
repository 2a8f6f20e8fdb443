"""The command table: every command by its name, and the file that is its home.

>>> run(["verify", "--help"]) == 0  # doctest: +ELLIPSIS
Usage: eid verify ...
True
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from eid.cli.outcome import INTERRUPTED, UNUSABLE, exit_code

COMMANDS = {
    "demo": "eid.cli.demo",
    "read": "eid.cli.read",
    "verify": "eid.cli.verify",
    "readers": "eid.cli.readers",
    "simulate": "eid.cli.simulate",
    "serve": "eid.cli.serve",
    "doctor": "eid.cli.doctor",
    "qr": "eid.cli.qr",
    "account": "eid.cli.account",
    "client": "eid.cli.client",
    "keys": "eid.cli.keys",
    "kiosk": "eid.cli.kiosk",
    "levels": "eid.cli.levels",
    "audit": "eid.cli.audit",
    "db": "eid.cli.db",
    "trust": "eid.cli.trust",
}
"""In the order of the help; each file holds its command, or its group, under that name."""
_FURTHER = {
    "account": (("eid.cli.account_card", "expire"), ("eid.cli.account_card", "replace_number")),
    "keys": (("eid.cli.secrets", "seal"),),
}
"""What a group holds from other files."""


def program(command: str | None = None) -> typer.Typer:
    """All commands, as one Typer program; or one of them alone, without loading the others."""
    app = typer.Typer(
        name="eid",
        help="Electronic identity: from the chip in a card to the login of a service.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_program)
    for name in COMMANDS if command is None else (command,):
        found = getattr(import_module(COMMANDS[name]), name)
        if isinstance(found, typer.Typer):
            for home, further in _FURTHER.get(name, ()):
                found.command()(getattr(import_module(home), further))
            app.add_typer(found, name=name)
        else:
            app.command()(found)
    return app


def _program() -> None:
    """Nothing; but with it a single command, too, is called by its name."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    command = arguments[0] if arguments and arguments[0] in COMMANDS else None

    def call() -> object:
        try:
            return program(command)(args=list(arguments), prog_name="eid", standalone_mode=False)
        except typer.TyperException as e:
            return _usage(e)
        except typer.Abort:
            return INTERRUPTED

    return exit_code(call)


def _usage(error: typer.TyperException) -> int:
    text = error.format_message().strip()
    sys.stderr.write(text + "\n" if "\n" in text else f"eid: {text} (usage)\n")
    return UNUSABLE
