"""Proof Key for Code Exchange, S256 only (RFC 7636).

>>> verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
>>> matches(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
True
"""

from __future__ import annotations

import hashlib
import hmac
import re

from eid.keys import encode_base64url

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


def is_challenge(text: str) -> bool:
    """Whether the text is a base64url SHA-256."""
    return _CHALLENGE.fullmatch(text) is not None


def matches(verifier: str | None, challenge: str) -> bool:
    """Whether the verifier is well-formed and hashes to the challenge (§4.6)."""
    if verifier is None or _VERIFIER.fullmatch(verifier) is None:
        return False
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return hmac.compare_digest(encode_base64url(digest), challenge)
