"""The command table, and the one place where errors become sentences and exit codes.

>>> run(["verify", "--help"]) == 0  # doctest: +ELLIPSIS
Usage: eid verify ...
True
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from eid.cli.account import account
from eid.cli.account_card import expire, replace_number
from eid.cli.audit import audit
from eid.cli.client import client
from eid.cli.db import db
from eid.cli.demo import demo
from eid.cli.doctor import doctor
from eid.cli.keys import keys
from eid.cli.kiosk import kiosk
from eid.cli.levels import levels
from eid.cli.qr import qr
from eid.cli.read import read
from eid.cli.readers import readers
from eid.cli.secrets import seal
from eid.cli.serve import serve
from eid.cli.simulate import simulate
from eid.cli.trust import trust
from eid.cli.verify import verify
from eid.errors import EidError, FormatError, SettingsError

REFUSED, UNUSABLE, INTERRUPTED = 1, 2, 130
_EXTRAS = {
    "smartcard": "pcsc",
    "argon2": "levels",
    "pyotp": "levels",
    "fido2": "levels",
    "falcon": "oidc",
    "jinja2": "oidc",
    "authlib": "rp",
    "requests": "rp",
    "sqlalchemy": "store",
    "alembic": "store",
    "psycopg": "store",
    "qrcode": "qr",
    "PIL": "qr",
    "zxingcpp": "scan",
    "pkcs11": "pkcs11",
    "pypdfium2": "scan",
    "granian": "server",
}


def program() -> typer.Typer:
    """All commands, as one Typer program."""
    app = typer.Typer(
        name="eid",
        help="Electronic identity: from the chip in a card to the login of a service.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for command in (demo, read, verify, readers, simulate, serve, doctor):
        app.command()(command)
    app.add_typer(qr, name="qr")
    account.command()(expire)
    account.command()(replace_number)
    app.add_typer(account, name="account")
    app.add_typer(client, name="client")
    keys.command()(seal)
    app.add_typer(keys, name="keys")
    app.add_typer(kiosk, name="kiosk")
    app.add_typer(levels, name="levels")
    app.add_typer(audit, name="audit")
    app.add_typer(db, name="db")
    app.add_typer(trust, name="trust")
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        code = program()(args=list(arguments), prog_name="eid", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as e:
        return _usage(e)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; nothing may be flushed into it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except (EidError, OSError, ModuleNotFoundError) as e:
        return _failed(e)
    except (RecursionError, MemoryError):
        # Hostile nesting or size that a parser of the standard library gave up on.
        sys.stderr.write("eid: A file is nested too deeply or too big. (input.size)\n")
        return UNUSABLE
    return code if isinstance(code, int) else 0


def _usage(error: typer.TyperException) -> int:
    text = error.format_message().strip()
    sys.stderr.write(text + "\n" if "\n" in text else f"eid: {text} (usage)\n")
    return UNUSABLE


def _where(error: EidError) -> str:
    """File, key and expectation of a setting, as far as the sentence does not name them."""
    if not isinstance(error, SettingsError):
        return ""
    named = {name: str(error.facts[name]) for name in ("file", "key", "expected")}
    untold = [f"{name}: {value}" for name, value in named.items() if value not in error.message]
    return f" [{'; '.join(untold)}]" if untold else ""


def _failed(error: EidError | OSError | ModuleNotFoundError) -> int:
    if isinstance(error, EidError):
        sys.stderr.write(f"eid: {error.message} ({error.code}){_where(error)}\n")
        return UNUSABLE if isinstance(error, FormatError | SettingsError) else REFUSED
    if isinstance(error, ModuleNotFoundError):
        root = (error.name or "").partition(".")[0]
        if root not in _EXTRAS:
            raise error
        extra = _EXTRAS[root]
        sys.stderr.write(
            f"eid: This command needs the package {root}: pip install 'eid[{extra}]'. (extra)\n"
        )
        return UNUSABLE
    where = f": {error.filename}" if isinstance(error.filename, str) else ""
    sys.stderr.write(f"eid: {error.strerror or 'The system refused'}{where} (system)\n")
    return UNUSABLE
