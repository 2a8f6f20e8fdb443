"""The one place where errors become sentences and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

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


def exit_code(command: Callable[[], object]) -> int:
    """Run a command and return its exit code; an error is one sentence on stderr."""
    try:
        code = command()
        sys.stdout.flush()
    except KeyboardInterrupt:
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
