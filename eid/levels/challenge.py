"""The verifier's challenge for Active Authentication, bound to who asks for what (contracts §2).

>>> derive_challenge(issuer="https://id.example", client_id="shop", transaction_id="t1",
...                  cookie_hash=b"", random=bytes(32)).hex()
'e0ae1169f1dd3092'
"""

from __future__ import annotations

import hashlib

LABEL = b"eid-aa-v1"
RANDOM_SIZE = 32
CHALLENGE_SIZE = 8


def derive_challenge(
    *, issuer: str, client_id: str, transaction_id: str, cookie_hash: bytes, random: bytes
) -> bytes:
    """Eight bytes: the head of SHA-256 over a label and each part with a two-byte length.

    ``cookie_hash`` is the SHA-256 of the browser's interaction cookie, or empty where there is
    no browser. ``random`` is 32 fresh bytes. Binds for the verifier only.
    """
    if len(random) != RANDOM_SIZE or len(cookie_hash) not in {0, 32}:
        raise ValueError("random is 32 bytes, the cookie hash 32 or none")
    parts = (issuer.encode(), client_id.encode(), transaction_id.encode(), cookie_hash, random)
    message = LABEL + b"".join(len(part).to_bytes(2) + part for part in parts)
    return hashlib.sha256(message).digest()[:CHALLENGE_SIZE]
