"""`eid keys seal`: put the database's secrets under a key that stays in a token."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from eid.app import Settings


def seal(
    *,
    config: Annotated[Path, typer.Option(help="The settings file, eid.toml.")],
    make_key: Annotated[
        bool, typer.Option("--make-key", help="Make the AES key in the token first.")
    ] = False,
) -> int:
    """Seal the plain secrets and keys as the settings want them, safe to run again.

    The database's secrets go under the token of [pkcs11] where secrets.source is "token"; the
    files of the other keys under what keys.store and keys.key_file say. Back the plain files up
    before: without that token or secret nothing opens the sealed ones.
    """
    from eid import app
    from eid.app.secret_source import opened_keys
    from eid.keys.files import seal_key_files

    settings = app.Settings.load(config, os.environ)
    sealed = _seal_secrets(settings, make_key=make_key)
    if settings.key_store != "files":
        with opened_keys(settings) as opened:
            sealed += seal_key_files(opened.folder)
    typer.echo(f"Sealed: {', '.join(sealed) or 'nothing, no plain secret is there'}.")
    return 0


def _seal_secrets(settings: Settings, *, make_key: bool) -> list[str]:
    """The database's secrets under the token's key, which is made first if that is asked for."""
    from eid.app.secret_source import open_token
    from eid.app.settings import WRAPPING_KEY
    from eid.keys.sources import seal_files

    if settings.pkcs11 is None and settings.key_store == "sealed":
        return []
    token = open_token(settings)
    label = settings.pkcs11.wrapping_key if settings.pkcs11 else WRAPPING_KEY
    try:
        if make_key:
            token.make_wrapping_key(label)
        plain = settings.secrets_source == "files" and settings.key_store != "files"
        return [] if plain else seal_files(token, label, settings.data_dir)
    finally:
        token.close()
