"""Client secrets, kept as salted hashes only (row O-033).

>>> is_secret("correct-horse-battery", hash_secret("correct-horse-battery"))
True
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from functools import lru_cache

from eid.errors import FormatError
from eid.keys import decode_base64url, encode_base64url

KEPT = 1024


def hash_secret(secret: str, *, rng: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """``sha256$salt$digest``: client secrets are random, so one round is enough."""
    salt = rng(16)
    digest = hashlib.sha256(salt + secret.encode()).digest()
    return f"sha256${encode_base64url(salt)}${encode_base64url(digest)}"


def is_secret(secret: str, secret_hash: str | None) -> bool:
    """Whether the secret is the hashed one, in constant time; None costs the same and is False."""
    salt, expected = _read(secret_hash or f"sha256${'A' * 22}${'A' * 43}")
    digest = hashlib.sha256(salt + secret.encode()).digest()
    return hmac.compare_digest(digest, expected) and secret_hash is not None


@lru_cache(maxsize=KEPT)
def _read(stored: str) -> tuple[bytes, bytes]:
    """Salt and digest of a hash; that of a client that calls often is read once."""
    _, salt, digest = stored.split("$")
    return decode_base64url(salt), decode_base64url(digest)


def check_hash(stored: str) -> None:
    """FormatError unless the text is a hash that :func:`hash_secret` made."""
    scheme, *parts = stored.split("$")
    if scheme != "sha256" or [len(decode_base64url(part)) for part in parts] != [16, 32]:
        raise FormatError("The client secret's hash is malformed.")
