"""Secret handles: what the browser or the client carries, and the key it is stored under.

>>> handle = new_handle(lambda size: bytes(size))
>>> len(handle), len(key_of(handle)), is_handle(handle), is_handle("../x")
(43, 32, True, False)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from eid.keys import encode_base64url

_HANDLE = re.compile(r"[A-Za-z0-9_-]{22,128}", re.ASCII)


def new_handle(rng: Callable[[int], bytes], *, size: int = 32) -> str:
    """``size`` random bytes as base64url; 16 (128 bits) is the least that is used."""
    return encode_base64url(rng(size))


def key_of(handle: str) -> bytes:
    """The SHA-256 under which a grant is stored: the store never holds the handle itself."""
    return hashlib.sha256(handle.encode()).digest()


def is_handle(text: str) -> bool:
    """Whether the text can be one of our handles at all."""
    return _HANDLE.fullmatch(text) is not None
