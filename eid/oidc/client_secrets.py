"""Client secrets, kept as salted hashes only (row O-033).

>>> is_secret("correct-horse-battery", hash_secret("correct-horse-battery"))
True
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable

from eid.errors import FormatError
from eid.keys import decode_base64url, encode_base64url


def hash_secret(secret: str, *, rng: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """``sha256$salt$digest``: client secrets are random, so one round is enough."""
    salt = rng(16)
    digest = hashlib.sha256(salt + secret.encode()).digest()
    return f"sha256${encode_base64url(salt)}${encode_base64url(digest)}"


def is_secret(secret: str, secret_hash: str | None) -> bool:
    """Whether the secret is the hashed one, in constant time; None costs the same and is False."""
    stored = secret_hash or f"sha256${'A' * 22}${'A' * 43}"
    _, salt, expected = stored.split("$")
    digest = hashlib.sha256(decode_base64url(salt) + secret.encode()).digest()
    equal = hmac.compare_digest(encode_base64url(digest), expected)
    return equal and secret_hash is not None


def check_hash(stored: str) -> None:
    """FormatError unless the text is a hash that :func:`hash_secret` made."""
    scheme, *parts = stored.split("$")
    if scheme != "sha256" or [len(decode_base64url(part)) for part in parts] != [16, 32]:
        raise FormatError("The client secret's hash is malformed.")
