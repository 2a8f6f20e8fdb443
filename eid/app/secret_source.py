"""Where this installation's secrets come from, by its settings; the token, where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eid.app.settings import Settings
from eid.errors import SettingsError
from eid.keys import Envelope, KeyFolder
from eid.keys.files import read_secret
from eid.keys.sources import (
    FOLDER,
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
    with opened_keys(settings) as keys:
        yield keys.secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedKeys:
    """Where the database's secrets come from, and the folder of the other keys."""

    secrets: SecretSource
    folder: KeyFolder


@contextmanager
def opened_keys(settings: Settings) -> Iterator[OpenedKeys]:
    """An installation's keys for as long as it is open; a token is closed after it."""
    asked = "token" in {settings.secrets_source, settings.key_store}
    token = open_token(settings) if asked else None
    try:
        secrets = _secrets(settings, token)
        yield OpenedKeys(secrets=secrets, folder=_folder(settings, secrets, token))
    finally:
        if token is not None:
            token.close()


def _secrets(settings: Settings, token: Token | None) -> SecretSource:
    if settings.secrets_source == "environment":
        return secrets_from_environment(settings.secrets_given)
    if settings.secrets_source == "files" or token is None or settings.pkcs11 is None:
        return secrets_from_files(settings.data_dir)
    return secrets_from_token(token, settings.pkcs11.wrapping_key, settings.data_dir)


def _folder(settings: Settings, secrets: SecretSource, token: Token | None) -> KeyFolder:
    """The key folder as ``keys.store`` wants it: plain, sealed, or signing in the token."""
    if settings.key_store == "files":
        return KeyFolder(path=settings.data_dir)
    if settings.key_store == "token" and token is not None and settings.pkcs11 is not None:
        seal = _TokenSeal(token, settings.pkcs11.wrapping_key)
        return KeyFolder(path=settings.data_dir, seal=seal, token=token)
    if settings.key_file is not None:
        return KeyFolder(path=settings.data_dir, seal=Envelope(read_secret(settings.key_file)))
    return KeyFolder(path=settings.data_dir, seal=Envelope(secrets(FOLDER)))


@dataclass(frozen=True, slots=True)
class _TokenSeal:
    """The token's wrapping key as what key files are sealed under."""

    token: Token
    label: str

    def seal(self, data: bytes, *, context: bytes) -> bytes:
        """Encrypt for a context."""
        return self.token.seal(self.label, data, context=context)

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        """Decrypt."""
        return self.token.open(self.label, sealed, context=context)
