"""Where this installation's secrets come from, by its settings; the token, where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eid.app.settings import Settings
from eid.errors import SettingsError
from eid.keys.sources import (
    SecretSource,
    secrets_from_environment,
    secrets_from_files,
    secrets_from_token,
)

if TYPE_CHECKING:
    from eid.keys.pkcs11 import Token


def open_token(settings: Settings) -> Token:
    """The token that the settings name, logged in; SettingsError ``keys.token…`` otherwise."""
    from eid.keys.pkcs11 import Token, TokenPlace  # noqa: PLC0415 - an extra of its own

    given = settings.pkcs11
    if given is None:
        raise SettingsError(
            "The settings name no token.",
            code="keys.token",
            key="pkcs11.module",
            expected="[pkcs11] with module, token and pin",
        )
    return Token(TokenPlace(module=given.module, token=given.token, pin=given.pin))


@contextmanager
def secret_source(settings: Settings) -> Iterator[SecretSource]:
    """The source for the time that an installation is opened; a token is closed after it."""
    if settings.secrets_source == "environment":
        yield secrets_from_environment(settings.secrets_given)
    elif settings.secrets_source == "files" or settings.pkcs11 is None:
        yield secrets_from_files(settings.data_dir)
    else:
        token = open_token(settings)
        try:
            yield secrets_from_token(token, settings.pkcs11.wrapping_key, settings.data_dir)
        finally:
            token.close()
