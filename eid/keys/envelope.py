"""Personal data at rest: AES-256-GCM, bound to where it belongs (contracts §8, row O-078).

>>> envelope = Envelope(bytes(32))
>>> sealed = envelope.seal(b"name", context=b"account:1")
>>> envelope.open(sealed, context=b"account:1")
b'name'
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eid.errors import FormatError

_VERSION = b"\x01"
_NONCE = 12
_TAG = 16


class Envelope:
    """Seals under one 32-byte secret. Sealed form: version 1, nonce (12), ciphertext, tag (16)."""

    __slots__ = ("_cipher",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:
            raise ValueError("an envelope's secret has 32 bytes")
        self._cipher = AESGCM(secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an envelope holds a key and is never pickled")

    def seal(
        self,
        data: bytes,
        *,
        context: bytes,
        rng: Callable[[int], bytes] = secrets.token_bytes,
    ) -> bytes:
        """Encrypt; only :meth:`open` with the same context gives it back."""
        nonce = rng(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, data, _VERSION + context)

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        """Decrypt; FormatError ``envelope`` for another key, context or altered bytes."""
        if len(sealed) < 1 + _NONCE + _TAG or sealed[:1] != _VERSION:
            raise FormatError("The sealed data are malformed.", code="envelope")
        nonce, ciphertext = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            return self._cipher.decrypt(nonce, ciphertext, _VERSION + context)
        except InvalidTag as error:
            raise FormatError(
                "The sealed data do not open with this key.", code="envelope"
            ) from error
