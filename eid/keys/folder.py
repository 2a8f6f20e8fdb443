"""An installation's key folder: plain files, files sealed at rest, or references into a token.

A sealed file holds a mark and AES-256-GCM bound to its kind and purpose; a reference holds a mark
and the label of a key that was made in a token and never leaves it. Whether files are sealed is
never guessed: a plain file where sealed ones are expected is refused, and the other way round.

>>> from eid.keys.envelope import Envelope
>>> folder = KeyFolder(path=Path("data"), seal=Envelope(bytes(32)))
>>> shut = folder.shut(Path("data/keys/tokens.pem"), "tokens", b"-----BEGIN")
>>> b"BEGIN" in shut, folder.opened(Path("data/keys/tokens.pem"), "tokens", shut)
(False, b'-----BEGIN')
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from eid.errors import FormatError, SettingsError
from eid.keys.jwk import VerificationKey
from eid.keys.signing import RemotePrivate, SigningAlgorithm, SigningKey

_SEALED: Final = b"eid-sealed-key-v1\n"
_IN_TOKEN: Final = b"eid-token-key-v1\n"
_LABEL = re.compile(r"[a-z0-9-]{1,80}", re.ASCII)


class Seal(Protocol):
    """What key files are sealed under: an :class:`Envelope`, or a token's own key."""

    def seal(self, data: bytes, *, context: bytes) -> bytes:
        """Encrypt for a context."""

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        """Decrypt; FormatError for another key, context or altered bytes."""


class SigningToken(Protocol):
    """Where signing keys can be made and used, such as :class:`eid.keys.pkcs11.Token`."""

    def make_signing_key(self, label: str, alg: SigningAlgorithm) -> None:
        """Make a key pair that never leaves the token."""

    def sign(self, label: str, alg: SigningAlgorithm, message: bytes) -> bytes:
        """A signature in JOSE form."""

    def public_key(self, label: str, alg: SigningAlgorithm) -> VerificationKey:
        """The public half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFolder:
    """``path`` is the data folder; with a ``token`` new signing keys are made inside it."""

    path: Path
    seal: Seal | None = field(default=None, repr=False)
    token: SigningToken | None = field(default=None, repr=False)

    @classmethod
    def of(cls, place: Path | KeyFolder) -> KeyFolder:
        """A plain folder where only a path is given."""
        return place if isinstance(place, KeyFolder) else cls(path=place)

    def shut(self, path: Path, purpose: str, content: bytes) -> bytes:
        """A file's content as it is written."""
        if self.seal is None:
            return content
        return _SEALED + self.seal.seal(content, context=_context(path, purpose))

    def opened(self, path: Path, purpose: str, stored: bytes) -> bytes:
        """What a file holds; SettingsError ``keys.not_sealed`` or ``keys.sealed``."""
        sealed = stored.startswith(_SEALED)
        if self.seal is None:
            if sealed:
                raise _wrong(path, "The key file is sealed.", "keys.store as it was sealed with")
            return stored
        if not sealed:
            raise SettingsError(
                "A key still lies in a plain file.",
                code="keys.not_sealed",
                file=str(path),
                expected="eid keys seal",
            )
        try:
            return self.seal.open(stored[len(_SEALED) :], context=_context(path, purpose))
        except FormatError as error:
            raise _wrong(path, "The key file does not open.", "the key it was sealed with") from (
                error
            )

    def make_in_token(self, purpose: str, alg: SigningAlgorithm) -> bytes | None:
        """The reference to a new key of the token; None where keys lie in files."""
        if self.token is None:
            return None
        label = f"eid-{purpose}-{secrets.token_hex(6)}"
        self.token.make_signing_key(label, alg)
        return _IN_TOKEN + label.encode()

    def from_token(
        self, path: Path, purpose: str, alg: SigningAlgorithm, content: bytes
    ) -> SigningKey | None:
        """The token's key that a file refers to; None if the file holds a key itself."""
        if not content.startswith(_IN_TOKEN):
            return None
        label, token = content[len(_IN_TOKEN) :].decode("ascii", "replace"), self.token
        if token is None or not _LABEL.fullmatch(label):
            raise _wrong(path, "The key file refers to a token.", 'keys.store = "token"')
        private = RemotePrivate(
            public=token.public_key(label, alg),
            signer=lambda message: token.sign(label, alg, message),
        )
        return SigningKey.of(private, purpose, alg)


def is_plain(content: bytes) -> bool:
    """Whether a key file's content is neither sealed nor a reference."""
    return not content.startswith((_SEALED, _IN_TOKEN))


def _context(path: Path, purpose: str) -> bytes:
    """The kind of file and its purpose: a rotation renames files, within these."""
    return f"eid-key-file:{path.suffix}:{purpose}".encode()


def _wrong(path: Path, message: str, expected: str) -> SettingsError:
    return SettingsError(message, code="keys.sealed", file=str(path), expected=expected)
