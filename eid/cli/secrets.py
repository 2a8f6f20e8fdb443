"""`eid keys seal`: put the database's secrets under a key that stays in a token."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def seal(
    *,
    config: Annotated[Path, typer.Option(help="The settings file, eid.toml.")],
    make_key: Annotated[
        bool, typer.Option("--make-key", help="Make the AES key in the token first.")
    ] = False,
) -> int:
    """Seal the plain secrets under the token's key and delete their files; safe to run again.

    The settings name the token under [pkcs11]. Back the plain files up before: without the token
    nothing opens the sealed ones.
    """
    from eid import app
    from eid.app.secret_source import open_token
    from eid.app.settings import WRAPPING_KEY
    from eid.keys.sources import seal_files

    settings = app.Settings.load(config, os.environ)
    token = open_token(settings)
    label = settings.pkcs11.wrapping_key if settings.pkcs11 else WRAPPING_KEY
    try:
        if make_key:
            token.make_wrapping_key(label)
        sealed = seal_files(token, label, settings.data_dir)
    finally:
        token.close()
    typer.echo(f"Sealed: {', '.join(sealed) or 'nothing, no plain secret is there'}.")
    return 0
